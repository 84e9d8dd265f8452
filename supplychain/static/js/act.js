// Signs an act with this device's key: ask the server for a draft, check the chain, show what would be signed, sign, send.
// Without a ready key the form is posted as it is, and the party's managed key signs on the server.

import { fromBase64, fromHex, base64, random, utf8 } from "./encoding.js";
import { describe } from "./describe.js";
import { hideMembers } from "./disclosures.js";
import { readyKey, whose } from "./devicekey.js";
import { checkChain, signEvent } from "./signer.js";

const form = document.querySelector("form[data-act]");
const how = document.querySelector("[data-how]");
const box = document.querySelector("[data-signbox]");
const send = form?.querySelector("[data-send]");
const key = form ? await readyKey() : undefined;
let refusals;

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

async function post(url, body, type) {
  const headers = { accept: "application/json", "x-csrftoken": form.querySelector("[name=csrfmiddlewaretoken]").value };
  if (type) headers["content-type"] = type;
  const answer = await fetch(url, { method: "POST", headers, body, redirect: "error" });
  let value;
  try {
    value = await answer.json();
  } catch {
    value = { errors: [{ message: `The server answered ${answer.status}.` }] };
  }
  return { ok: answer.ok, status: answer.status, value };
}

function clearRefusals() {
  refusals?.remove();
  for (const field of form.querySelectorAll("[aria-invalid=true]")) field.removeAttribute("aria-invalid");
}

function refuse(errors, again) {
  clearRefusals();
  refusals = element("div", undefined, "note bad below");
  refusals.setAttribute("role", "alert");
  refusals.tabIndex = -1;
  for (const { field, label, message } of errors) {
    refusals.append(element("p", label ? `${label}: ${message}` : message));
    if (field) form.querySelector(`[name="${CSS.escape(field)}"]`)?.setAttribute("aria-invalid", "true");
  }
  if (again) {
    const line = element("p");
    const link = element("a", "Load what happened since and look again");
    link.href = location.href;
    line.append(link);
    refusals.append(line);
  }
  form.before(refusals);
  refusals.focus();
}

async function chainsOf(draft) {
  const chains = [];
  const fresh = {};
  for (const each of draft.chains) {
    if (each.head === null) {
      const secret = random(16);
      fresh[each.unit] = base64(secret);
      chains.push({ secret, prev: undefined });
    } else {
      await checkChain(each, draft.origin);
      chains.push({ secret: fromBase64(each.chain), prev: fromHex(each.head) });
    }
  }
  return { chains, fresh };
}

function show(draft, body, signed, checked) {
  box.replaceChildren(element("h3", "What you sign"));
  const pairs = element("dl", undefined, "pairs");
  for (const [what, words] of describe(body, draft.names, draft.hide)) pairs.append(element("dt", what), element("dd", words));
  const checks = element("ul", undefined, "checks");
  for (const words of checked) checks.append(element("li", words, "ok"));
  const raw = element("details", undefined, "folded");
  const text = element("pre", new TextDecoder().decode(signed), "text");
  text.tabIndex = 0;
  raw.append(element("summary", "The exact bytes of the event"), text);
  const row = element("div", undefined, "row end");
  const back = element("button", "Change something", "btn");
  back.type = "button";
  const go = element("button", "Sign and send", "btn go");
  go.type = "button";
  row.append(back, go);
  box.append(pairs, checks, raw, row);
  box.hidden = false;
  send.hidden = true;
  go.focus();
  back.addEventListener("click", () => { box.hidden = true; send.hidden = false; send.querySelector(".btn.go").focus(); });
  return go;
}

async function signAndSend(draft, { body, disclosures }, chains, fresh, go) {
  go.disabled = true;
  go.textContent = "Signing…";
  try {
    const item = await signEvent({ origin: draft.origin, key, body, chains, claims: draft.claims });
    if (Object.keys(fresh).length) item.chains = fresh;
    if (disclosures.length) item.disclosures = disclosures;
    const { ok, status, value } = await post(form.dataset.capture, JSON.stringify(item), "application/json");
    if (ok) return location.assign(value.url);
    refuse(value.errors, status === 409);
  } catch (error) {
    refuse([{ message: `Nothing was sent: ${error.message}` }]);
  }
  go.disabled = false;
  go.textContent = "Sign and send";
}

async function submit(event) {
  event.preventDefault();
  clearRefusals();
  const { ok, value: draft } = await post(form.dataset.draft, new FormData(form));
  if (!ok) return refuse(draft.errors);
  if (draft.origin !== whose().origin) return refuse([{ message: "The draft is for another log than this page." }]);
  const body = utf8(draft.body);
  try {
    const { chains, fresh } = await chainsOf(draft);
    const known = draft.chains.flatMap((each) => each.entries ?? []).length;
    const checked = [known
      ? `The chain of this shipment holds: ${known} linked ${known === 1 ? "statement" : "statements"}, each signature and link computed again here.`
      : "A new chain starts with this statement; its secret was made here."];
    const signed = await hideMembers(body, draft.hide);
    if (signed.disclosures.length) checked.push("What is signed apart stands in the event as a digest that was made here.");
    checked.push(`Signed by this device's key ${key.id.slice(0, 8)}…, which cannot leave this browser.`);
    const go = show(draft, body, signed.body, checked);
    go.addEventListener("click", () => signAndSend(draft, signed, chains, fresh, go));
  } catch (error) {
    refuse([{ message: `Do not sign: ${error.message}` }]);
  }
}

if (form && key) {
  how.textContent = "Signed on this device, after you have seen what you sign.";
  form.querySelector("[data-send] .btn.go").textContent = form.dataset.review;
  form.addEventListener("submit", submit);
  form.dataset.ready = "device";
} else if (form) {
  form.dataset.ready = "managed";
}

// Lines that are added or counted: say at once what is short and what is over.
for (const row of document.querySelectorAll("[data-handed]")) {
  const field = row.querySelector("[data-counted]");
  const word = row.querySelector("[data-difference]");
  const tell = () => {
    const difference = Number(field.value) - Number(row.dataset.handed);
    const amount = Math.abs(Math.round(difference * 1e6) / 1e6);
    word.textContent = field.value === "" || Number.isNaN(difference) ? "" : difference === 0 ? "all" : `${amount} ${difference < 0 ? "short" : "over"}`;
    word.className = `same ${difference < 0 ? "short" : difference > 0 ? "over" : ""}`;
  };
  field.addEventListener("input", tell);
  tell();
}

// The offset of this device's clock, unless somebody has chosen another.
const offset = document.querySelector("[data-offset]");
if (offset && offset.value === offset.defaultValue && offset.defaultValue === "+00:00") {
  const minutes = -new Date().getTimezoneOffset();
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  offset.value = `${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}

// A new unit begins with one line; the others are shown as they are asked for, or where they hold something.
const more = document.querySelector("[data-more]");
if (more) {
  const rows = [...document.querySelectorAll("[data-line]")];
  const isUsed = (row) => [...row.querySelectorAll("input, select")].some((field) => field.value !== "" || field.ariaInvalid);
  const show = (count) => {
    rows.forEach((row, place) => { row.hidden = place >= count; });
    more.hidden = count >= rows.length;
  };
  let shown = Math.max(1, rows.findLastIndex(isUsed) + 1);
  show(shown);
  more.querySelector("button").addEventListener("click", () => {
    shown += 1;
    show(shown);
    rows[shown - 1].querySelector("input, select").focus();
  });
}
