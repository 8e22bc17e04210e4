// Keys, drafts and search. Without this file the page works as plain forms.
"use strict";

const words = JSON.parse(document.body.dataset.words);
const form = document.getElementById("label");
const critique = document.getElementById("critique");
const status = document.getElementById("status");
const alarm = document.getElementById("alarm");
const hint = document.getElementById("hint");
const coding = document.getElementById("coding");
const noteBox = document.getElementById("note");
const tags = document.getElementById("tags");
const known = document.getElementById("known");
const sheet = document.getElementById("sheet");
const search = document.getElementById("search");
const address = form.getAttribute("action"); // form.action would be the buttons of that name
const shelf = "dikast " + form.dataset.key;
const PAUSE_MS = 400, RETRY_MS = 1500, KEEPALIVE_BYTES = 60000;

// What was typed: kept here until the server has it.

function content() {
  return JSON.stringify([form.elements.said.value, critique.value, noteBox.value, tags.value]);
}

function keepHere() {
  const kept = { content: content(), revision: form.elements.revision.value };
  try { localStorage.setItem(shelf, JSON.stringify(kept)); } catch { /* private mode or full: the server has it soon */ }
}

function forgetHere() {
  try { localStorage.removeItem(shelf); } catch { /* nothing was kept */ }
}

function takeBack() {
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(shelf)); } catch { return; }
  if (!kept) return;
  if (kept.content === content()) return forgetHere();
  const [said, text, noted, tagged] = JSON.parse(kept.content);
  if (document.querySelector(".conflict")) return;
  form.elements.said.value = said;
  critique.value = text;
  noteBox.value = noted ?? "";
  tags.value = tagged ?? "";
  coding.open = Boolean(noteBox.value || tags.value);
  form.elements.revision.value = kept.revision;
  status.textContent = words.restored;
  changed = amended = true;
  soon();
}

// Sending: one request at a time; a server that is away is asked again.

let amended = form.dataset.state !== "saved"; // whether what is shown differs from the saved label
let changed = false, sending = null, timer = 0, wanted = null, stopped = false;

function soon(wait = PAUSE_MS) {
  clearTimeout(timer);
  timer = setTimeout(flush, wait);
}

function note() {
  amended = true;
  if (stopped) return keepHere();
  changed = true;
  keepHere();
  soon();
}

async function flush() {
  if (sending || stopped) return;
  const action = wanted || (changed ? "draft" : null);
  if (!action) return;
  sending = post(action);
  await sending;
  sending = null;
  if ((changed || wanted) && !stopped) soon(alarm.textContent ? RETRY_MS : 0);
}

async function post(action) {
  const sent = content();
  const body = new URLSearchParams(new FormData(form));
  body.set("action", action);
  if (action === "draft") status.textContent = words.saving;
  let reply;
  try {
    const size = body.toString().length;
    reply = await fetch(address, {
      method: "POST", body, headers: { Accept: "application/json" }, keepalive: size < KEEPALIVE_BYTES,
    });
    if (reply.status >= 500) throw new Error(reply.statusText);
  } catch {
    alarm.textContent = words.offline;
    status.textContent = "";
    changed = true;
    return;
  }
  alarm.textContent = "";
  if (reply.status === 409) return conflict(action);
  if (!reply.ok) return refuse(await reply.text());
  const said = await reply.json();
  form.elements.revision.value = said.revision;
  if (content() === sent) {
    changed = false;
    forgetHere();
  } else {
    keepHere();
  }
  if (action !== "draft") {
    stopped = true;
    wanted = null;
    location.assign(said.next);
    return;
  }
  status.textContent = words.kept;
  coach(said.hint);
}

function conflict(action) {
  stopped = true;
  if (action !== "draft") {
    submitPlainly(action);
    return;
  }
  wanted = null;
  keepHere();
  alarm.textContent = words.conflict + " ";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = words.show_both;
  button.addEventListener("click", () => submitPlainly("draft"));
  alarm.append(button);
}

