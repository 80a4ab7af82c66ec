// The review view: what readers said, to accept or to reject.
import { Trouble, ask } from "/static/api.js";
import { utf16Offsets } from "/static/codepoints.js";
import { button, element } from "/static/elements.js";
import { askForKey } from "/static/key.js";
import { showNote, showTrouble } from "/static/notice.js";
import { count } from "/static/words.js";

const AT_ONCE = 50;

const $ = (id) => document.getElementById(id);
const queue = $("queue");
const items = new Map();
const DONE = { accept: "accepted", reject: "rejected" };

let state = "pending";
let next = null;
let names = null;
let turn = 0; // of the list: an answer that comes after the reader has gone on is dropped

for (const tab of document.querySelectorAll("[data-state]"))
  tab.addEventListener("click", () => {
    state = tab.dataset.state;
    for (const other of document.querySelectorAll("[data-state]")) other.setAttribute("aria-pressed", String(other === tab));
    load();
  });
$("more").addEventListener("click", () => load(next));
queue.addEventListener("keydown", onKey);
queue.addEventListener("click", (event) => {
  const { decision } = event.target.dataset ?? {};
  if (decision) decide(event.target.closest("li"), decision);
});
load();

async function load(after = null) {
  const mine = ++turn;
  $("notice").replaceChildren();
  if (after === null) {
    queue.replaceChildren();
    items.clear();
    $("more").hidden = true;
  }
  try {
    names ??= await narrativeNames();
    const query = new URLSearchParams({ state, limit: String(AT_ONCE), ...(after === null ? {} : { after }) });
    const answer = await ask(`/v1/review?${query}`);
    if (mine !== turn) return;
    for (const item of answer.items) items.set(item.id, item);
    queue.append(...answer.items.map(draw));
    next = answer.next;
    $("more").hidden = next === null;
    if (!items.size) showNote($("notice"), state === "pending" ? "Nothing waits for review." : `Nothing was ${state} yet.`);
    else $("status").textContent = `${count(items.size, "sentence")} ${state}${next === null ? "" : ", and more"}.`;
  } catch (error) {
    if (mine === turn) told(error, () => load(after));
  }
}

async function narrativeNames() {
  const taxonomy = await ask("/v1/taxonomy");
  return new Map(taxonomy.themes.flatMap((theme) => theme.narratives.map((narrative) => [narrative.id, narrative.name])));
}

function told(error, retry) {
  if (!(error instanceof Trouble)) throw error;
  if (error.wantsKey) askForKey($("key"), error.message, retry);
  else showTrouble($("notice"), error, error.status === 404 ? null : retry);
}

function draw(item) {
  const name = names.get(item.label) ?? item.label;
  const claim = { correct: ["“", name, "” is right"], incorrect: ["“", name, "” is wrong"], missing: ["should be “", name, "”"] }[item.verdict] ?? [item.verdict, " ", name];
  const about = [
    item.annotator ? `said by ${item.annotator}` : "unsigned",
    new Date(item.created).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }),
    item.language && `language ${item.language}`,
    item.priority === null || item.priority === undefined ? null : `priority ${Number(item.priority).toFixed(2)}`,
    item.digest && `model ${item.digest.replace(/^sha256:/, "").slice(0, 12)}`,
  ];
  return element(
    "li",
    { tabindex: "0", "data-id": item.id },
    element("p", { class: "claim" }, ...claim, item.voice ? `, ${item.voice}` : ""),
    element("blockquote", { dir: "auto", lang: item.language ?? "" }, ...quoted(item)),
    element("p", { class: "hint" }, about.filter(Boolean).join(" · ")),
    element("p", { class: "row" }, ...actions(item)),
  );
}

/** The text, with the words that were meant marked. */
function quoted({ text, begin, end }) {
  if (begin === null || begin === undefined) return [text];
  const at = utf16Offsets(text);
  return [text.slice(0, at(begin)), element("mark", {}, text.slice(at(begin), at(end))), text.slice(at(end))];
}

function actions(item) {
  if (item.state === "moved") return [element("span", { class: "decided" }, "stands in the labels now")];
  const decided = item.state === "pending" ? null : element("span", { class: "decided" }, item.state + (item.reviewer ? ` by ${item.reviewer}` : ""));
  const accept = button(decided ? "Accept after all" : "Accept", null, { "data-decision": "accept", class: decided ? "quiet" : "primary" });
  const reject = button(decided ? "Reject after all" : "Reject", null, { "data-decision": "reject", class: decided ? "quiet" : null });
  return [decided, item.state === "accepted" ? null : accept, item.state === "rejected" ? null : reject].filter(Boolean);
}

async function decide(row, decision) {
  const item = items.get(row.dataset.id);
  if (!item || item.state === DONE[decision]) return;
  const reviewer = $("reviewer").value.trim();
  $("notice").replaceChildren();
  try {
    const decided = await ask(`/v1/review/${encodeURIComponent(item.id)}`, { body: { decision, ...(reviewer ? { reviewer } : {}) } });
    items.set(item.id, decided);
    // The row stays where it is, so that a slip can be mended at once.
    const focused = row.contains(document.activeElement);
    const drawn = draw(decided);
    row.replaceWith(drawn);
    $("status").textContent = `${decided.state}.`;
    if (focused) (drawn.nextElementSibling ?? drawn).focus();
  } catch (error) {
    told(error, () => decide(row, decision));
  }
}

/** Single keys hold only while a row has the focus. */
function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const row = event.target.closest("li");
  const key = event.key.toLowerCase();
  const goal = { arrowdown: row?.nextElementSibling, arrowup: row?.previousElementSibling }[key];
  if (goal) {
    event.preventDefault();
    goal.focus();
  } else if (row && (key === "a" || key === "r")) {
    event.preventDefault();
    decide(row, key === "a" ? "accept" : "reject");
  }
}
