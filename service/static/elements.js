// Building the page. Strings become text nodes, never markup: whatever a text holds is shown as text.

/** element("p", {class: "hint"}, "words", child): an element. Functions are listeners; null and false are left out. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else if (name === "vars") for (const [key, size] of Object.entries(value)) made.style.setProperty(key, size);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const button = (label, click, properties = {}) =>
  element("button", { type: "button", click, ...properties }, label);

/** The shape of a theme, which tells themes apart without colour. */
export const shape = (slot, maybe = false) =>
  element("i", { class: `shape t${slot}${maybe ? " maybe" : ""}`, "aria-hidden": "true" });
