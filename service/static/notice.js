// What went wrong, in words, with a way on.
import { button, element } from "/static/elements.js";

/** Show `trouble` in `place`; with `retry`, a button that can be pressed once the time that the service named is over. */
export function showTrouble(place, trouble, retry = null) {
  const notice = element("div", { class: "notice trouble" }, element("p", {}, trouble.message));
  place.replaceChildren(notice);
  if (!retry) return;
  const again = button("Try again", () => {
    place.replaceChildren();
    retry();
  });
  notice.append(again);
  if (!trouble.wait) return;
  // The words say how long; a countdown would be read aloud every second.
  again.disabled = true;
  setTimeout(() => (again.disabled = false), trouble.wait * 1000);
}

/** A note that is no error. */
export function showNote(place, words) {
  place.replaceChildren(element("div", { class: "notice" }, element("p", {}, words)));
}
