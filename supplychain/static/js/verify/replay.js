// Entries taken in the order of the log: who was registered, who signed, who may sign that there.

import { hex } from "../encoding.js";
import { verifySignature } from "./ed25519.js";
import { EntryRefused, SignatureInvalid } from "./errors.js";
import { MAY_SIGN, parseRegistration, preAuthentication } from "./keys.js";
import { parseIndices, parseLeaf, parseStatement, statementHash } from "./statement.js";

const MAX_ATTESTED = 1_000n;

/** The keys of one log as its entries tell of them, up to the entry taken last. Indices are plain numbers here. */
export class Replay {
  constructor(origin) {
    Object.assign(this, { origin, keys: new Map(), validAdmins: new Map(), lastIndex: -1, recordTime: "", attested: new Set() });
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
    await this.act(index, statement, signer);
    this.lastIndex = index;
    this.recordTime = leaf.recordTime;
    return { index, leaf, statement, statementHash: hex(await statementHash(leaf.payload)), signer };
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

  async act(index, statement, signer) {
    if (index === 0) this.put(signer);
    else if (statement.type === "key.register") this.register(index, await parseRegistration(statement), signer);
    else if (statement.type === "key.revoke") this.revoke(index, statement, signer);
    else if (statement.type === "key.attest") this.attest(index, statement, signer);
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

  revoke(index, statement, signer) {
    const target = this.keys.get(String(statement.claims.get("key")));
    const last = statement.claims.get("last_valid_index");
    if (!target || target.revokedIndex !== undefined) {
      throw new EntryRefused(`entry ${index} revokes a key that is not there to be revoked`);
    }
    if (typeof last !== "number" || last < target.registeredIndex || last > index) {
      throw new EntryRefused(`entry ${index} revokes a key from an index at which it cannot be revoked`);
    }
    if (signer.role === "admin" && signer.party !== target.party) throw new EntryRefused(`entry ${index} revokes a key of another party`);
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
