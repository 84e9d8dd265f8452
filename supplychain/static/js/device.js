// Makes this browser's key, asks the manager for it, and follows what becomes of it.

import { canSign } from "./signer.js";
import { forgetKey, keptKey, keyStanding, makeKey, renewKey } from "./devicekey.js";

const page = document.querySelector("[data-device]");
const parts = Object.fromEntries([...page.querySelectorAll("[data-state]")].map((part) => [part.dataset.state, part]));
const form = page.querySelector("form[data-enrol]");
const renewal = page.querySelector("form[data-renew]");
const problem = page.querySelector("[data-problem]");

function show(state, id) {
  for (const [name, part] of Object.entries(parts)) part.hidden = name !== state;
  for (const place of page.querySelectorAll("[data-key-id]")) place.textContent = id ?? "";
  page.dataset.now = state;
}

async function look() {
  if (!canSign()) return show("missing");
  const key = await keptKey();
  if (!key) return show("none");
  const { state, ends } = await keyStanding(key.id);
  show(state, key.id);
  if (renewal) renewal.hidden = ends === null;
  for (const place of page.querySelectorAll("[data-ends]")) {
    place.textContent = ends === null ? "" : new Date(ends).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  }
}

async function post(form, request) {
  const headers = { "content-type": "application/json", "x-csrftoken": form.elements.csrfmiddlewaretoken.value };
  const answer = await fetch(form.action, { method: "POST", headers, body: JSON.stringify(request) });
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.errors.map((each) => each.message).join(" "));
  return value;
}

renewal?.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  try {
    await renewKey((request) => post(renewal, request));
    await look();
  } catch (error) {
    problem.textContent = `The key was not renewed: ${error.message}`;
    problem.hidden = false;
  }
});

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  try {
    const { id, request } = await makeKey(form.elements.label.value.trim());
    const { state } = await post(form, request).catch(async (refused) => {
      await forgetKey();
      throw refused;
    });
    show(state, id);
  } catch (error) {
    problem.textContent = `No key was enrolled: ${error.message}`;
    problem.hidden = false;
  }
});

for (const button of page.querySelectorAll("[data-look]")) button.addEventListener("click", look);
for (const button of page.querySelectorAll("[data-forget]")) {
  button.addEventListener("click", async () => {
    await forgetKey();
    await look();
  });
}
await look();
