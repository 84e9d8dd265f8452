"""Hold a checked log against what somebody outside kept: a checkpoint, a bundle or a proof file."""

from __future__ import annotations

from ledger.audit import Fault, Found, Part
from ledger.tlog import bundle as bundles
from ledger.tlog import merkle
from ledger.tlog.checkpoint import open_checkpoint
from ledger.tlog.errors import TlogError
from ledger.tlog.note import VerifierKey
from ledger.tlog.proof import parse_proof, verify_in_itself


def against_checkpoint(found: Found, data: str | bytes) -> list[Fault]:
    """What contradicts a checkpoint that was kept outside; empty when the log is what it was then, and has grown."""
    keys = [record.public_key for record in found.keys.values() if record.role == "log"]
    try:
        kept = open_checkpoint(data, verifiers=[VerifierKey(name=found.origin, public_key=key) for key in keys])
    except TlogError as error:
        return [Fault(-1, f"the checkpoint from outside is none that this log has signed: {error}", Part.OUTSIDE)]
    if kept.origin != found.origin:
        return [Fault(-1, f"the checkpoint from outside is of another log, {kept.origin}", Part.OUTSIDE)]
    if kept.tree_size > found.tree_size:
        missing = f"the checkpoint from outside has {kept.tree_size:,} entries: those from here on are missing"
        return [Fault(found.tree_size, missing, Part.OUTSIDE)]
    hashes = memoryview(found.leaf_hashes)
    root = merkle.root_of(bytes(hashes[at : at + 32]) for at in range(0, kept.tree_size * 32, 32))
    if root != kept.root_hash:
        return [
            Fault(
                kept.tree_size,
                "the checkpoint from outside has another root: an entry before here is another",
                Part.OUTSIDE,
            )
        ]
    return []


def against_bundle(found: Found, data: bytes) -> list[Fault]:
    """What contradicts a bundle or a proof file: its checkpoint, or an entry that the log holds otherwise."""
    try:
        checkpoint, leaves = _read(data)
    except TlogError as error:
        return [Fault(-1, f"the file from outside does not hold by itself: {error}", Part.OUTSIDE)]
    faults = against_checkpoint(found, checkpoint)
    for index, leaf in leaves:
        here = bytes(found.leaf_hashes[index * 32 : index * 32 + 32])
        if not here:
            faults.append(Fault(index, "the entry in the file from outside is missing", Part.OUTSIDE))
        elif here != merkle.leaf_hash(leaf):
            faults.append(Fault(index, "the entry in the file from outside is another", Part.OUTSIDE))
    return sorted(faults)


def _read(data: bytes) -> tuple[str, list[tuple[int, bytes]]]:
    """The checkpoint and the entries, once they belong together."""
    if data.lstrip()[:1] == b"{":
        bundle = bundles.parse_bundle(data)
        bundles.verify_bundle(bundle, None)
        return bundle.checkpoint, [(each.index, each.leaf) for each in bundle.entries]
    proof = parse_proof(data)
    proven = verify_in_itself(proof)
    return proof.checkpoint, [(proven.index, proof.extra or b"")]
