// The statement that a party signs, and the one way in which an entry of the log is written.

import { fromHex, join, utf8 } from "../encoding.js";
import { commitment, link, PAYLOAD_TYPE, sha256, statementHash } from "../signer.js";
import { Malformed } from "./errors.js";
import { parseJson, step } from "./strictjson.js";
import { decodeBase64, isKeyName, latin1 } from "./text.js";

export { commitment, link, statementHash };

export const MAX_BYTES = 4_000;
const MAX_NODES = 500;
const MAX_LINKS = 40;
const TYPES = new Set(["event", "key.register", "key.revoke", "key.attest", "approval.request", "body.erased", "forecast", "agreement", "agreement.outcome"]);
const NAMES = new Set(["v", "log", "type", "id", "key", "links", "body", "claims"]);
const KEY_ID = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const ID = /^[0-9a-f]{32}$/;
const HASH = /^[0-9a-f]{64}$/;
const RANGES = /^[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*$/;
const LEAF = new RegExp(
  String.raw`^\{"recordTime":"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z","payload":"([^"]*)","payloadType":"` +
    PAYLOAD_TYPE.replaceAll(/[.+]/g, "\\$&") +
    String.raw`","signatures":\[\{"keyid":"([^"]*)","sig":"([^"]*)"\}\]\}$`,
);

export const isKeyId = (text) => typeof text === "string" && KEY_ID.test(text);
export const isStatementId = (text) => typeof text === "string" && ID.test(text);

/** Read a statement strictly: every name present, none unknown, no floats; links and body stay hexadecimal. */
export function parseStatement(payload) {
  const value = parseJson(payload, { maxBytes: MAX_BYTES, maxNodes: MAX_NODES, floats: false });
  if (!(value instanceof Map)) throw new Malformed("a statement is a JSON object");
  checkNames(value);
  const [v, log, type, id, key] = ["v", "log", "type", "id", "key"].map((name) => value.get(name));
  if (v !== 1) throw new Malformed("the only version of a statement is 1", { pointer: "/v" });
  if (typeof log !== "string" || !isKeyName(log)) throw new Malformed("this is not the origin of a log", { pointer: "/log" });
  if (typeof type !== "string" || !TYPES.has(type)) throw new Malformed("there is no such type of statement", { pointer: "/type" });
  if (!isStatementId(id)) throw new Malformed("an id is 32 lower-case hex digits", { pointer: "/id" });
  if (!isKeyId(key)) throw new Malformed("a key id is an RFC 7638 thumbprint", { pointer: "/key" });
  const links = readLinks(value.get("links"), type);
  const body = value.get("body") === null ? undefined : readHash(value.get("body"), "/body");
  return { log, type, id, key, links, body, claims: readClaims(value.get("claims")) };
}

function checkNames(value) {
  for (const name of value.keys()) {
    if (!NAMES.has(name)) throw new Malformed("a statement has no such name", { pointer: `/${step(name)}` });
  }
  const missing = [...NAMES].filter((name) => !value.has(name)).sort();
  if (missing.length) throw new Malformed(`a statement lacks ${missing.join(", ")}`);
}

function readHash(value, pointer) {
  if (typeof value !== "string" || !HASH.test(value)) throw new Malformed("a hash is 64 lower-case hex digits", { pointer });
  return value;
}

function readLinks(value, type) {
  if (!Array.isArray(value)) throw new Malformed("links are a list", { pointer: "/links" });
  if (value.length > MAX_LINKS) throw new Malformed(`a statement has at most ${MAX_LINKS} links`, { pointer: "/links" });
  if (value.length && type !== "event") throw new Malformed("only an event may carry links", { pointer: "/links" });
  const links = value.map((each, at) => readHash(each, `/links/${at}`));
  if (new Set(links).size !== links.length) throw new Malformed("a link appears twice", { pointer: "/links" });
  return links;
}

function readClaims(value) {
  if (!(value instanceof Map)) throw new Malformed("claims are a JSON object", { pointer: "/claims" });
  for (const [name, claim] of value) {
    if (typeof claim !== "string" && typeof claim !== "number") {
      throw new Malformed("a claim is a string or an integer", { pointer: `/claims/${step(name)}` });
    }
  }
  return value;
}

/** Read `3,7-9` as [[3n, 3n], [7n, 9n]], first and last; throw Malformed. */
export function parseIndices(text) {
  const wrong = () => new Malformed("indices are written as ascending ranges, such as 3,7-9");
  if (!RANGES.test(text) || text.length > MAX_BYTES) throw wrong();
  const ranges = text.split(",").map((part) => {
    const ends = part.split("-").map(BigInt);
    return [ends[0], ends.at(-1)];
  });
  const isApart = ranges.every(([first], at) => at === 0 || ranges[at - 1][1] + 1n < first);
  const again = ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
  if (!isApart || again !== text || ranges.some(([first, last]) => first > last)) throw wrong();
  return ranges;
}

/** The 16 bytes that name a chain in public. */
export const scope = async (chain) => (await sha256(join(utf8("waylog/scope/v1\n"), chain))).subarray(0, 16);

/** Read a leaf: {recordTime, payload, keyId, signature}; throw Malformed unless it is written as we write it. */
export function parseLeaf(leaf) {
  const found = LEAF.exec(latin1(leaf));
  if (!found || leaf.some((byte) => byte > 0x7f)) throw new Malformed("this is not a leaf of a Waylog log");
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number);
  if (!isTime(year, month, day, hour, minute, second)) throw new Malformed("the record time is not a time", { pointer: "/recordTime" });
  const payload = decodeBase64(found[8], "the payload", "/payload");
  const keyId = found[9];
  const signature = decodeBase64(found[10], "the signature", "/signatures/0/sig");
  if (year < 1970) throw new Malformed("a record time lies between the years 1970 and 9999");
  if (!isKeyId(keyId) || signature.length !== 64 || payload.length < 1 || payload.length > MAX_BYTES) {
    throw new Malformed("a leaf holds a statement, a key id and a signature of 64 bytes");
  }
  return { recordTime: latin1(leaf.subarray(15, 39)), payload, keyId, signature };
}

function isTime(year, month, day, hour, minute, second) {
  if (year < 1 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return false;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day >= 1 && day <= [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
}

export const prevOf = (head) => (head ? fromHex(head) : new Uint8Array(32));
