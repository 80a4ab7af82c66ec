// The field for a key: shown where the service asks for one.
import { useKey } from "/static/api.js";
import { button, element } from "/static/elements.js";

/** Show the field in `place`; `retry` is called once a key is given. */
export function askForKey(place, message, retry) {
  const input = element("input", { id: "key-input", type: "password", autocomplete: "off", spellcheck: "false" });
  const session = element("input", { type: "checkbox", id: "key-session" });
  const close = () => place.replaceChildren();
  const form = element(
    "form",
    {
      class: "notice key",
      submit: (event) => {
        event.preventDefault();
        if (!input.value.trim()) return input.focus();
        useKey(input.value.trim(), session.checked);
        close();
        return retry();
      },
    },
    element("p", {}, `${message} Ask whoever runs it.`),
    element("label", { for: "key-input" }, "Key"),
    element(
      "div",
      { class: "row" },
      input,
      element("button", { type: "submit", class: "primary" }, "Use it"),
      button("Cancel", close),
    ),
    element("label", { class: "check" }, session, " Remember it until this tab is closed (otherwise until the page is left)"),
  );
  place.replaceChildren(form);
  input.focus();
}
