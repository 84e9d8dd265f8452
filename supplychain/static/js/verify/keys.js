// Keys of parties: what registers them, and public keys that a reader brings along.

import { keyId, possession, preAuthentication } from "../signer.js";
import { checkPublicKey, verifySignature } from "./ed25519.js";
import { Malformed, ProofInvalid, SignatureInvalid } from "./errors.js";
import { verifyCheckpoint } from "./policy.js";
import { HEADER, MAX_PROOF_BYTES, parseProof, verifyInItself } from "./proof.js";
import { isKeyId, isStatementId } from "./statement.js";
import { parseJson } from "./strictjson.js";
import { decodeBase64, decodeBase64url, isKeyName, latin1, startsWith } from "./text.js";

export { keyId, preAuthentication };

export const MAY_SIGN = {
  root: ["key.register", "key.revoke", "body.erased"],
  admin: ["event", "key.register", "key.revoke", "key.attest", "approval.request", "agreement"],
  device: ["event", "key.attest", "approval.request", "agreement"],
  external: ["event", "key.attest", "approval.request", "agreement"],
  managed: ["event", "key.attest", "approval.request", "agreement"],
  log: ["key.revoke", "agreement.outcome"],
  forecaster: ["forecast"],
};
const CLAIMS = ["public_key", "party", "role", "pop"];
const PARTY = /^[0-9a-f]{32}$/;
const RAW = /^[A-Za-z0-9_-]{43}$/;

/** Read a `key.register` statement and check its proof of possession: {publicKey, party, role, keyId}. */
export async function parseRegistration(statement) {
  const { claims } = statement;
  if (statement.type !== "key.register" || CLAIMS.some((name) => !claims.has(name))) {
    throw new Malformed("a registration claims public_key, party, role and pop", { pointer: "/claims" });
  }
  const [given, party, role, pop] = CLAIMS.map((name) => claims.get(name));
  if ([given, party, role, pop].some((each) => typeof each !== "string")) {
    throw new Malformed("a registration's claims are strings", { pointer: "/claims" });
  }
  const publicKey = decodeBase64url(given, "the public key", "/claims/public_key");
  checkPublicKey(publicKey);
  const id = await keyId(publicKey);
  checkPossession(statement, party, role, id);
  const proof = decodeBase64(pop, "the proof", "/claims/pop");
  await verifySignature(publicKey, possession(statement.log, party, role, id, statement.id), proof);
  return { publicKey, party, role, keyId: id, expires: expiryOf(claims) };
}

function expiryOf(claims) {
  const expires = claims.get("expires");
  if (expires !== undefined && (typeof expires !== "number" || expires < 0)) {
    throw new Malformed("an expiry is a POSIX time in milliseconds", { pointer: "/claims/expires" });
  }
  return expires;
}

function checkPossession(statement, party, role, id) {
  if (!isKeyName(statement.log)) throw new Malformed("this is not the origin of a log");
  if (!PARTY.test(party)) throw new Malformed("a party id is 32 lower-case hex digits");
  if (!Object.hasOwn(MAY_SIGN, role)) throw new Malformed("there is no such role of a key");
  if (!isKeyId(id) || !isStatementId(statement.id)) throw new Malformed("a key id or a statement id is not written as one");
}

/** Read public keys: 43 characters of base64url, a JWK (RFC 8037) or set of them, or a registration's proof file. */
export async function parseGivenKeys(data) {
  if (startsWith(data, HEADER)) return [await fromRegistration(data)];
  const { bytes, text } = stripped(data);
  if (RAW.test(text)) return [await given(checkedKey(text))];
  if (!text.startsWith("{")) {
    throw new Malformed("a public key is 43 characters of base64url, a JWK, or the proof file of its registration");
  }
  const value = parseJson(bytes, { maxBytes: MAX_PROOF_BYTES });
  const listed = value.has("keys") ? value.get("keys") : [value];
  if (!Array.isArray(listed) || !listed.length) throw new Malformed("a JWK set has keys", { pointer: "/keys" });
  return Promise.all(listed.map(fromJwk).map(given));
}

function stripped(data) {
  const isSpace = (byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
  let [from, to] = [0, data.length];
  while (from < to && isSpace(data[from])) from += 1;
  while (to > from && isSpace(data[to - 1])) to -= 1;
  const bytes = data.subarray(from, to);
  return { bytes, text: latin1(bytes) };
}

const given = async (publicKey) => ({ publicKey, id: await keyId(publicKey) });

async function fromRegistration(data) {
  const entry = await verifyInItself(await parseProof(data));
  const { publicKey, keyId: id } = await parseRegistration(entry.statement);
  return { publicKey, id, registration: entry };
}

function fromJwk(value) {
  if (!(value instanceof Map) || value.get("kty") !== "OKP" || value.get("crv") !== "Ed25519") {
    throw new Malformed("a JWK of an Ed25519 key has kty OKP and crv Ed25519");
  }
  if (value.has("d")) throw new Malformed("this JWK holds a private key; give the public one");
  const x = value.get("x");
  if (typeof x !== "string") throw new Malformed("a JWK of an Ed25519 key has x, its public key", { pointer: "/x" });
  return checkedKey(x);
}

function checkedKey(text) {
  const publicKey = decodeBase64url(text, "the public key");
  checkPublicKey(publicKey);
  return publicKey;
}

/** The key that the entry names: among those given, or in the entry itself when it registers itself (entry 0). */
export async function findKey(entry, keys) {
  const found = keys.find((each) => each.id === entry.statement.key);
  if (found) return found;
  if (entry.index !== 0n || entry.statement.type !== "key.register") return undefined;
  const { publicKey, keyId: id } = await parseRegistration(entry.statement);
  return id === entry.statement.key ? { publicKey, id, registration: entry } : undefined;
}

/** Throw SignatureInvalid unless this key signed the entry. */
export async function verifyParty(key, entry) {
  try {
    await verifySignature(key.publicKey, preAuthentication(entry.leaf.payload), entry.leaf.signature);
  } catch (fault) {
    if (!(fault instanceof SignatureInvalid)) throw fault;
    throw new SignatureInvalid("the party's signature in the entry does not hold for its key");
  }
}

/** Check that the key was registered in the log of `entry`, before it. */
export async function checkRegistration({ registration }, entry, policy) {
  if (registration.checkpoint.origin !== entry.checkpoint.origin) throw new ProofInvalid("the key was registered in another log");
  if (policy) await verifyCheckpoint(policy, registration.noteText);
  if (registration.index > entry.index || (registration.index === entry.index && entry.index !== 0n)) {
    throw new ProofInvalid("the key was registered after the entry that it signed");
  }
  return parseRegistration(registration.statement);
}

