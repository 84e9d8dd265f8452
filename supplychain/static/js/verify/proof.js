// A proof file: one entry, its place, the hashes that lead to the root, and the signed checkpoint (C2SP tlog-proof).

import { Malformed } from "./errors.js";
import { HASH_BYTES, leafHash, verifyInclusion } from "./merkle.js";
import { MAX_NOTE_BYTES, parseCheckpoint, parseNote } from "./note.js";
import { parseLeaf, parseStatement } from "./statement.js";
import { decodeBase64, decodeUtf8 } from "./text.js";

export const HEADER = "c2sp.org/tlog-proof@v1";
export const MAX_PROOF_BYTES = MAX_NOTE_BYTES + 200_000;
const HEAD =
  /^c2sp\.org\/tlog-proof@v1\n(?:extra ([A-Za-z0-9+/=]+)\n)?index (0|[1-9][0-9]{0,18})\n((?:[A-Za-z0-9+/=]{44}\n){0,63})\n/;

/** Read a proof file: {extra, index, treeSize, path, noteText}; throw Malformed. */
export async function parseProof(data) {
  if (data.length > MAX_PROOF_BYTES) throw new Malformed("a proof file has at most 1,200,000 bytes");
  const text = decodeUtf8(data);
  if (text === undefined) throw new Malformed("a proof file is UTF-8");
  const found = HEAD.exec(text);
  if (!found) throw new Malformed(`a proof file begins with ${HEADER}, then extra, index, hashes and a blank line`);
  const path = found[3].split("\n").filter(Boolean).map((line) => decodeBase64(line, "a hash of the proof"));
  if (path.some((each) => each.length !== HASH_BYTES)) throw new Malformed("a hash of the proof is not 32 bytes");
  const noteText = text.slice(found[0].length);
  const { treeSize } = await parseCheckpoint(parseNote(noteText).text);
  const extra = found[1] === undefined ? undefined : decodeBase64(found[1], "extra");
  return { extra, index: BigInt(found[2]), treeSize, path, noteText };
}

/** Check all that needs no key: the entry is one of ours, of this log, and in the tree of the checkpoint. */
export async function verifyInItself(proof) {
  if (proof.extra === undefined) throw new Malformed("the proof file does not hold the entry: its extra line is missing");
  const note = parseNote(proof.noteText);
  const checkpoint = await parseCheckpoint(note.text);
  const leaf = parseLeaf(proof.extra);
  const statement = parseStatement(leaf.payload);
  if (statement.key !== leaf.keyId) throw new Malformed("the entry names another key than its statement");
  if (statement.log !== checkpoint.origin) throw new Malformed("the statement was signed for another log");
  await verifyInclusion(proof, { leaf: await leafHash(proof.extra), root: checkpoint.rootHash });
  return { index: proof.index, leaf, statement, checkpoint, note, noteText: proof.noteText };
}
