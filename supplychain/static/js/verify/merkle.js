// The Merkle tree of RFC 6962 / RFC 9162: hashes, and the verification of inclusion.

import { join, same } from "../encoding.js";
import { sha256 } from "../signer.js";
import { ProofInvalid } from "./errors.js";

export const HASH_BYTES = 32;
export const MAX_TREE_SIZE = 2n ** 63n - 1n;

export const leafHash = (leaf) => sha256(join([0], leaf));
export const nodeHash = (left, right) => sha256(join([1], left, right));
export const emptyRoot = () => sha256(new Uint8Array());

/** Throw ProofInvalid unless `leaf` is in the tree that `root` commits to (RFC 9162, 2.1.3.2). */
export async function verifyInclusion({ index, treeSize, path }, { leaf, root }) {
  if ([leaf, root, ...path].some((each) => each.length !== HASH_BYTES)) throw new ProofInvalid("a hash is not 32 bytes");
  if (index < 0n || index >= treeSize || treeSize > MAX_TREE_SIZE) {
    throw new ProofInvalid(`a tree of ${treeSize} entries has no entry ${index}`);
  }
  let [at, last, result] = [index, treeSize - 1n, leaf];
  for (const sibling of path) {
    if (!last) throw new ProofInvalid("the inclusion proof is too long");
    if (at & 1n || at === last) {
      result = await nodeHash(sibling, result);
      while (!(at & 1n)) [at, last] = [at >> 1n, last >> 1n];
    } else {
      result = await nodeHash(result, sibling);
    }
    [at, last] = [at >> 1n, last >> 1n];
  }
  if (last) throw new ProofInvalid("the inclusion proof is too short");
  if (!same(result, root)) throw new ProofInvalid("the inclusion proof does not lead to the root");
}

/** Hashes that stand one after the other. */
export function hashesIn(bytes) {
  const hashes = [];
  for (let at = 0; at < bytes.length; at += HASH_BYTES) hashes.push(bytes.subarray(at, at + HASH_BYTES));
  return hashes;
}
