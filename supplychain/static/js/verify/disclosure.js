// Parts of a body that the body only names by a digest (RFC 9901 under our namespace): ledger/tlog/disclosure.py in JavaScript.

import { base64url, utf8 } from "../encoding.js";
import { sha256 } from "../signer.js";
import { Malformed, ProofInvalid } from "./errors.js";
import { parseJson } from "./strictjson.js";
import { decodeBase64url, latin1 } from "./text.js";

const DIGESTS = "waylog:_sd";
const ALGORITHM = "waylog:_sd_alg";
const ONLY_ALGORITHM = "sha-256";
const RESERVED = new Set([DIGESTS, ALGORITHM, "_sd", "_sd_alg", "..."]);
const MAX_DISCLOSURES = 200;
const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 64;
const DIGEST = /^[A-Za-z0-9_-]{43}$/;
const SALT = /^[A-Za-z0-9_-]{22,}$/;
const NAME = /^[^\x00-\x1f\x7f]+$/;

/** Tell whether a body may name digests: whoever signs writes the name as it is. */
export const hasDigests = (body) => latin1(body).includes(DIGESTS);

/** Read a body and put what is disclosed in its place: {value, names, closed}; throw Malformed or ProofInvalid. */
export async function openBody(body, disclosures) {
  const told = new Map();
  for (const text of disclosures) {
    const found = parseDisclosure(text);
    const digest = base64url(await sha256(utf8(text)));
    if (told.has(digest)) throw new ProofInvalid("a disclosure appears twice");
    told.set(digest, found);
  }
  if (told.size > MAX_DISCLOSURES) throw new Malformed(`a body has at most ${MAX_DISCLOSURES} disclosures`);
  const opening = { told, seen: new Set(), used: new Set() };
  const value = open(parseJson(body, { maxBytes: MAX_BYTES }), 0, opening);
  if (opening.used.size < told.size) throw new ProofInvalid("a disclosure matches no digest of its body");
  return { value, names: [...told.values()].map((each) => each.name), closed: opening.seen.size - opening.used.size };
}

function parseDisclosure(text) {
  const told = parseJson(decodeBase64url(text, "a disclosure"), { maxBytes: MAX_BYTES });
  if (!Array.isArray(told) || told.length !== 3 || typeof told[0] !== "string" || typeof told[1] !== "string") {
    throw new Malformed("a disclosure is a list of a salt, a name and a value");
  }
  const [salt, name, value] = told;
  if (!SALT.test(salt)) throw new Malformed("the salt of a disclosure is base64url of 16 bytes or more");
  if (RESERVED.has(name) || name.startsWith("@") || !NAME.test(name)) throw new Malformed("a disclosure has a name that none may have");
  return { name, value };
}

function open(value, depth, opening) {
  if (depth > MAX_DEPTH) throw new Malformed(`what is disclosed is nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) return value.map((each) => open(each, depth + 1, opening));
  if (!(value instanceof Map)) return value;
  if (value.has(ALGORITHM) && value.get(ALGORITHM) !== ONLY_ALGORITHM) throw new Malformed(`the digests of a body are ${ONLY_ALGORITHM}`);
  const opened = new Map();
  for (const [name, each] of value) {
    if (name !== DIGESTS && name !== ALGORITHM) opened.set(name, open(each, depth + 1, opening));
  }
  for (const digest of digestsIn(value, opening)) {
    const found = opening.told.get(digest);
    if (!found) continue;
    if (opened.has(found.name)) throw new ProofInvalid("a disclosure would take another member's place");
    opening.used.add(digest);
    opened.set(found.name, open(found.value, depth + 1, opening));
  }
  return opened;
}

function digestsIn(value, { seen }) {
  if (!value.has(DIGESTS)) return [];
  const found = value.get(DIGESTS);
  if (!Array.isArray(found) || !found.length) throw new Malformed(`${DIGESTS} is a list of digests`);
  for (const each of found) {
    if (typeof each !== "string" || !DIGEST.test(each)) throw new Malformed("a digest is 43 letters of base64url");
    if (seen.has(each)) throw new ProofInvalid("a digest appears twice");
    seen.add(each);
  }
  return found;
}
