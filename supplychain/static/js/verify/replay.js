// Entries taken in the order of the log: who was registered, who signed, who may sign that there.

import { hex } from "../encoding.js";
import { verifySignature } from "./ed25519.js";
import { EntryRefused, SignatureInvalid } from "./errors.js";
import { MAY_SIGN, parseRegistration, preAuthentication } from "./keys.js";
import { parseIndices, parseLeaf, parseStatement, statementHash } from "./statement.js";

const MAX_ATTESTED = 1_000n;
const HASH = /^[0-9a-f]{64}$/;
const GROUND = /^[^\x00-\x1f\x7f]+$/;

/** The keys of one log as its entries tell of them, up to the entry taken last. Indices are plain numbers here. */
export class Replay {
  constructor(origin) {
    Object.assign(this, { origin, keys: new Map(), validAdmins: new Map(), lastIndex: -1, recordTime: "", attested: new Set(), approvals: new Map(), erased: new Map() });
  }

  /** Take the next entry, not necessarily the neighbour of the last; throw a refusal. */
  async take(index, bytes) {
    if (index <= this.lastIndex) throw new EntryRefused(`entry ${index} does not come after entry ${this.lastIndex}`);
    const leaf = parseLeaf(bytes);
    const statement = parseStatement(leaf.payload);
    if (statement.key !== leaf.keyId) throw new EntryRefused(`entry ${index} names another key than its statement`);
    if (statement.log !== this.origin) throw new EntryRefused(`the statement of entry ${index} was signed for another log`);
    if (leaf.recordTime < this.recordTime) {
      throw new EntryRefused(`the record time of entry ${index} is before that of an earlier entry`);
    }
    const signer = await this.signer(index, statement);
    await checkSignature(index, leaf, signer);
    const taken = { index, leaf, statement, statementHash: hex(await statementHash(leaf.payload)), signer };
    await this.act(taken);
    this.lastIndex = index;
    this.recordTime = leaf.recordTime;
    return taken;
  }

  /** Tell whether its key was revoked as of before it, and its party has not stood by it since. */
  isDisputed({ index, signer }) {
    const { lastValidIndex } = this.keys.get(signer.keyId);
    return lastValidIndex !== undefined && index > lastValidIndex && !this.attested.has(`${index} ${signer.party}`);
  }

  async signer(index, statement) {
    if (index === 0) return rootOf(statement);
    const signer = this.keys.get(statement.key);
    if (!signer) throw new EntryRefused(`the key ${statement.key} that signed entry ${index} is not registered before it`);
    if (signer.revokedIndex !== undefined) {
      throw new EntryRefused(`entry ${index} is signed by a key that was revoked at entry ${signer.revokedIndex}`);
    }
    if (!MAY_SIGN[signer.role].includes(statement.type)) {
      throw new EntryRefused(`entry ${index}: a key in the role ${signer.role} does not sign ${statement.type}`);
    }
    return signer;
  }

  async act(taken) {
    const { index, statement, signer } = taken;
    if (index === 0) this.put(signer);
    else if (statement.type === "key.register") this.register(index, await parseRegistration(statement), signer);
    else if (statement.type === "key.revoke") this.revoke(taken);
    else if (statement.type === "key.attest") this.attest(index, statement, signer);
    else if (statement.type === "approval.request") this.approve(taken);
    else if (statement.type === "body.erased") this.erase(taken);
  }

  register(index, asked, signer) {
    if (this.keys.has(asked.keyId)) throw new EntryRefused(`entry ${index} registers a key for the second time`);
    const byRoot = signer.role === "root" && asked.role === "admin";
    const byAdmin = signer.role === "admin" && asked.role !== "root" && asked.party === signer.party;
    if (!byRoot && !byAdmin) throw new EntryRefused(`entry ${index} registers a key that its signer may not register`);
    if (byRoot && this.validAdmins.get(asked.party)?.size) {
      throw new EntryRefused(`entry ${index}: the root registers an admin key for a party that has a valid one`);
    }
    this.put({ ...asked, registeredIndex: index });
  }

  put(record) {
    this.keys.set(record.keyId, record);
    if (record.role !== "admin") return;
    if (!this.validAdmins.has(record.party)) this.validAdmins.set(record.party, new Set());
    const admins = this.validAdmins.get(record.party);
    if (record.revokedIndex === undefined) admins.add(record.keyId);
    else admins.delete(record.keyId);
  }

