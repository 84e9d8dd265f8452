// Makes this browser's key, asks the manager for it, and follows what becomes of it.

import { canSign } from "./signer.js";
import { forgetKey, keptKey, keyState, makeKey } from "./devicekey.js";

const page = document.querySelector("[data-device]");
const parts = Object.fromEntries([...page.querySelectorAll("[data-state]")].map((part) => [part.dataset.state, part]));
const form = page.querySelector("form[data-enrol]");
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
  show(await keyState(key.id), key.id);
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  try {
    const { id, request } = await makeKey(form.elements.label.value.trim());
    const headers = { "content-type": "application/json", "x-csrftoken": form.elements.csrfmiddlewaretoken.value };
    const answer = await fetch(form.action, { method: "POST", headers, body: JSON.stringify(request) });
    if (!answer.ok) {
      await forgetKey();
      const value = await answer.json();
      throw new Error(value.errors.map((each) => each.message).join(" "));
    }
    show((await answer.json()).state, id);
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
