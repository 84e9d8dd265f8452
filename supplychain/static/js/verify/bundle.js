// A bundle: all that shows what happened to a shipment, in one JSON file that is checked without any server.
// Its format is told in ledger/tlog/bundle.py; a file is read by writing it again.

import { hex, utf8 } from "../encoding.js";
import { hasDigests, openBody } from "./disclosure.js";
import { EntryRefused, Malformed, PolicyUnmet, ProofInvalid } from "./errors.js";
import { HASH_BYTES, hashesIn, leafHash, verifyInclusion } from "./merkle.js";
import { formatCheckpoint, parseNote, verifyNote } from "./note.js";
import { parsePolicy, verifyCheckpoint } from "./policy.js";
import { Replay } from "./replay.js";
import { commitment, link, prevOf, scope } from "./statement.js";
import { parseJson } from "./strictjson.js";
import { decodeBase64, decodeUtf8 } from "./text.js";

export const MAX_BUNDLE_BYTES = 64 * 1024 * 1024;
const FORMAT = "waylog/bundle/v1";
const MAX_NODES = 400_000;
const NAMES = ["format", "origin", "checkpoint", "policy", "says", "entries", "chains"];
const ENTRY_NAMES = ["index", "leaf", "proof", "body", "salt"];
const CHAIN_NAMES = ["secret", "entries"];

/** Read a bundle by writing it again; throw Malformed for what the log would not have written. */
export function parseBundle(data) {
  const value = parseJson(data, { maxBytes: MAX_BUNDLE_BYTES, maxDepth: 6, maxNodes: MAX_NODES, floats: false });
  checkNames(value, NAMES, "");
  if (value.get("format") !== FORMAT) throw new Malformed(`the only format of a bundle is ${FORMAT}`, { pointer: "/format" });
  const texts = Object.fromEntries(["origin", "checkpoint", "policy", "says"].map((name) => [name, textOf(value.get(name), `/${name}`)]));
  const bundle = {
    ...texts,
    entries: listOf(value.get("entries"), "/entries").map((each, at) => readEntry(each, `/entries/${at}`)),
    chains: listOf(value.get("chains"), "/chains").map((each, at) => readChain(each, `/chains/${at}`)),
  };
  if (!bundle.entries.length) throw new Malformed("a bundle has entries", { pointer: "/entries" });
  checkAscending(bundle.entries.map((entry) => entry.index), "/entries");
  if (new Set(bundle.chains.map((chain) => hex(chain.secret))).size !== bundle.chains.length) {
    throw new Malformed("a chain appears twice", { pointer: "/chains" });
  }
  if (formatBundle(value) !== decodeUtf8(data)) throw new Malformed("this bundle is not written as bundles are");
  return bundle;
}

/** The value as it is written: base64 was read strictly, so its texts stand for what they hold. */
const formatBundle = (value) => `${JSON.stringify(plain(value), null, 1)}\n`;

