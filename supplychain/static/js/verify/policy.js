// Who must have signed a checkpoint before it is believed (C2SP tlog-policy).

import { same, utf8 } from "../encoding.js";
import { KeyRefused, Malformed, PolicyUnmet } from "./errors.js";
import { COSIGNATURE, parseCheckpoint, parseNote, parseVerifierKey, verifyNote } from "./note.js";
import { decodeOctets } from "./text.js";

const MAX_POLICY_BYTES = 65_536;
const NONE = "none";
const COUNT = /^[1-9][0-9]{0,4}$/;

/** The policy that believes one log and asks for no witness. */
export const policyOf = (log) => ({ logs: [log], witnesses: new Map(), groups: new Map(), quorum: NONE });

/** Read a policy file strictly; throw Malformed with the line that is wrong. */
export async function parsePolicy(data) {
  if (data.length > MAX_POLICY_BYTES) throw new Malformed("a policy has at most 65,536 bytes");
  const reader = new Reader();
  let number = 0;
  for (const line of decodeOctets(data).split("\n")) {
    number += 1;
    try {
      await reader.line(line);
    } catch (fault) {
      if (!(fault instanceof Malformed) && !(fault instanceof KeyRefused)) throw fault;
      throw new Malformed(fault.message, { line: number, column: 1 });
    }
  }
  if (reader.quorum === undefined) throw new Malformed("a policy has a quorum line");
  return reader;
}

class Reader {
  constructor() {
    Object.assign(this, { logs: [], witnesses: new Map(), groups: new Map(), members: new Set(), quorum: undefined });
  }

  async line(line) {
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(line)) throw new Malformed("a policy has no control characters");
    const fields = line.match(/[^ \t]+/g) ?? [];
    if (!fields.length || fields[0].startsWith("#")) return;
    const [what, name] = fields;
    if (what === "log" && (fields.length === 2 || fields.length === 3)) this.log(await parseVerifierKey(name));
    else if (what === "witness" && (fields.length === 3 || fields.length === 4)) this.witness(name, await parseVerifierKey(fields[2]));
    else if (what === "group" && fields.length > 3) this.group(name, fields[2], fields.slice(3));
    else if (what === "quorum" && fields.length === 2) this.setQuorum(name);
    else throw new Malformed("a policy's lines are log, witness, group and quorum, with what belongs to them");
  }

  log(key) {
    if (this.logs.some((each) => same(each.publicKey, key.publicKey))) throw new Malformed("this log's key is listed twice");
    this.logs.push(key);
  }

  witness(name, key) {
    if (key.type !== COSIGNATURE) throw new Malformed("a witness's key is one for cosignatures (type 4)");
    if ([...this.witnesses.values()].some((each) => same(each.publicKey, key.publicKey))) {
      throw new Malformed("this witness's key is listed twice");
    }
    this.define(name);
    this.witnesses.set(name, key);
  }

  group(name, least, members) {
    for (const member of members) {
      if (!this.witnesses.has(member) && !this.groups.has(member)) throw new Malformed("a group's member is not defined above it");
      if (this.members.has(member)) throw new Malformed("a name may be a member of one group, once");
      this.members.add(member);
    }
    if (least !== "all" && least !== "any" && !COUNT.test(least)) throw new Malformed("a group needs all, any, or a number of its members");
    const count = least === "all" ? members.length : least === "any" ? 1 : Number(least);
    if (count > members.length) throw new Malformed("a group needs no more members than it has");
    this.define(name);
    this.groups.set(name, { least: count, members });
  }

  setQuorum(name) {
    if (this.quorum !== undefined) throw new Malformed("a policy has one quorum line");
    if (name !== NONE && !this.witnesses.has(name) && !this.groups.has(name)) throw new Malformed("the quorum is not defined above it");
    this.quorum = name;
  }

  define(name) {
    if (name === NONE || this.witnesses.has(name) || this.groups.has(name)) throw new Malformed("this name is taken");
  }
}

function isMet(policy, cosigners) {
  const met = new Set([NONE]);
  for (const [name, key] of policy.witnesses) if (cosigners.has(key.text)) met.add(name);
  for (const [name, group] of policy.groups) {
    if (group.members.filter((member) => met.has(member)).length >= group.least) met.add(name);
  }
  return met.has(policy.quorum);
}

/** Read a checkpoint that meets the policy: {checkpoint, log, cosignatures}; throw Malformed, SignatureInvalid, PolicyUnmet. */
export async function verifyCheckpoint(policy, text) {
  const note = parseNote(text);
  const checkpoint = await parseCheckpoint(note.text);
  const logs = policy.logs.filter((log) => log.name === checkpoint.origin);
  if (!logs.length) throw new PolicyUnmet(`${checkpoint.origin} is not a log that the policy names`);
  const verifiers = [...logs, ...policy.witnesses.values()];
  const isNamed = (line) => verifiers.some((each) => each.name === line.name && each.id === line.id);
  if (!note.signatures.some(isNamed)) throw new PolicyUnmet("nobody whom the policy names has signed this checkpoint");
  const verified = await verifyNote(note, verifiers);
  const isLog = ({ verifier }) => logs.some((log) => log.text === verifier.text);
  const byLog = verified.find(isLog);
  if (!byLog) throw new PolicyUnmet("the log has not signed this checkpoint with a key that the policy names");
  const cosignatures = verified.filter((each) => !isLog(each));
  if (!isMet(policy, new Set(cosignatures.map((each) => each.verifier.text)))) {
    throw new PolicyUnmet(`too few of the policy's witnesses have cosigned: its quorum is ${policy.quorum}`);
  }
  return { checkpoint, log: byLog.verifier, cosignatures };
}

/** Whom the reader trusts, as a verifier key or as a policy: nothing given is nobody (undefined). */
export async function parseTrust(text) {
  const given = text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
  if (!given) return undefined;
  return /[ \t\r\n]/.test(given) ? parsePolicy(utf8(text)) : policyOf(await parseVerifierKey(given));
}
