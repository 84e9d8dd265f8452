// The page: a file and whom the reader trusts go in, the verdict comes out. Nothing here uses a network.

import { utf8 } from "../encoding.js";
import { describe } from "../describe.js";
import { MAX_BUNDLE_BYTES } from "./bundle.js";
import { whatIsMissing } from "./ed25519.js";
import { NO_ANCHOR, VERIFIED } from "./report.js";
import { verify } from "./verify.js";

const form = document.querySelector("[data-verify]");
const part = (name) => document.querySelector(`[data-${name}]`);
const VERDICTS = {
  [VERIFIED]: ["proof", "✓ Verified", /^verified: /],
  [NO_ANCHOR]: ["warn", "Consistent in itself, trusted by nobody yet", /$^/],
  other: ["bad", "✕ Not valid", /^not valid: /],
};
const IN_PAGE_WORDS = [
  ["give --vkey or --policy from a source you trust", "give the log’s verifier key or a policy, from a source you trust"],
  ["leave --key out", "leave the party’s keys empty"],
  ["give --key with the public key", "give, under the keys of the party, the public key"],
  ["or with the proof file of its registration", "or the proof file of its registration"],
];
const KINDS = {
  event: "An event",
  "key.register": "Registers a key",
  "key.revoke": "Revokes a key",
  "key.attest": "Stands by entries",
  "approval.request": "Asks for approval",
  "body.erased": "Erases a body",
  forecast: "A forecast",
  agreement: "An agreement",
  "agreement.outcome": "The outcome of an agreement",
};
let file;
let run = 0;

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

const inPageWords = (text) => IN_PAGE_WORDS.reduce((said, [from, to]) => said.replace(from, to), text);

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function showVerdict(report) {
  const [tone, word, prefix] = VERDICTS[report.code] ?? VERDICTS.other;
  const box = part("verdict");
  box.className = `note verdict ${tone}`;
  part("word").textContent = word;
  part("sentence").textContent = `${capital(inPageWords(report.verdict.replace(prefix, "")))}.${disputedWords(report)}`;
  part("offer").hidden = !(report.code === NO_ANCHOR && report.bundle);
  box.dataset.code = report.code;
  box.hidden = false;
}

function disputedWords({ bundle }) {
  const disputed = bundle?.entries.filter((each) => each.isDisputed).map((each) => each.index) ?? [];
  if (!disputed.length) return "";
  const them = disputed.length === 1 ? `Entry ${disputed[0]} is` : `Entries ${disputed.join(", ")} are`;
  return ` ${them} disputed: signed after the last valid entry of a key that was revoked.`;
}

function showParts(report) {
  const [facts, checked, unchecked] = ["facts", "checked", "unchecked"].map((name) => document.querySelector(`[data-part=${name}]`));
  const pairs = facts.querySelector("dl");
  pairs.replaceChildren();
  for (const fact of report.facts.filter((each) => !each.startsWith("entry ") || report.entry)) {
    pairs.append(element("dt", capital(fact.slice(0, 16).trim().toLowerCase())), element("dd", fact.slice(16)));
  }
  const items = (lines, className) => lines.map((line) => element("li", capital(inPageWords(line)), className));
  checked.querySelector("ul").replaceChildren(...items(report.checked, "ok"));
  unchecked.querySelector("ul").replaceChildren(...items(report.unchecked, ""));
  part("found").hidden = report.facts.length === 0;
  showEntries(report.bundle?.entries ?? []);
}

function showEntries(entries) {
  part("entries").hidden = entries.length === 0;
  part("count").textContent = `${entries.length} entries, in the order of the log`;
  part("entries").querySelector("tbody").replaceChildren(...entries.map(row));
}

function row({ index, leaf, statement, signer, body, isDisputed, erasure, opened }) {
  const [date, time] = leaf.recordTime.split(/[T.]/);
  const party = element("span", "party ", "quiet");
  party.append(element("span", `${signer.party.slice(0, 8)}…`, "mono"));
  party.title = signer.party;
  const made = element("tr");
  made.append(
    cell("Entry", "num", String(index)),
    cell("Recorded", "", date, element("span", `${time} UTC`, "quiet")),
    cell("What", "", ...whatOf({ statement, body, isDisputed, erasure, opened })),
    cell("Signed by", "nobreak", `${signer.role} key`, party),
  );
  return made;
}

