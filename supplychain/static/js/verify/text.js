// Bytes and texts, read strictly: UTF-8, base64 that is written one way only, names of keys and logs.

import { base64, hex } from "../encoding.js";
import { Malformed } from "./errors.js";

const BAD_IN_NAME =
  /[ +\u0000-\u001f\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|\p{Surrogate}/u;
const MAX_NAME_BYTES = 255;
const ENCODER = new TextEncoder();
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const codePoints = (text) => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

/** Bytes as a text of one letter a byte. */
export function latin1(bytes) {
  const parts = [];
  for (let at = 0; at < bytes.length; at += 32_768) parts.push(String.fromCharCode(...bytes.subarray(at, at + 32_768)));
  return parts.join("");
}

/** The text of these bytes, or undefined where they are not UTF-8. */
export function decodeUtf8(bytes) {
  try {
    return STRICT.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Where the first sequence that is not UTF-8 begins. */
export function faultOfUtf8(bytes) {
  let at = 0;
  while (at < bytes.length) {
    const length = sequence(bytes, at);
    if (!length) return at;
    at += length;
  }
  return at;
}

function sequence(bytes, at) {
  const lead = bytes[at];
  if (lead < 0x80) return 1;
  const length = lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
  if (!length) return 0;
  return decodeUtf8(bytes.subarray(at, at + length)) === undefined || at + length > bytes.length ? 0 : length;
}

/** Bytes as a text in which each byte that is not UTF-8 stands as U+DC80 to U+DCFF (what Python calls surrogateescape). */
export function decodeOctets(bytes) {
  const whole = decodeUtf8(bytes);
  if (whole !== undefined) return whole;
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = sequence(bytes, at);
    text += length ? decodeUtf8(bytes.subarray(at, at + length)) : String.fromCharCode(0xdc00 + bytes[at]);
    at += length || 1;
  }
  return text;
}

/** The text as it can be printed: halves of surrogate pairs are named. */
export const printable = (text) => text.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`);

/** Tell whether a text may name a key or a log: not empty, no space, no plus (C2SP signed-note). */
export const isKeyName = (text) => text !== "" && !BAD_IN_NAME.test(text) && ENCODER.encode(text).length <= MAX_NAME_BYTES;

/** Decode standard base64 as it is written, with padding and zero bits at its end; throw Malformed. */
export function decodeBase64(text, what = "this", pointer = "") {
  const core = text.replace(/={1,2}$/, "");
  const isWhole = text.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(core);
  if (isWhole) {
    const letters = atob(text);
    const bytes = new Uint8Array(letters.length);
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = letters.charCodeAt(at);
    if (base64(bytes.subarray(Math.max(0, bytes.length - (bytes.length % 3 || 3)))) === text.slice(-4)) return bytes;
  }
  const reason = isWhole || endsWell(text) ? `${what} is not base64 as it is written` : `${what} is not base64`;
  throw new Malformed(reason, { pointer });
}

/** Whether a lenient reader, which skips what is not base64, finds a whole text: only the words of the refusal differ. */
function endsWell(text) {
  if (/[^\u0000-\u007f]/.test(text)) return false;
  let place = 0;
  let pads = 0;
  for (const letter of text) {
    if (letter === "=") {
      if (place >= 2 && place + ++pads >= 4) return true;
    } else if (/[A-Za-z0-9+/]/.test(letter)) {
      pads = 0;
      place = (place + 1) % 4;
    }
  }
  return place === 0;
}

/** Decode base64url without padding, strictly; throw Malformed. */
export function decodeBase64url(text, what = "this", pointer = "") {
  if (/[+/=]/.test(text)) throw new Malformed(`${what} is not base64url without padding`, { pointer });
  const padding = "=".repeat((4 - (codePoints(text) % 4)) % 4);
  return decodeBase64(text.replaceAll("-", "+").replaceAll("_", "/") + padding, what, pointer);
}

/** A whole number of bytes in big-endian order. */
export const bigEndian = (bytes) => BigInt(`0x0${hex(bytes)}`);

export const startsWith = (bytes, text) => latin1(bytes.subarray(0, text.length)) === text;