function plain(value) {
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, each]) => [name, plain(each)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

/**
 * Check everything in a bundle; `policy` says whom the reader trusts (undefined: nobody). Throws the first refusal.
 * Without a policy the verdict is not `isTrusted`, however consistent the file is in itself.
 */
export async function verifyBundle(bundle, policy) {
  const signed = await verifySigned(bundle, policy);
  const { checkpoint } = signed;
  const replay = new Replay(checkpoint.origin);
  const taken = new Map();
  for (const entry of bundle.entries) {
    const proof = { index: BigInt(entry.index), treeSize: checkpoint.treeSize, path: hashesIn(entry.proof) };
    await verifyInclusion(proof, { leaf: await leafHash(entry.leaf), root: checkpoint.rootHash });
    const found = await replay.take(entry.index, entry.leaf);
    taken.set(entry.index, { ...found, body: entry.body });
    taken.get(entry.index).opened = await verifyBody(entry, found);
  }
  const chains = [];
  for (const chain of bundle.chains) chains.push(await verifyChain(chain, taken));
  const keys = [...replay.keys.values()];
  const says = parseNote(bundle.says);
  if (says.text !== saysText(checkpoint, keys, chains)) {
    throw new ProofInvalid("what the log says of keys and chains is not what this file shows");
  }
  await verifyNote(says, [signed.log]);
  const entries = [...taken.values()].map((each) => ({ ...each, isDisputed: replay.isDisputed(each), erasure: erasureOf(each, replay) }));
  return { ...signed, isTrusted: policy !== undefined, keys, entries, chains };
}

function saysText(checkpoint, keys, chains) {
  const state = (key) => (key.revokedIndex === undefined ? "valid" : `revoked ${key.revokedIndex} ${key.lastValidIndex}`);
  return [
    "waylog/says/v1\n",
    formatCheckpoint(checkpoint),
    ...keys.map((key) => `key ${key.keyId} ${state(key)}\n`),
    ...chains.map((chain) => `chain ${chain.scope} ${chain.indices.join(",")}\n`),
  ].join("");
}

/** The checkpoint by the file's own policy, which nobody need believe, then by the reader's. */
async function verifySigned(bundle, policy) {
  const own = await verifyCheckpoint(await parsePolicy(utf8(bundle.policy)), bundle.checkpoint);
  if (own.checkpoint.origin !== bundle.origin) throw new PolicyUnmet("the checkpoint is that of another log than the bundle names");
  return policy ? verifyCheckpoint(policy, bundle.checkpoint) : own;
}

async function verifyBody(entry, { statement }) {
  if (entry.body === undefined) return undefined;
  if (statement.body === undefined || hex(await commitment(entry.salt, entry.body)) !== statement.body) {
    throw new ProofInvalid(`the statement of entry ${entry.index} does not commit to the body shown beside it`);
  }
  if (!entry.disclosures.length && !hasDigests(entry.body)) return undefined;
  try {
    return await openBody(entry.body, entry.disclosures);
  } catch (fault) {
    if (!(fault instanceof Malformed || fault instanceof ProofInvalid)) throw fault;
    throw new ProofInvalid(`what is disclosed of entry ${entry.index} does not hold: ${fault.message}`);
  }
}

/** What erased the entry's body: a later entry, at the word of the party that signed it. */
function erasureOf({ index, statement, signer }, { erased }) {
  const found = erased.get(statement.body);
  if (found && (found.index <= index || found.party !== signer.party)) {
    throw new EntryRefused(`entry ${found.index} erases the body of entry ${index}, which its signer did not ask for`);
  }
  return found;
}

/** Follow the chain from its first statement: each must carry the link to the one before. */
async function verifyChain({ secret, indices }, entries) {
  let head = "";
  for (const index of indices) {
    const entry = entries.get(index);
    if (!entry) throw new ProofInvalid(`the bundle names entry ${index} in a chain and does not hold it`);
    const expected = hex(await link(secret, prevOf(head)));
    if (!entry.statement.links.includes(expected)) throw new ProofInvalid(`entry ${index} is not the next statement of its chain`);
    head = entry.statementHash;
  }
  return { scope: hex(await scope(secret)), indices };
}

function readEntry(value, pointer) {
  const discloses = value instanceof Map && value.has("disclosures");
  checkNames(value, discloses ? [...ENTRY_NAMES, "disclosures"] : ENTRY_NAMES, pointer);
  const isShown = value.get("body") !== null;
  if (isShown !== (value.get("salt") !== null)) throw new Malformed("a body and its salt come together", { pointer });
  const body = isShown ? bytesOf(value.get("body"), `${pointer}/body`) : undefined;
  const salt = isShown ? bytesOf(value.get("salt"), `${pointer}/salt`, 32) : undefined;
  const proof = bytesOf(value.get("proof"), `${pointer}/proof`);
  if (proof.length % HASH_BYTES || proof.length > 63 * HASH_BYTES) {
    throw new Malformed("an inclusion proof is 0 to 63 hashes of 32 bytes", { pointer: `${pointer}/proof` });
  }
  const leaf = bytesOf(value.get("leaf"), `${pointer}/leaf`);
  const index = indexOf(value.get("index"), `${pointer}/index`);
  return { index, leaf, proof, body, salt, disclosures: discloses ? readDisclosures(value, pointer) : [] };
}

function readDisclosures(value, pointer) {
  const listed = listOf(value.get("disclosures"), `${pointer}/disclosures`);
  if (!listed.length || value.get("body") === null) {
    throw new Malformed("disclosures come with the body that names them", { pointer: `${pointer}/disclosures` });
  }
  return listed.map((each, at) => textOf(each, `${pointer}/disclosures/${at}`));
}

function readChain(value, pointer) {
  checkNames(value, CHAIN_NAMES, pointer);
  const listed = listOf(value.get("entries"), `${pointer}/entries`);
  const indices = listed.map((each, at) => indexOf(each, `${pointer}/entries/${at}`));
  if (!indices.length) throw new Malformed("a chain has entries", { pointer: `${pointer}/entries` });
  checkAscending(indices, `${pointer}/entries`);
  return { secret: bytesOf(value.get("secret"), `${pointer}/secret`, 16), indices };
}

function checkNames(value, names, pointer) {
  if (!(value instanceof Map) || [...value.keys()].join("\n") !== names.join("\n")) {
    throw new Malformed(`an object with ${names.join(", ")}, in this order, belongs here`, { pointer });
  }
}

function checkAscending(indices, pointer) {
  if (indices.some((index, at) => at > 0 && indices[at - 1] >= index)) {
    throw new Malformed("entries stand in the order of the log, each once", { pointer });
  }
}

function textOf(value, pointer) {
  if (typeof value !== "string") throw new Malformed("this is a text", { pointer });
  return value;
}

function listOf(value, pointer) {
  if (!Array.isArray(value)) throw new Malformed("this is a list", { pointer });
  return value;
}

function indexOf(value, pointer) {
  if (typeof value !== "number" || value < 0) throw new Malformed("an index is a whole number, not negative", { pointer });
  return value;
}

function bytesOf(value, pointer, length) {
  const bytes = decodeBase64(textOf(value, pointer), "this", pointer);
  if (length !== undefined && bytes.length !== length) throw new Malformed(`this is ${length} bytes`, { pointer });
  return bytes;
}
