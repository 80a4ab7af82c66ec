// Light or dark: the system's choice, unless the switch says otherwise; that is remembered for the session only.
// A classic script in the head, so that the first paint has the right colours.
"use strict";
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return sessionStorage.getItem("appearance");
    } catch {
      return null; // storage is forbidden: the switch works until the page is left
    }
  }

  const dark = () => (root.dataset.appearance ? root.dataset.appearance === "dark" : system.matches);

  function tell() {
    const button = document.getElementById("appearance");
    if (button) button.textContent = dark() ? "Light" : "Dark";
    if (button) button.setAttribute("aria-label", dark() ? "Light colours" : "Dark colours");
    document.dispatchEvent(new Event("appearance"));
  }

  const remembered = chosen();
  if (remembered === "light" || remembered === "dark") root.dataset.appearance = remembered;
  system.addEventListener("change", tell);
  document.addEventListener("DOMContentLoaded", () => {
    tell();
    document.getElementById("appearance")?.addEventListener("click", () => {
      root.dataset.appearance = dark() ? "light" : "dark";
      try {
        sessionStorage.setItem("appearance", root.dataset.appearance);
      } catch {
        // as above
      }
      tell();
    });
    if (document.body.dataset.feedback === "off")
      for (const link of document.querySelectorAll("[data-needs-feedback]")) link.hidden = true;
  });
})();