  revoke({ index, statement, signer, leaf }) {
    const target = this.keys.get(String(statement.claims.get("key")));
    const last = statement.claims.get("last_valid_index");
    if (!target || target.revokedIndex !== undefined) {
      throw new EntryRefused(`entry ${index} revokes a key that is not there to be revoked`);
    }
    if (typeof last !== "number" || last < target.registeredIndex || last > index) {
      throw new EntryRefused(`entry ${index} revokes a key from an index at which it cannot be revoked`);
    }
    if (signer.role === "admin" && signer.party !== target.party) throw new EntryRefused(`entry ${index} revokes a key of another party`);
    if (signer.role === "log" && (target.expires === undefined || Date.parse(leaf.recordTime) < target.expires)) {
      throw new EntryRefused(`entry ${index}: the log key revokes a key that has not expired`);
    }
    if (signer.role === "root") this.approved({ index, statement, signer });
    this.put({ ...target, lastValidIndex: last, revokedIndex: index });
  }

  attest(index, statement, signer) {
    const ranges = parseIndices(claimText(statement.claims.get("indices")));
    const count = ranges.reduce((sum, [first, last]) => sum + last - first + 1n, 0n);
    if (count > MAX_ATTESTED || ranges.at(-1)[1] >= BigInt(index)) {
      throw new EntryRefused(`entry ${index} attests too many entries, or some that came after it`);
    }
    for (const [first, last] of ranges) {
      for (let at = first; at <= last; at += 1n) this.attested.add(`${at} ${signer.party}`);
    }
  }

  approve({ index, statement, statementHash: hashed, signer }) {
    const act = actOf(statement);
    if (!act) throw new EntryRefused(`entry ${index} asks for nothing that takes two people`);
    this.approvals.set(hashed, { act, keyId: signer.keyId, party: signer.party });
  }

  /** What an act that takes two people does, and who asked for exactly that before it. */
  approved({ index, statement, signer }) {
    const act = actOf(statement);
    const asked = this.approvals.get(claimText(statement.claims.get("approval")));
    if (!act || !asked || asked.keyId === signer.keyId) {
      throw new EntryRefused(`entry ${index} takes two people, and nobody else has asked for it before`);
    }
    if (JSON.stringify(asked.act) !== JSON.stringify(act)) throw new EntryRefused(`entry ${index} does something else than was asked for`);
    return { act, asked };
  }

  erase(taken) {
    const { act, asked } = this.approved(taken);
    const [, subject, ground] = act;
    if (!this.erased.has(subject)) this.erased.set(subject, { index: taken.index, ground, party: asked.party });
  }
}

/** What a statement does or asks for that takes two people, [type, subject, detail]; undefined for anything else. */
function actOf({ type, claims }) {
  const kind = type === "approval.request" ? claims.get("act") : type;
  if (kind === "key.revoke") {
    const [key, last] = [claims.get("key"), claims.get("last_valid_index")];
    return typeof key === "string" && key && typeof last === "number" && last >= 0 ? [kind, key, last] : undefined;
  }
  if (kind !== "body.erased") return undefined;
  const [subject, ground] = [claims.get("commitment"), claims.get("ground")];
  const isNamed = typeof subject === "string" && HASH.test(subject) && typeof ground === "string" && GROUND.test(ground);
  return isNamed ? [kind, subject, ground] : undefined;
}

const claimText = (claim) => (claim === undefined ? "" : String(claim));

/** Entry 0, and no other, is signed by the key that it registers: the log's root. */
async function rootOf(statement) {
  if (statement.type !== "key.register") throw new EntryRefused("entry 0 is not the root's own registration");
  const asked = await parseRegistration(statement);
  if (asked.role !== "root" || asked.keyId !== statement.key) throw new EntryRefused("entry 0 is not the root's own registration");
  return { ...asked, registeredIndex: 0 };
}

async function checkSignature(index, leaf, signer) {
  try {
    await verifySignature(signer.publicKey, preAuthentication(leaf.payload), leaf.signature);
  } catch (fault) {
    if (!(fault instanceof SignatureInvalid)) throw fault;
    throw new SignatureInvalid(`the signature of entry ${index} does not hold for its key`);
  }
}
