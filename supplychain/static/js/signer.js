// What a party signs, made here: commitment, links, statement, DSSE envelope. The formats are those of the log
// (docs/architecture.md); nothing is signed that this file did not put together itself.

import { base64, base64url, fromBase64, fromHex, hex, join, random, same, utf8 } from "./encoding.js";

export const PAYLOAD_TYPE = "application/vnd.waylog.statement+json";
const ZERO = new Uint8Array(32);
const ED25519 = { name: "Ed25519" };

export const canSign = () => globalThis.isSecureContext === true && globalThis.crypto?.subtle !== undefined;

export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/** RFC 7638 thumbprint of the key as an RFC 8037 JWK. */
export const keyId = async (publicKey) =>
  base64url(await sha256(utf8(`{"crv":"Ed25519","kty":"OKP","x":"${base64url(publicKey)}"}`)));

/** DSSE v1 pre-authentication encoding: the bytes that are signed. */
export const preAuthentication = (payload) =>
  join(utf8(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `), payload);

export const statementHash = (payload) => sha256(preAuthentication(payload));

export const commitment = (salt, body) => sha256(join(utf8("waylog/body/v1\n"), salt, body));

export async function link(chain, prev) {
  const key = await crypto.subtle.importKey("raw", chain, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, prev));
}

export const sign = async (privateKey, message) => new Uint8Array(await crypto.subtle.sign(ED25519, privateKey, message));

export async function verify(publicKey, message, signature) {
  const key = await crypto.subtle.importKey("raw", publicKey, ED25519, true, ["verify"]);
  return crypto.subtle.verify(ED25519, key, signature, message);
}

/** What a new key signs to prove that its holder has it. */
export const possession = (origin, party, role, id, statementId) =>
  utf8(`waylog/pop/v1\n${origin}\n${party}\n${role}\n${id}\n${statementId}\n`);

/**
 * Walk a shipment's chain from its first statement to its head, and say what holds. Throws with a sentence when a link,
 * a signature or the head does not hold.
 */
export async function checkChain({ chain, head, entries }, origin) {
  const secret = fromBase64(chain);
  let prev = ZERO;
  for (const entry of entries) {
    const payload = fromBase64(entry.payload);
    const statement = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    if (statement.log !== origin) throw new Error(`Entry ${entry.index} was signed for another log.`);
    const expected = hex(await link(secret, prev));
    if (!statement.links.includes(expected)) throw new Error(`Entry ${entry.index} does not follow the one before it.`);
    const publicKey = fromBase64(entry.public_key);
    if ((await keyId(publicKey)) !== statement.key) throw new Error(`The key shown for entry ${entry.index} is not the one it names.`);
    if (!(await verify(publicKey, preAuthentication(payload), fromBase64(entry.signature)))) {
      throw new Error(`The signature of entry ${entry.index} does not hold.`);
    }
    prev = await statementHash(payload);
  }
  if (!same(prev, fromHex(head))) throw new Error("The chain's head is not the statement that was shown as its latest.");
  return prev;
}

/** Put together and sign the statement of an event; `chains` are [{unit, secret, prev}] in the order of the links. */
export async function signEvent({ origin, key, body, chains, claims = {} }) {
  const salt = random(32);
  const links = [];
  for (const each of chains) links.push(hex(await link(each.secret, each.prev ?? ZERO)));
  const statement = {
    v: 1,
    log: origin,
    type: "event",
    id: hex(random(16)),
    key: key.id,
    links,
    body: hex(await commitment(salt, body)),
    claims,
  };
  const payload = utf8(JSON.stringify(statement));
  const signature = await sign(key.privateKey, preAuthentication(payload));
  return {
    envelope: { payload: base64(payload), payloadType: PAYLOAD_TYPE, signatures: [{ keyid: key.id, sig: base64(signature) }] },
    body: base64(body),
    salt: base64(salt),
  };
}
