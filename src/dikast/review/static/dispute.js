// Settling by keyboard: a digit sides with somebody and takes over their critique; typing goes into the critique;
// Ctrl/Cmd+Enter settles. Without this script the page is a plain form.

const form = document.getElementById("settle");
const critique = document.getElementById("critique");
const place = "dikast dispute " + form.dataset.key;
let taken = "";

function sides() {
  return [...form.querySelectorAll("input[name=side]")];
}

function side(radio) {
  radio.checked = true;
  if (critique && (critique.value === "" || critique.value === taken)) {
    taken = radio.dataset.critique;
    critique.value = taken;
  }
  keep();
}

function keep() {
  if (!critique) return;
  const chosen = form.elements.side.value;
  try { localStorage.setItem(place, JSON.stringify({ chosen, critique: critique.value, taken })); } catch { /* full */ }
}

function takeBack() {
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(place)); } catch { /* another's */ }
  if (!kept || !critique) return;
  const radio = sides().find((one) => one.value === kept.chosen);
  if (radio) radio.checked = true;
  critique.value = kept.critique;
  taken = kept.taken;
}

function toCritique(text) {
  if (!critique) return;
  critique.focus();
  critique.setRangeText(text, critique.value.length, critique.value.length, "end");
  keep();
}

function settle() {
  const button = form.querySelector("button[value=save]");
  if (!button) return;
  if (!form.elements.side.value) return sides()[0].focus();
  form.requestSubmit(button);
}

for (const radio of sides()) radio.addEventListener("change", () => side(radio));
critique?.addEventListener("input", keep);
form.addEventListener("submit", () => { try { localStorage.removeItem(place); } catch { /* none */ } });

const commands = {
  j: () => location.assign(document.body.dataset.next),
  k: () => location.assign(document.body.dataset.previous),
  u: () => { if (document.body.dataset.back) location.assign(document.body.dataset.back); },
  c: () => toCritique(""),
};
commands.ArrowRight = commands.j;
commands.ArrowLeft = commands.k;

document.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    return settle();
  }
  const typing = event.target.matches("textarea");
  if (event.key === "Escape" && typing) return event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const onControl = event.target.matches("button, a, summary, input");
  if (onControl && (event.key === "Enter" || event.key === " " || event.key.startsWith("Arrow"))) return;
  const radio = form.querySelector(`input[data-key="${CSS.escape(event.key)}"]`);
  if (radio && !radio.matches(":disabled")) {
    event.preventDefault();
    side(radio);
  } else if (commands[event.key]) {
    event.preventDefault();
    commands[event.key]();
  } else if (event.key.length === 1 && event.key !== " ") {
    event.preventDefault();
    toCritique(event.key);
  }
});

takeBack();
