// The key of this browser: made by WebCrypto, not extractable, kept in IndexedDB, one a log, party and person.

import { base64, base64url, hex, random, utf8 } from "./encoding.js";
import { canSign, keyId, possession, sign } from "./signer.js";

const STORE = "keys";

function open() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("waylog", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function within(mode, act) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const asked = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

const place = ({ origin, party, user }) => `${origin} ${party} ${user}`;

/** For which log, party and person this page stands. */
export function whose() {
  const { origin, party, user } = document.body.dataset;
  return { origin, party, user };
}

/** The key kept here, or undefined: {id, publicKey, privateKey, label}. */
export async function keptKey(who = whose()) {
  if (!canSign() || !who.origin || !who.party) return undefined;
  try {
    return await within("readonly", (store) => store.get(place(who)));
  } catch {
    return undefined; // a browser that keeps nothing, such as a private window
  }
}

export const forgetKey = (who = whose()) => within("readwrite", (store) => store.delete(place(who)));

/** Make a key and prove its possession; the answer is what is asked for with it. The key is kept before it is sent. */
export async function makeKey(label, who = whose()) {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const id = await keyId(publicKey);
  const statementId = hex(random(16));
  const pop = await sign(pair.privateKey, possession(who.origin, who.party, "device", id, statementId));
  await within("readwrite", (store) => store.put({ id, publicKey, privateKey: pair.privateKey, label }, place(who)));
  if (navigator.storage?.persist) await navigator.storage.persist();
  return { id, request: { public_key: base64url(publicKey), statement_id: statementId, pop: base64(pop), label } };
}

/** Make the key that follows the one kept here, which vouches for it; `send` hands it in, and then it takes its place. */
export async function renewKey(send, who = whose()) {
  const old = await keptKey(who);
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const id = await keyId(publicKey);
  const statementId = hex(random(16));
  const pop = await sign(pair.privateKey, possession(who.origin, who.party, "device", id, statementId));
  const vouch = await sign(old.privateKey, utf8(`waylog/renew/v1\n${who.origin}\n${old.id}\n${id}\n${statementId}\n`));
  const request = { public_key: base64url(publicKey), statement_id: statementId, pop: base64(pop), old_key: old.id, vouch: base64(vouch) };
  await send(request);
  await within("readwrite", (store) => store.put({ id, publicKey, privateKey: pair.privateKey, label: old.label }, place(who)));
  return id;
}

/** What the log says of this key: waiting, approved, refused, revoked or unknown. */
export const keyState = async (id) => (await keyStanding(id)).state;

/** The same, with the time at which it ends (POSIX milliseconds, or null). */
export async function keyStanding(id) {
  const answer = await fetch(`${document.body.dataset.keyState}?key=${encodeURIComponent(id)}`, { headers: { accept: "application/json" } });
  return answer.ok ? answer.json() : { state: "unknown", ends: null };
}

/** The key kept here if the log lets it sign now, else undefined. */
export async function readyKey() {
  const key = await keptKey();
  return key && (await keyState(key.id)) === "approved" ? key : undefined;
}