// The server answers a plain form with the page that shows both sides.
function submitPlainly(action) {
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = "action";
  field.value = action;
  form.append(field);
  form.submit();
}

function refuse(why) {
  stopped = true;
  wanted = null;
  keepHere();
  alarm.textContent = words.refused + " " + why;
}

function coach(text) {
  if (!text) hint.textContent = ""; // what it asked for is there
  if (!text || hint.dataset.given) return;
  hint.dataset.given = "yes";
  hint.textContent = text;
}

function save(action) {
  if (action === "save" && !form.elements.said.value) {
    status.textContent = words.choose_first;
    form.querySelector("input[type=radio]").focus();
    return;
  }
  if (stopped) return submitPlainly(action);
  wanted = action;
  clearTimeout(timer);
  flush();
}

async function leave(there) {
  if (!there) return;
  clearTimeout(timer);
  if (sending) await sending;
  if (changed && !stopped) { sending = post("draft"); await sending; sending = null; }
  location.assign(there);
}

form.addEventListener("input", note);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  save(event.submitter ? event.submitter.value : "save");
});
addEventListener("pagehide", () => {
  if (!changed || stopped || sending) return;
  const body = new URLSearchParams(new FormData(form));
  body.set("action", "draft");
  navigator.sendBeacon(address, body);
});
for (const link of document.querySelectorAll("a[rel], #go-on")) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || link.target) return;
    event.preventDefault();
    leave(link.href);
  });
}
document.getElementById("theirs")?.addEventListener("click", forgetHere);

// Tags: those used before in the dataset are offered for the one that is being typed.

const allTags = JSON.parse(tags.dataset.known);
const MOST_OFFERED = 8;
let picked = -1;

function offer() {
  const given = tags.value.split(/[,;，；、]/).map((tag) => tag.trim().toLowerCase());
  const begun = given.pop();
  const free = allTags.filter((tag) => !given.includes(tag.toLowerCase()) && tag.toLowerCase() !== begun);
  const starts = free.filter((tag) => tag.toLowerCase().startsWith(begun));
  const holds = free.filter((tag) => !starts.includes(tag) && tag.toLowerCase().includes(begun));
  const offered = [...starts, ...holds].slice(0, MOST_OFFERED);
  known.replaceChildren(...offered.map((tag, at) => {
    const one = document.createElement("li");
    one.id = "known-" + at;
    one.role = "option";
    one.dir = "auto";
    one.textContent = tag;
    one.addEventListener("mousedown", (event) => { event.preventDefault(); take(tag); });
    return one;
  }));
  pick(-1);
  known.hidden = !offered.length;
  tags.setAttribute("aria-expanded", String(!known.hidden));
}

function pick(at) {
  picked = at;
  for (const [place, one] of [...known.children].entries()) one.setAttribute("aria-selected", String(place === at));
  if (at < 0) return tags.removeAttribute("aria-activedescendant");
  tags.setAttribute("aria-activedescendant", known.children[at].id);
  known.children[at].scrollIntoView({ block: "nearest" });
}

function take(tag) {
  const before = tags.value.split(/[,;，；、]/).slice(0, -1).map((one) => one.trim()).filter(Boolean);
  tags.value = [...before, tag, ""].join(", ");
  note();
  offer();
}

function closeOffer() {
  known.hidden = true;
  tags.setAttribute("aria-expanded", "false");
  pick(-1);
}

tags.setAttribute("role", "combobox");
tags.setAttribute("aria-autocomplete", "list");
tags.setAttribute("aria-controls", "known");
closeOffer();
tags.addEventListener("input", offer);
tags.addEventListener("focus", offer);
tags.addEventListener("blur", closeOffer);
tags.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    if (known.hidden) offer();
    const count = known.children.length;
    if (count) pick(picked < 0 && step < 0 ? count - 1 : (picked + step + count) % count);
  } else if (event.key === "Enter") {
    event.preventDefault(); // in a box of one line it would save
    const begun = tags.value.split(/[,;，；、]/).pop().trim();
    if (picked >= 0) take(known.children[picked].textContent);
    else if (begun) take(begun);
  } else if (event.key === "Escape" && !known.hidden) {
    event.stopPropagation();
    closeOffer();
  }
});

