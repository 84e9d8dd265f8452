// Strict JSON: what stock parsers let through and then read in two ways is refused, with its place named.
//
// Refused: duplicate names, NaN and Infinity, numbers that overflow, integers beyond 2^53-1, lone surrogates, NUL, too
// deep, too many nodes, too many bytes, a byte order mark, bad UTF-8. Objects are read as Maps: no name is special.

import { Malformed } from "./errors.js";
import { codePoints, decodeUtf8, faultOfUtf8 } from "./text.js";

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]+/y;
const ESCAPE = /\\(?:(["\\/bfnrt])|u([0-9a-fA-F]{4}))/y;
const ESCAPED = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const CONSTANTS = ["NaN", "Infinity", "-Infinity"];
const SHOWN = 40;

/** Read one JSON value: Map, Array, string, number, boolean or null; throw Malformed with the place of the first fault. */
export function parseJson(data, { maxBytes, maxDepth = 32, maxNodes = 50_000, floats = true }) {
  if (data.length > maxBytes) throw new Malformed(`${data.length} bytes are more than the ${maxBytes} allowed`);
  if (data[0] === 0xef && data[1] === 0xbb && data[2] === 0xbf) {
    throw new Malformed("a byte order mark is not allowed", { line: 1, column: 1 });
  }
  const text = decodeUtf8(data);
  if (text === undefined) {
    const before = decodeUtf8(data.subarray(0, faultOfUtf8(data)));
    throw new Malformed("this is not UTF-8", place(before, before.length));
  }
  return new Reader(text, { maxDepth, maxNodes, floats }).document();
}

/** A step of a JSON pointer (RFC 6901). */
export const step = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");

function place(text, at) {
  const before = text.slice(0, at);
  return { line: before.split("\n").length, column: codePoints(before.slice(before.lastIndexOf("\n") + 1)) + 1 };
}

/** A text in quotes and in ASCII, cut where it is long. */
function shown(text) {
  const letters = [...text];
  const cut = letters.length <= SHOWN ? text : `${letters.slice(0, SHOWN).join("")}...`;
  const quote = cut.includes("'") && !cut.includes('"') ? '"' : "'";
  return quote + [...cut].map((letter) => inAscii(letter, quote)).join("") + quote;
}

function inAscii(letter, quote) {
  const code = letter.codePointAt(0);
  if (letter === "\\" || letter === quote) return `\\${letter}`;
  const named = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[letter];
  if (named) return named;
  if (code >= 0x20 && code < 0x7f) return letter;
  const [mark, width] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
  return `\\${mark}${code.toString(16).padStart(width, "0")}`;
}

/** Reads the text once, from left to right, and throws at the first fault. */
class Reader {
  constructor(text, limits) {
    Object.assign(this, { text, limits, at: 0, nodes: 0, steps: [] });
  }

  fail(reason, at = this.at) {
    return new Malformed(reason, { pointer: this.steps.map((each) => `/${step(each)}`).join(""), ...place(this.text, at) });
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text);
  }

  document() {
    const value = this.value();
    this.space();
    if (this.at < this.text.length) throw this.fail("something follows the JSON value");
    return value;
  }

  space() {
    this.at += this.match(SPACE)[0].length;
  }

  value() {
    this.space();
    this.nodes += 1;
    if (this.nodes > this.limits.maxNodes) throw this.fail(`there are more than ${this.limits.maxNodes} values`);
    const mark = this.text[this.at];
    if (mark === '"') return this.string();
    if (mark !== "{" && mark !== "[") return this.literal();
    if (this.steps.length >= this.limits.maxDepth) throw this.fail(`it is nested deeper than ${this.limits.maxDepth}`);
    return mark === "{" ? this.object() : this.array();
  }

  object() {
    const members = new Map();
    this.at += 1;
    this.space();
    if (this.take("}")) return members;
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') throw this.fail("a member's name is missing");
      const start = this.at;
      const name = this.string();
      this.steps.push(name);
      if (members.has(name)) throw this.fail(`the name ${shown(name)} appears twice`, start);
      members.set(name, undefined);
      this.space();
      if (!this.take(":")) throw this.fail("a colon is missing");
      members.set(name, this.value());
      this.steps.pop();
      if (this.ends("}")) return members;
    }
  }

  array() {
    const items = [];
    this.at += 1;
    this.space();
    if (this.take("]")) return items;
    for (;;) {
      this.steps.push(String(items.length));
      items.push(this.value());
      this.steps.pop();
      if (this.ends("]")) return items;
    }
  }

  take(mark) {
    if (!this.text.startsWith(mark, this.at)) return false;
    this.at += mark.length;
    return true;
  }

  ends(closing) {
    this.space();
    if (this.take(",")) return false;
    if (!this.take(closing)) throw this.fail(`a comma or ${closing} is missing`);
    return true;
  }

  string() {
    const start = this.at;
    const parts = [];
    this.at += 1;
    while (!this.take('"')) {
      let found = this.match(PLAIN);
      if (found) parts.push(found[0]);
      else {
        found = this.match(ESCAPE);
        if (!found) throw this.badCharacter(start);
        parts.push(found[1] ? (ESCAPED[found[1]] ?? found[1]) : String.fromCharCode(parseInt(found[2], 16)));
      }
      this.at += found[0].length;
    }
    const joined = parts.join("");
    if (joined.includes("\0")) throw this.fail("a string holds NUL", start);
    if (/\p{Surrogate}/u.test(joined)) throw this.fail("a string holds half of a surrogate pair", start);
    return joined;
  }

  badCharacter(start) {
    const mark = this.text[this.at];
    if (mark === undefined) return this.fail("a string does not end", start);
    if (mark === "\\") return this.fail("a string holds an escape that JSON does not know");
    return this.fail(mark === "\0" ? "a string holds NUL" : "a string holds a bare control character");
  }

  literal() {
    for (const constant of CONSTANTS) {
      if (this.text.startsWith(constant, this.at)) throw this.fail(`${constant} is not a JSON number`);
    }
    if (this.take("true")) return true;
    if (this.take("false")) return false;
    if (this.take("null")) return null;
    const found = this.match(NUMBER);
    if (!found) throw this.fail(this.at < this.text.length ? "a JSON value is missing" : "the text ends too early");
    const number = Number(found[0]);
    if (found[1] || found[2]) {
      if (!this.limits.floats) throw this.fail(`${shown(found[0])} is not an integer, and no other numbers are allowed here`);
      if (!Number.isFinite(number)) throw this.fail(`the number ${shown(found[0])} overflows`);
    } else if (found[0].length > 17 || Math.abs(number) > Number.MAX_SAFE_INTEGER) {
      throw this.fail(`the integer ${shown(found[0])} is beyond 2^53-1`);
    }
    this.at += found[0].length;
    return number === 0 ? 0 : number;
  }
}
