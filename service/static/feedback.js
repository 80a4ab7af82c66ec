// "Right", "Wrong", "Should be ...": what a reader says of a tag, sent to POST /v1/feedback.
import { Trouble, ask, randomId } from "/static/api.js";
import { button, element } from "/static/elements.js";
import { VOICES } from "/static/words.js";

export class Feedback {
  /** `onKey(message, retry)` asks for a key; `onOff()` is called where the service turns out to take no feedback. */
  constructor({ onKey, onOff }) {
    this.onKey = onKey;
    this.onOff = onOff;
    this.agreed = false; // the reader has read what is stored, once
    this.name = "";
    this.said = new Map(); // what was sent for a tag, to be shown again
  }

  /** For a new text. */
  forget() {
    this.said.clear();
  }

  forTag(reading, sentence, label) {
    const name = reading.codebook.name(label.id);
    return this.#box(reading, sentence, label.id, `Your judgement of “${name}”`, "Is it right?", (box) => [
      button("Right", () => box.send("right", [{ label: label.id, verdict: "correct" }])),
      button("Wrong", () => box.send("wrong", [{ label: label.id, verdict: "incorrect" }])),
      button("Should be …", () => box.choose(), { "aria-expanded": "false", class: "should" }),
    ]);
  }

  forUntagged(reading, sentence) {
    return this.#box(reading, sentence, "", "Your judgement of this sentence", "Is something missed?", (box) => [
      button("Should be …", () => box.choose(), { "aria-expanded": "false", class: "should" }),
    ]);
  }

  #box(reading, sentence, judged, title, question, buttons) {
    const key = `${sentence.index} ${judged}`;
    const step = element("div", { class: "step" });
    const said = element("p", { class: "said", role: "status" }, this.said.get(key) ?? "");
    const place = element("section", { class: "feedback", role: "group", "aria-label": title });
    const tell = (words) => {
      said.textContent = words;
      this.said.set(key, words);
    };
    const box = {
      send: (words, verdicts) => {
        const requests = verdicts.map((verdict) => ({
          text: sentence.text,
          digest: reading.model.digest,
          client_id: randomId(),
          ...verdict,
        }));
        const go = () => {
          step.replaceChildren();
          if (this.name) for (const request of requests) request.annotator = this.name;
          this.#post(requests, words, tell, step);
        };
        if (this.agreed) go();
        else this.#explain(step, judged === "", go);
      },
      choose: () => {
        const open = step.querySelector("form.choose");
        place.querySelector(".should").setAttribute("aria-expanded", String(!open));
        if (open) return step.replaceChildren();
        return this.#choice(reading, judged, step, box);
      },
    };
    place.append(element("p", { class: "row" }, element("span", { class: "question" }, question), ...buttons(box)), step, said);
    return place;
  }

  /** What is stored, before anything is sent for the first time. */
  #explain(step, missing, go) {
    const name = element("input", { id: "annotator", autocomplete: "off", maxlength: "200", value: this.name });
    const form = element(
      "form",
      {
        class: "consent",
        submit: (event) => {
          event.preventDefault();
          this.agreed = true;
          this.name = name.value.trim();
          go();
        },
      },
      element("p", {}, `This sentence is stored on this service, with ${missing ? "" : "the tag, "}your answer and the model's digest; not the rest of the text. Somebody may look at it and use it to train the model.`),
      element("label", { for: "annotator" }, "Your name or initials (may stay empty)"),
      name,
      element("div", { class: "row" }, element("button", { type: "submit", class: "primary" }, "Store it"), button("Cancel", () => step.replaceChildren())),
    );
    step.replaceChildren(form);
    form.querySelector("button").focus();
  }

  #choice(reading, judged, step, box) {
    const { codebook } = reading;
    const groups = [...codebook.themes.values()].map((theme) =>
      element("optgroup", { label: theme.name }, ...[...codebook.narratives.values()].filter((n) => n.theme === theme.id).map((n) => element("option", { value: n.id, selected: n.id === judged }, n.name))),
    );
    const none = judged ? element("option", { value: "" }, "no narrative") : null;
    const narrative = element("select", { id: "should-be" }, none, ...groups);
    const voice = element("select", { id: "should-voice" }, element("option", { value: "" }, "not said"), ...Object.entries(VOICES).map(([id, told]) => element("option", { value: id }, `${id}: ${told}`)));
    const form = element(
      "form",
      {
        class: "choose",
        submit: (event) => {
          event.preventDefault();
          const chosen = narrative.value;
          const heard = voice.value ? { voice: voice.value } : {};
          const verdicts = [];
          if (chosen === judged) verdicts.push({ label: judged, verdict: "correct", ...heard });
          else {
            if (judged) verdicts.push({ label: judged, verdict: "incorrect" });
            if (chosen) verdicts.push({ label: chosen, verdict: "missing", ...heard });
          }
          const named = chosen === judged ? "right" : `should be “${codebook.name(chosen)}”`;
          box.send(chosen ? named + (voice.value && `, ${voice.value}`) : "no narrative", verdicts);
        },
      },
      element("label", { for: "should-be" }, "It should be"),
      narrative,
      element("label", { for: "should-voice" }, "and its voice is"),
      voice,
      element("button", { type: "submit", class: "primary" }, "Send"),
    );
    step.replaceChildren(form);
    narrative.focus();
  }

  /** Send one after the other. A second try sends the same ids, so that nothing is stored twice. */
  async #post(requests, words, tell, step) {
    tell("Sending …");
    try {
      for (const request of requests) await ask("/v1/feedback", { body: request });
      tell(`Stored: ${words}. Thank you.`);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      const retry = () => {
        step.replaceChildren();
        this.#post(requests, words, tell, step);
      };
      tell(`Not stored. ${error.message}`);
      if (error.status === 404) this.onOff();
      else if (error.wantsKey) this.onKey(error.message, retry);
      else if (error.status !== 409 && error.status !== 422) step.replaceChildren(button("Try again", retry));
    }
  }
}
