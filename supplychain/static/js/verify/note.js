// Signed notes, their keys, cosignatures and checkpoints (C2SP signed-note, tlog-cosignature v1, tlog-checkpoint).

import { base64, hex, join, same, utf8 } from "../encoding.js";
import { sha256 } from "../signer.js";
import { checkPublicKey, verifySignature } from "./ed25519.js";
import { Malformed, SignatureInvalid } from "./errors.js";
import { emptyRoot, HASH_BYTES, MAX_TREE_SIZE } from "./merkle.js";
import { bigEndian, codePoints, decodeBase64, isKeyName } from "./text.js";

export const ED25519 = 1;
export const COSIGNATURE = 4;
export const MAX_NOTE_BYTES = 1_000_000;
const MAX_SIGNATURES = 100;
const MAX_TIME = 2n ** 63n - 1n;
const KEY = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/u;
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;
const DASH = "\u2014 ";
const CHECKPOINT = /^([^\n]+)\n([0-9]{1,19})\n([^\n]{44})\n$/u;

/** Who may sign notes: a name, a public key, and for what kind of signature. `text` is its vkey. */
async function verifierKey(name, publicKey, type) {
  if (!isKeyName(name)) throw new Malformed("a key's name is not empty and has neither spaces nor plus");
  if (type !== ED25519 && type !== COSIGNATURE) {
    throw new Malformed("a note is signed with Ed25519, by a log (type 1) or a witness (type 4)");
  }
  const typed = join([type], publicKey);
  const id = hex((await sha256(join(utf8(`${name}\n`), typed))).subarray(0, 4));
  return { name, publicKey, type, id, text: `${name}+${id}+${base64(typed)}` };
}

/** The log's key as a verifier key, of this name. */
export const logKey = (name, publicKey) => verifierKey(name, publicKey, ED25519);

/** Read a vkey strictly; throw Malformed, or KeyRefused for a public key that is not safe. */
export async function parseVerifierKey(text) {
  const found = KEY.exec(text);
  if (!found) throw new Malformed("a key is written <name>+<8 hex digits>+<base64>");
  const material = decodeBase64(found[3], "the key");
  if (material.length !== 33) throw new Malformed("a key is one byte of type and 32 bytes");
  const verifier = await verifierKey(found[1], material.subarray(1), material[0]);
  if (verifier.id !== found[2]) throw new Malformed("the verifier key's id is not that of its name and public key");
  checkPublicKey(verifier.publicKey);
  return verifier;
}

/** Read a signed note: {text, signatures: [{name, id, signature}]}; throw Malformed. Nothing in it is to be trusted yet. */
export function parseNote(text) {
  if (text.length > MAX_NOTE_BYTES && codePoints(text) > MAX_NOTE_BYTES) {
    throw new Malformed("a note has at most 1,000,000 bytes");
  }
  if (/\p{Surrogate}/u.test(text)) throw new Malformed("this note is not UTF-8");
  if (CONTROL.test(text)) throw new Malformed("a note has no control characters");
  const blank = text.lastIndexOf("\n\n");
  if (blank < 0 || !text.endsWith("\n") || blank + 2 === text.length) {
    throw new Malformed("a note is a text, a blank line and signature lines");
  }
  const signatures = text.slice(blank + 2, -1).split("\n").map(parseSignature);
  if (signatures.length > MAX_SIGNATURES) throw new Malformed(`a note has at most ${MAX_SIGNATURES} signatures`);
  return { text: text.slice(0, blank + 1), signatures };
}

function parseSignature(line) {
  const [name, ...rest] = (line.startsWith(DASH) ? line.slice(DASH.length) : "").split(" ");
  if (!rest.length || !isKeyName(name)) throw new Malformed("a signature line is an em dash, a key's name and base64");
  const bytes = decodeBase64(rest.join(" "), "a signature line");
  if (bytes.length < 5) throw new Malformed("a signature line holds a note key id and a signature");
  return { name, id: hex(bytes.subarray(0, 4)), signature: bytes.subarray(4) };
}

/** Check every line of a known signer and ignore the others; throw SignatureInvalid when one fails or none is known. */
export async function verifyNote(note, verifiers) {
  const known = new Map(verifiers.map((each) => [`${each.name} ${each.id}`, each]));
  const verified = [];
  for (const line of note.signatures) {
    const verifier = known.get(`${line.name} ${line.id}`);
    if (verifier) verified.push({ verifier, time: await verifyLine(note.text, line, verifier) });
  }
  if (!verified.length) throw new SignatureInvalid("no known key has signed this note");
  return verified;
}

async function verifyLine(text, line, verifier) {
  try {
    if (verifier.type === ED25519) {
      await verifySignature(verifier.publicKey, utf8(text), line.signature);
      return undefined;
    }
    const time = bigEndian(line.signature.subarray(0, 8));
    if (time > MAX_TIME) throw new SignatureInvalid("a cosignature's time is out of range");
    await verifySignature(verifier.publicKey, utf8(`cosignature/v1\ntime ${time}\n${text}`), line.signature.subarray(8));
    return time;
  } catch (fault) {
    if (!(fault instanceof SignatureInvalid)) throw fault;
    throw new SignatureInvalid(`the signature of ${verifier.name} under this note does not hold: ${fault.message}`);
  }
}

/** Read the three lines of a checkpoint: {origin, treeSize, rootHash}; throw Malformed. */
export async function parseCheckpoint(text) {
  const found = CHECKPOINT.exec(text);
  if (!found) throw new Malformed("a checkpoint is an origin, a tree size and a root, each on its line");
  const checkpoint = { origin: found[1], treeSize: BigInt(found[2]), rootHash: decodeBase64(found[3], "the root") };
  if (!isKeyName(checkpoint.origin)) throw new Malformed("this is not the origin of a log");
  if (checkpoint.treeSize > MAX_TREE_SIZE || checkpoint.rootHash.length !== HASH_BYTES) {
    throw new Malformed("a checkpoint has a tree size and a root of 32 bytes");
  }
  if (checkpoint.treeSize === 0n && !same(checkpoint.rootHash, await emptyRoot())) {
    throw new Malformed("a log without entries has the empty root");
  }
  if (String(checkpoint.treeSize) !== found[2]) throw new Malformed(`tree size '${found[2]}' is not a plain decimal`);
  return checkpoint;
}

export const formatCheckpoint = ({ origin, treeSize, rootHash }) => `${origin}\n${treeSize}\n${base64(rootHash)}\n`;