function cell(label, className, ...parts) {
  const made = element("td", undefined, className);
  const box = element("div");
  made.dataset.k = label;
  box.append(...parts);
  made.append(box);
  return made;
}

function plain(value) {
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, each]) => [name, plain(each)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

function whatOf({ statement, body, isDisputed, erasure, opened }) {
  const whole = opened ? new TextEncoder().encode(JSON.stringify(plain(opened.value))) : body;
  const lines = body && linesOfBody(whole);
  const act = lines?.find(([what]) => what === "Act")?.[1];
  const parts = [element("span", act ? capital(act) : KINDS[statement.type])];
  if (isDisputed) parts.push(" ", element("span", "disputed", "chip warn"));
  if (body === undefined) {
    const why = erasure ? `its body was erased by entry ${erasure.index}: ${erasure.ground}` : "its body is not in this file";
    if (statement.body !== undefined) parts.push(element("span", why, "quiet"));
    return parts;
  }
  const shown = element("details", undefined, "folded");
  const text = element("pre", new TextDecoder().decode(body), "text");
  text.tabIndex = 0;
  shown.append(element("summary", "What was signed"));
  if (lines) {
    const pairs = element("dl", undefined, "pairs");
    for (const [what, words] of lines) pairs.append(element("dt", what), element("dd", words));
    shown.append(pairs);
  }
  shown.append(text);
  if (opened?.names.length) {
    const told = element("pre", JSON.stringify(plain(opened.value), null, 1), "text");
    told.tabIndex = 0;
    shown.append(element("p", `With what is disclosed of it: ${opened.names.join(", ")}`, "quiet"), told);
  }
  if (opened?.closed) parts.push(element("span", `${opened.closed} parts of it are not shown`, "quiet"));
  return [...parts, shown];
}

function linesOfBody(body) {
  try {
    return typeof JSON.parse(new TextDecoder().decode(body)).event.type === "string" ? describe(body) : undefined;
  } catch {
    return undefined; // a body that is no event is shown as it is
  }
}

async function judge() {
  part("trusted").textContent = form.elements.trust.value.trim() ? "as given below" : "nobody yet";
  if (!file) return;
  run += 1;
  const mine = run;
  const keys = form.elements.keys.value.trim() ? [utf8(form.elements.keys.value)] : [];
  let report;
  try {
    report = await verify(file, { trust: form.elements.trust.value, keys });
  } catch (fault) {
    report = { verdict: `not valid: this page could not read it (${fault.message})`, facts: [], checked: [], unchecked: [] };
  }
  if (mine !== run) return;
  showVerdict(report);
  showParts(report);
  part("trust-signer").onclick = () => {
    form.elements.trust.value = report.signer;
    judge();
  };
}

async function open(chosen) {
  if (!chosen) return;
  part("name").textContent = chosen.name;
  if (chosen.size > MAX_BUNDLE_BYTES) {
    file = undefined;
    const report = { verdict: "not valid: the file is too large for what it must be", facts: [], checked: [], unchecked: [] };
    showVerdict(report);
    showParts(report);
    return;
  }
  part("name").textContent = `${chosen.name}: checking…`;
  file = new Uint8Array(await chosen.arrayBuffer());
  await judge();
  part("name").textContent = chosen.name;
  part("verdict").scrollIntoView({ block: "nearest" });
}

function listen() {
  const drop = part("drop");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.file.addEventListener("change", () => open(form.elements.file.files[0]));
  for (const name of ["trust", "keys"]) form.elements[name].addEventListener("input", judge);
  // A file that misses the field must not be opened by the browser in place of the page.
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
  drop.addEventListener("dragover", () => drop.classList.add("over"));
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    drop.classList.remove("over");
    open(event.dataTransfer?.files[0]);
  });
}

const missing = await whatIsMissing();
if (missing) {
  part("missing").textContent = missing;
  part("missing").hidden = false;
  for (const field of form.elements) field.disabled = true;
} else {
  listen();
}
form.dataset.ready = missing ? "no" : "yes";
