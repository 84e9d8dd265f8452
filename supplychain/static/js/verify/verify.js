// Verify a bundle or a proof file, here and now: the same verdict, in the same words, as `python -m ledger.tlog verify`.

import { hex } from "../encoding.js";
import { keyId, statementHash } from "../signer.js";
import { parseBundle, verifyBundle } from "./bundle.js";
import { Malformed, ProofInvalid, Refused } from "./errors.js";
import { checkRegistration, findKey, parseGivenKeys, verifyParty } from "./keys.js";
import { logKey, verifyNote } from "./note.js";
import { parseTrust, verifyCheckpoint } from "./policy.js";
import { parseProof, verifyInItself } from "./proof.js";
import { cosignatureLine, newReport, noAnchor, reportBundle, VERIFIED } from "./report.js";

const OPEN = 0x7b;

/**
 * Check a file: `trust` is a verifier key or a policy as text, or nothing; `keys` are the party's public keys as bytes,
 * each raw, as a JWK (set) or as the proof file of its registration. Never throws for what the file holds.
 */
export async function verify(data, { trust = "", keys = [] } = {}) {
  try {
    const policy = await parseTrust(trust);
    const given = [];
    for (const each of keys) given.push(...(await parseGivenKeys(each)));
    return data[0] === OPEN ? await checkBundle(data, policy, given) : await checkProof(data, policy, given);
  } catch (fault) {
    if (!(fault instanceof Refused)) throw fault;
    return newReport(`not valid: ${fault.message}`);
  }
}

async function checkBundle(data, policy, keys) {
  if (keys.length) throw new Malformed("a bundle brings the registrations of its keys: leave --key out");
  return reportBundle(await verifyBundle(parseBundle(data), policy));
}

async function checkProof(data, policy, keys) {
  const proof = await parseProof(data);
  const entry = await verifyInItself(proof);
  const report = newReport();
  report.facts.push(...(await facts(entry)));
  report.entry = entry;
  const { treeSize, rootHash } = entry.checkpoint;
  report.checked.push(`the entry is number ${entry.index} in the tree of ${treeSize} entries with root ${hex(rootHash)}`);
  const verified = await checkLog(report, entry, policy, keys);
  await checkParty(report, entry, policy, keys, verified);
  report.unchecked.push("the body, which is not in this file (its salted hash is in the statement)");
  report.unchecked.push("that the key was not revoked: no file can prove that nothing was logged");
  return report;
}

async function checkLog(report, entry, policy, keys) {
  const { origin } = entry.checkpoint;
  if (policy) {
    const verified = await verifyCheckpoint(policy, entry.noteText);
    report.code = VERIFIED;
    report.verdict = `verified: entry ${entry.index} is in the log ${origin}`;
    report.checked.push(`the log's signature, by ${verified.log.text}`, ...verified.cosignatures.map(cosignatureLine));
    return verified;
  }
  const lines = entry.note.signatures.filter((line) => line.name === origin);
  if (!lines.length) throw new ProofInvalid("no line of the checkpoint is by the log that it names");
  noAnchor(report, await untrustedSigner(report, entry, lines, keys));
  return undefined;
}

/** Name who signed; a note holds 4 bytes of the key's hash and not the key, so often it is a name and no more. */
async function untrustedSigner(report, entry, lines, keys) {
  for (const given of keys) {
    const verifier = await logKey(entry.checkpoint.origin, given.publicKey);
    if (lines.some((line) => line.id === verifier.id)) {
      await verifyNote(entry.note, [verifier]);
      report.checked.push("the log's signature, by a key that you gave and did not say you trust");
      return verifier.text;
    }
  }
  report.unchecked.push("the log's signature: the file names its key and does not hold it");
  return `${lines[0].name}+${lines[0].id}`;
}

async function checkParty(report, entry, policy, keys, verified) {
  const { key } = entry.statement;
  const own = verified ? [{ publicKey: verified.log.publicKey, id: await keyId(verified.log.publicKey) }] : [];
  const given = await findKey(entry, [...keys, ...own]);
  if (!given) {
    if (keys.length) throw new ProofInvalid(`none of the keys you gave is the key ${key} that signed the entry`);
    report.unchecked.push(
      `the party's signature in the entry: give --key with the public key ${key}, or with the proof file of its registration`,
    );
    return;
  }
  await verifyParty(given, entry);
  report.checked.push(`the party's signature in the entry, by key ${key}`);
  if (!given.registration) {
    report.unchecked.push("who holds that key: its registration was not given");
    return;
  }
  const { role, party } = await checkRegistration(given, entry, policy);
  const trusted = policy ? "" : ", as a log says that you have not said you trust";
  report.checked.push(
    `the key was registered at entry ${given.registration.index} as ${role} key of party ${party}${trusted}`,
  );
}

async function facts({ checkpoint, index, statement, leaf }) {
  return [
    `log             ${checkpoint.origin}`,
    `entry           ${index} of ${checkpoint.treeSize}`,
    `type            ${statement.type}`,
    `record time     ${leaf.recordTime}`,
    `signed by key   ${statement.key}`,
    `statement hash  ${hex(await statementHash(leaf.payload))}`,
    `body            ${statement.body ?? "none"}`,
  ];
}
