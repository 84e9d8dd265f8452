// Small conveniences of the frame. Every page works without them.

import { keptKey, keyState } from "./devicekey.js";

const isTyping = (element) => element.closest?.("input, textarea, select, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target)) {
    const field = document.querySelector("#q") ?? document.querySelector("[data-find]");
    if (field && field.offsetParent !== null) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  }
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const from = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(from.textContent.trim());
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = before; }, 1500);
});

// What the server wrote of a part: without what scripts put there.
const written = (part) => {
  const copy = part.cloneNode(true);
  for (const made of copy.querySelectorAll("[data-live]")) made.remove();
  return copy.innerHTML;
};

// Parts that a page reads again by itself: what has not changed is left alone, so that nobody loses their place and
// nothing is read out twice; of the rest, what was folded out stays so. Focus stays where an id is.
document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
  const { target, fragment } = detail;
  const fresh = fragment.querySelector(`#${CSS.escape(target.id)}`) ?? fragment;
  for (const open of target.querySelectorAll("details[id][open]")) {
    fresh.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
  }
  if (fresh.innerHTML === written(target)) detail.shouldSwap = false;
});

// On a phone the tabs are pushed sideways: the current one shall be seen.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

const CHIPS = {
  approved: ["This device signs", "go"],
  waiting: ["This device waits for approval", "warn"],
  refused: ["This device was refused", "bad"],
  revoked: ["This device's key is revoked", "bad"],
};

const chip = document.querySelector("[data-signs-chip]");
if (chip) {
  const key = await keptKey();
  const [words, tone] = (key && CHIPS[await keyState(key.id)]) || ["Managed key signs", ""];
  chip.textContent = words;
  chip.className = `chip ${tone}`;
}
