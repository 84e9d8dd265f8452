// Ed25519 signatures, as narrowly as the log admits them: WebCrypto decides last, after checks of our own.
//
// Browsers accept more than the log does: keys outside the prime-order group, and an R of small order. Those are refused
// here, with keys and R that are not written canonically and an S that is not below the group's order (RFC 8032, 5.1.7).

import { hex } from "../encoding.js";
import { KeyRefused, SignatureInvalid } from "./errors.js";

const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const modulo = (a) => ((a % P) + P) % P;

function power(base, exponent) {
  let result = 1n;
  for (let b = base, e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * b) % P;
    b = (b * b) % P;
  }
  return result;
}

const D = modulo(-121665n * power(121666n, P - 2n));
const ROOT_OF_MINUS_1 = power(2n, (P - 1n) / 4n);
const Y_OF_ORDER_8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
const Y_OF_SMALL_ORDER = new Set([0n, 1n, P - 1n, Y_OF_ORDER_8, P - Y_OF_ORDER_8]);
const KEPT = 1_000;
const keys = new Map();

const littleEndian = (bytes) => BigInt(`0x${hex(Uint8Array.from(bytes).reverse())}`);
const yOf = (bytes) => littleEndian(bytes) & (2n ** 255n - 1n);

/** The point that these bytes name, in extended coordinates; undefined where there is none (RFC 8032, 5.1.3). */
function pointOf(bytes) {
  const y = yOf(bytes);
  if (y >= P) return undefined;
  const u = modulo(y * y - 1n);
  const v = modulo(D * y * y + 1n);
  const v3 = (v * v * v) % P;
  let x = (u * v3 * power((u * v3 * v3 * v) % P, (P - 5n) / 8n)) % P;
  const check = (v * x * x) % P;
  if (check === modulo(-u)) x = (x * ROOT_OF_MINUS_1) % P;
  else if (check !== u) return undefined;
  if (Number(x & 1n) !== bytes[31] >> 7) x = modulo(-x);
  return [x, y, 1n, (x * y) % P];
}

function add([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = modulo((y1 - x1) * (y2 - x2));
  const b = ((y1 + x1) * (y2 + x2)) % P;
  const c = (2n * t1 * t2 * D) % P;
  const d = (2n * z1 * z2) % P;
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [modulo(e * f), modulo(g * h), modulo(f * g), modulo(e * h)];
}

function times(scalar, point) {
  let result = [0n, 1n, 1n, 0n];
  for (let p = point, s = scalar; s > 0n; s >>= 1n) {
    if (s & 1n) result = add(result, p);
    p = add(p, p);
  }
  return result;
}

/** Whether a key is a canonical point of the prime-order group, and not its neutral element. */
function isSafe(publicKey) {
  const point = pointOf(publicKey);
  if (!point || Y_OF_SMALL_ORDER.has(point[1])) return false;
  const [x, y, z] = times(ORDER, point);
  return x === 0n && y === z;
}

function known(publicKey) {
  const name = hex(publicKey);
  if (!keys.has(name)) {
    if (keys.size >= KEPT) keys.clear();
    keys.set(name, { isSafe: isSafe(publicKey) });
  }
  return keys.get(name);
}

/** Throw KeyRefused unless the key is a canonical point of the prime-order group. */
export function checkPublicKey(publicKey) {
  if (publicKey.length !== 32) throw new KeyRefused("an Ed25519 public key is 32 bytes");
  if (!known(publicKey).isSafe) throw new KeyRefused("this public key is not a point that is safe to use");
}

/** Throw SignatureInvalid unless `signature` is this key's Ed25519 signature over `message`. */
export async function verifySignature(publicKey, message, signature) {
  if (publicKey.length !== 32 || signature.length !== 64) {
    throw new SignatureInvalid("an Ed25519 public key is 32 bytes and a signature 64");
  }
  if (!(await holds(publicKey, message, signature))) throw new SignatureInvalid("the signature does not hold for this key");
}

async function holds(publicKey, message, signature) {
  const r = yOf(signature.subarray(0, 32));
  if (r >= P || Y_OF_SMALL_ORDER.has(r) || littleEndian(signature.subarray(32)) >= ORDER) return false;
  const record = known(publicKey);
  if (!record.isSafe) return false;
  record.imported ??= crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, true, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, await record.imported, signature, message);
}

/** What keeps this browser from checking signatures, in words; empty where it can. */
export async function whatIsMissing() {
  if (globalThis.isSecureContext === false || !globalThis.crypto?.subtle) {
    return "This page came without https. Browsers then offer no WebCrypto, so nothing can be verified here: open the page over https, or on the server itself as localhost.";
  }
  try {
    const key = new Uint8Array(32);
    key.set([0x58, ...Array(31).fill(0x66)]); // the base point (RFC 8032, 5.1)
    await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, true, ["verify"]);
    return "";
  } catch {
    return "This browser's WebCrypto has no Ed25519, so nothing can be verified here: use a newer one (Chrome or Edge 137, Firefox 129, Safari 17, or later).";
  }
}
