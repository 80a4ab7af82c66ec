// The service counts code points; JavaScript's strings count UTF-16 units. A character beyond U+FFFF takes two of these.

/** A function from code-point offsets of `text` to offsets in its UTF-16 units. */
export function utf16Offsets(text) {
  // The place of every character that takes two units, counted in code points, in rising order.
  const wide = [];
  const pairs = /[\ud800-\udbff][\udc00-\udfff]/g;
  for (let found = pairs.exec(text); found; found = pairs.exec(text)) wide.push(found.index - wide.length);
  if (!wide.length) return (offset) => offset;
  return (offset) => {
    let low = 0;
    let high = wide.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (wide[middle] < offset) low = middle + 1;
      else high = middle;
    }
    return offset + low;
  };
}

/** Length in code points. */
export function codePointLength(text) {
  return text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
}
