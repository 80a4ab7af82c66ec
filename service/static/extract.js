// The text of a file. Nothing of an HTML file is run, loaded or kept but its words.

const LARGEST = 64 * 1024 * 1024; // bytes; the service takes less, but may be set otherwise

const DROPPED = new Set(
  "SCRIPT STYLE NOFRAMES NOSCRIPT TEMPLATE TITLE HEAD SVG MATH IFRAME OBJECT EMBED CANVAS AUDIO VIDEO BUTTON SELECT TEXTAREA INPUT DIALOG".split(" "),
);
const BLOCKS = new Set(
  ("ADDRESS ARTICLE ASIDE BLOCKQUOTE BODY CAPTION CENTER DD DETAILS DIV DL DT FIELDSET FIGCAPTION FIGURE FOOTER FORM H1 H2 H3 " +
    "H4 H5 H6 HEADER HGROUP HR LEGEND LI MAIN MENU NAV OL P PRE SEARCH SECTION SUMMARY TABLE TBODY TD TFOOT TH THEAD TR UL").split(" "),
);

/** {text, note} of a .txt or .html file; throws an Error in plain words. */
export async function textOfFile(file) {
  const html = /\.html?$/i.test(file.name) || file.type === "text/html";
  if (!html && !/\.(txt|text|md)$/i.test(file.name) && file.type !== "text/plain")
    throw new Error(`“${file.name}” is neither a .txt nor an .html file. Open it elsewhere and paste its text.`);
  if (file.size > LARGEST) throw new Error(`“${file.name}” is larger than 64 MB. Cut it, or paste a part of it.`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const { decoded, note } = decode(bytes, html);
  const text = html ? textOfHtml(decoded) : decoded;
  if (!text.trim()) throw new Error(`There is no text in “${file.name}”.`);
  return { text, note };
}

function decode(bytes, html) {
  const [a, b] = bytes;
  if (a === 0xff && b === 0xfe) return { decoded: new TextDecoder("utf-16le").decode(bytes), note: "" };
  if (a === 0xfe && b === 0xff) return { decoded: new TextDecoder("utf-16be").decode(bytes), note: "" };
  try {
    return { decoded: new TextDecoder("utf-8", { fatal: true }).decode(bytes), note: "" };
  } catch {
    // Old Russian files, mostly; an HTML file may name its encoding itself.
    const named = html && /<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)/i.exec(new TextDecoder("latin1").decode(bytes.subarray(0, 4096)));
    for (const encoding of [named?.[1], "windows-1251"]) {
      if (!encoding || /^utf-?8$/i.test(encoding)) continue;
      try {
        const decoded = new TextDecoder(encoding).decode(bytes);
        return { decoded, note: `The file is not UTF-8; it was read as ${encoding}. See whether it looks right.` };
      } catch {
        // an encoding that browsers do not know
      }
    }
    throw new Error("The file's encoding is not known. Save it as UTF-8.");
  }
}

/**
 * The same without styles and handlers: the browser would not run them here, but complain of each. Only tags are touched:
 * noframes is parsed as style is, and dropped as well.
 */
function inert(html) {
  return html
    .replace(/<(\/?)style(?=[\s/>])/gi, "<$1noframes")
    .replace(/<[a-z][^<>]*>/gi, (tag) => tag.replace(/([\s"'/])(?=(?:style|on[a-z]+)[\s=])/gi, "$1data-"));
}

/** The words of an HTML page: scripts, styles and controls dropped, block elements as lines. */
export function textOfHtml(html) {
  const parsed = new DOMParser().parseFromString(inert(html), "text/html");
  const lines = [""];
  const write = (words) => (lines[lines.length - 1] += words);
  const walk = (node, keep) => {
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) {
        if (keep) child.data.split(/\r\n|\r|\n/).forEach((line, k) => (k ? lines.push(line) : write(line)));
        else write(child.data.replace(/[ \t\r\n\f]+/g, " "));
      } else if (child.nodeType === Node.ELEMENT_NODE) {
        const name = child.tagName.toUpperCase();
        if (DROPPED.has(name) || child.hidden) continue;
        if (name === "BR") lines.push("");
        else if (BLOCKS.has(name)) {
          lines.push("");
          walk(child, keep || name === "PRE");
          lines.push("");
        } else walk(child, keep);
      }
    }
  };
  walk(parsed.body ?? parsed.documentElement, false);
  return lines
    .map((line) => line.replace(/ {2,}/g, " ").trim())
    .filter(Boolean)
    .join("\n\n");
}
