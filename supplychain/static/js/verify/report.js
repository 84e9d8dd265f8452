// What a check found, in the words of `python -m ledger.tlog verify`: the verdict, the facts, what was checked and not.

import { hex } from "../encoding.js";
import { printable } from "./text.js";

export const VERIFIED = 0;
export const INVALID = 1;
export const NO_ANCHOR = 2;

export const newReport = (verdict = "") => ({ code: INVALID, verdict, facts: [], checked: [], unchecked: [] });

/** The report as the command prints it. */
export function linesOf({ verdict, facts, checked, unchecked }) {
  const lines = [verdict, ...facts.map((fact) => `  ${fact}`)];
  if (checked.length) lines.push("checked:", ...checked.map((each) => `  - ${each}`));
  if (unchecked.length) lines.push("not checked:", ...unchecked.map((each) => `  - ${each}`));
  return lines.map(printable);
}

/** Tell what a bundle was found to show. */
export function reportBundle(verdict) {
  const { checkpoint, log, entries, keys, chains, cosignatures } = verdict;
  const report = newReport();
  report.facts.push(...bundleFacts(verdict), ...entries.map(entryLine));
  report.bundle = verdict;
  if (verdict.isTrusted) {
    report.code = VERIFIED;
    report.verdict = `verified: ${entries.length} entries are in the log ${checkpoint.origin}`;
  } else {
    noAnchor(report, log.text);
  }
  report.checked.push(
    `the log's signature, by ${log.text}`,
    ...cosignatures.map(cosignatureLine),
    `the place of ${entries.length} entries in the tree with root ${hex(checkpoint.rootHash)}`,
    `the signature of every entry, by ${keys.length} keys, each registered before it and allowed to sign it`,
    `${entries.filter((each) => each.body !== undefined).length} bodies, to which their statements commit`,
    ...chains.map((each) => `every link of chain ${each.scope}, ${each.indices.length} statements from its first on`),
  );
  const opened = entries.map((each) => each.opened).filter((each) => each !== undefined);
  const names = opened.reduce((sum, each) => sum + each.names.length, 0);
  if (names) report.checked.push(`${names} disclosures, each named by its digest in the body it belongs to`);
  const closed = opened.reduce((sum, each) => sum + each.closed, 0);
  if (closed) report.unchecked.push(`${closed} digests in these bodies whose disclosures, if any, are not in this file`);
  const without = entries.filter((each) => each.body === undefined && each.statement.body !== undefined);
  const hidden = without.filter((each) => !each.erasure).length;
  if (without.length > hidden) report.unchecked.push(`${without.length - hidden} bodies that were erased`);
  if (hidden) report.unchecked.push(`${hidden} bodies that this file does not show`);
  report.unchecked.push(
    `that no key was revoked besides, and no chain goes on: so says the log up to ${checkpoint.treeSize} entries, under its signature; no file can prove that nothing was logged`,
  );
  return report;
}

/** Say that it holds in itself and nobody was named who is trusted. */
export function noAnchor(report, signer) {
  report.code = NO_ANCHOR;
  report.signer = signer;
  report.verdict = `consistent in itself, signed by ${signer}, which you have not said you trust`;
  report.unchecked.push("who answers for the log: give --vkey or --policy from a source you trust");
}

export const cosignatureLine = ({ verifier, time }) => `the cosignature of ${verifier.name}, made at POSIX second ${time ?? "None"}`;

function bundleFacts({ checkpoint, chains, keys, entries }) {
  const disputed = entries.filter((each) => each.isDisputed).map((each) => each.index);
  return [
    `log             ${checkpoint.origin}`,
    `tree            ${checkpoint.treeSize} entries`,
    ...chains.map((chain) => `chain           ${chain.scope}: ${chain.indices.join(", ")}`),
    ...keys
      .filter((key) => key.revokedIndex !== undefined)
      .map((key) => `revoked         key ${key.keyId} at entry ${key.revokedIndex}, valid up to ${key.lastValidIndex}`),
    ...entries
      .filter((each) => each.opened?.names.length)
      .map(({ index, opened }) => `disclosed       of entry ${index}: ${opened.names.join(", ")}`),
    ...entries
      .filter((each) => each.erasure)
      .map(({ index, erasure }) => `erased          the body of entry ${index}, by entry ${erasure.index}: ${erasure.ground}`),
    ...(disputed.length ? [`DISPUTED        ${disputed.join(", ")}: signed after its key's last valid entry`] : []),
  ];
}

function entryLine({ index, leaf, statement, signer, body, isDisputed, erasure }) {
  const hidden = erasure ? "body erased" : "body not shown";
  const shown = statement.body === undefined ? "no body" : body === undefined ? hidden : "body shown";
  const said = `${statement.type} by ${signer.role} key of party ${signer.party}, ${shown}${isDisputed ? ", DISPUTED" : ""}`;
  return `entry ${String(index).padEnd(9)} ${leaf.recordTime} ${said}`;
}