function toCoding(box) {
  coding.open = true;
  box.focus();
  box.setSelectionRange(box.value.length, box.value.length);
}

// Search in the text: everything that matches is marked, folded parts are opened.

let matches = [], here = -1;

function find(text) {
  matches = [];
  here = -1;
  CSS.highlights?.clear();
  const wantedText = text.toLowerCase();
  if (wantedText) {
    const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node && matches.length < 2000; node = walker.nextNode()) {
      const low = node.data.toLowerCase();
      for (let at = low.indexOf(wantedText); at >= 0; at = low.indexOf(wantedText, at + wantedText.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, Math.min(at + wantedText.length, node.length));
        matches.push(range);
      }
    }
    // What stands on the page in two ways, rendered and as it was written, is found once.
    const rendered = matches.filter((range) => !range.startContainer.parentElement.closest(".raw"));
    if (rendered.length) matches = rendered;
    if (CSS.highlights) CSS.highlights.set("found", new Highlight(...matches));
  }
  const said = matches.length ? words.found.replace("{n}", matches.length) : words.find_none;
  document.getElementById("found").textContent = wantedText ? said : "";
}

function nextMatch(step) {
  if (!matches.length) return;
  here = (here + step + matches.length) % matches.length;
  const range = matches[here];
  for (let up = range.startContainer.parentElement; up; up = up.parentElement) {
    if (up.tagName === "DETAILS") up.open = true;
  }
  if (CSS.highlights) CSS.highlights.set("here", new Highlight(range));
  range.startContainer.parentElement.scrollIntoView({ block: "center" });
}

search.addEventListener("input", () => find(search.value));
search.form.addEventListener("submit", (event) => { event.preventDefault(); nextMatch(1); });
search.form.hidden = false;

// Keys.

function choose(key) {
  const radio = form.querySelector(`input[data-key="${CSS.escape(key)}"]`);
  if (!radio) return false;
  radio.checked = true;
  note();
  status.textContent = radio.labels[0].querySelector("span").textContent;
  return true;
}

const commands = {
  d: () => save("defer"),
  u: () => document.getElementById("undo").requestSubmit(),
  j: () => leave(document.body.dataset.next),
  k: () => leave(document.body.dataset.previous),
  ArrowRight: () => leave(document.body.dataset.next),
  ArrowLeft: () => leave(document.body.dataset.previous),
  c: () => toCritique(""),
  "*": () => toCoding(noteBox),
  "#": () => toCoding(tags),
  "/": () => { search.focus(); search.select(); },
  "?": () => sheet.showModal(),
};

function toCritique(text) {
  critique.focus();
  critique.setSelectionRange(critique.value.length, critique.value.length);
  if (text) {
    critique.setRangeText(text, critique.value.length, critique.value.length, "end");
    note();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || sheet.open) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    if (document.getElementById("go-on") && !amended) leave(document.body.dataset.next);
    else save("save");
    return;
  }
  const typing = event.target.matches("textarea, input[type=search], input[type=text]");
  if (event.key === "Escape" && typing) {
    if (coding.contains(event.target) && !noteBox.value && !tags.value) coding.open = false;
    return event.target.blur();
  }
  const held = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
  if (typing || held) return;
  const onControl = event.target.matches("button, a, summary, input");
  if (onControl && (event.key === "Enter" || event.key === " " || event.key.startsWith("Arrow"))) return;
  if (choose(event.key)) return event.preventDefault();
  if (commands[event.key]) {
    event.preventDefault();
    commands[event.key]();
  } else if (event.key.length === 1 && event.key !== " ") {
    event.preventDefault();
    toCritique(event.key);
  }
});

const opens = document.getElementById("sheet-opens");
opens.hidden = false;
opens.addEventListener("click", () => sheet.showModal());
takeBack();
