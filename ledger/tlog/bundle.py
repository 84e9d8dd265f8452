"""A bundle: all that shows what happened to a shipment, in one JSON file that is checked without any server.

{
 "format": "waylog/bundle/v1",
 "origin": "log.example/0123456789abcdef",
 "checkpoint": "<signed note, with the cosignatures it has>",
 "policy": "<whom the log proposes to trust; the reader decides>",
 "says": "<signed note>",
 "entries": [
  {
   "index": 0,
   "leaf": "<base64>",
   "proof": "<base64 of the hashes of the inclusion proof, one after the other>",
   "body": "<base64>" or null,
   "salt": "<base64>" or null,
   "disclosures": ["<base64url>"]        (only where there are any, with the body)
  }
 ],
 "chains": [
  {
   "secret": "<base64, 16 bytes>",
   "entries": [5, 8, 9]
  }
 ]
}

Entries stand in the order of the log: what happened, the registrations of every key that signed anything here, what
the log holds of their revocation and of erased bodies, and the requests of a second person that both may take. `chains`
names the linked statements of each shipment, from its first on.

Presence is proven by hashes. Absence (no key is revoked besides, no chain goes on) cannot be; the log *says* so, under
its signature, in a note whose text follows from the rest of the file to the byte:

    waylog/says/v1
    log.example/0123456789abcdef
    12
    <base64 of the root>
    key <key id> valid
    key <key id> revoked <revoked index> <last valid index>
    chain <32 hex digits: the public name of the chain> 5,8,9

A file is read by writing it again: `JSON.stringify(value, null, 1)` and a newline, in UTF-8.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from ledger.tlog import strictjson
from ledger.tlog.checkpoint import Checkpoint, format_checkpoint, parse_checkpoint
from ledger.tlog.disclosure import Opened, has_digests, open_body
from ledger.tlog.errors import EntryRefused, Malformed, PolicyUnmet, ProofInvalid
from ledger.tlog.keys import KeyRecord
from ledger.tlog.merkle import HASH_BYTES, InclusionProof, leaf_hash, verify_inclusion
from ledger.tlog.note import SignerKey, VerifiedSignature, VerifierKey, parse_note, sign_note, verify_note
from ledger.tlog.policy import Policy, VerifiedCheckpoint, parse_policy, verify_checkpoint
from ledger.tlog.replay import Erasure, Replay, ReplayedEntry
from ledger.tlog.statement import ZERO, commitment, link, scope
from ledger.tlog.text import decode_base64, encode_base64

FORMAT = "waylog/bundle/v1"
SAYS = "waylog/says/v1"
MAX_BUNDLE_BYTES = 64 * 1024 * 1024
MAX_NODES = 400_000
_NAMES = ("format", "origin", "checkpoint", "policy", "says", "entries", "chains")
_ENTRY_NAMES = ("index", "leaf", "proof", "body", "salt")
_CHAIN_NAMES = ("secret", "entries")


@dataclass(frozen=True, slots=True)
class BundledEntry:
    """An entry with the hashes that lead to the root, and its body where the reader may see it."""

    index: int
    leaf: bytes
    path: tuple[bytes, ...]
    body: bytes | None = None
    salt: bytes | None = None
    disclosures: tuple[str, ...] = ()
    """What is shown of what the body names by digests (tlog.disclosure)."""


@dataclass(frozen=True, slots=True)
class BundledChain:
    """A shipment's secret and its linked statements, in order."""

    secret: bytes
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle, read but not believed; `checkpoint`, `policy` and `says` as they were written."""

    origin: str
    checkpoint: str
    policy: str
    says: str
    entries: tuple[BundledEntry, ...]
    chains: tuple[BundledChain, ...]


@dataclass(frozen=True, slots=True)
class VerifiedEntry:
    """An entry that is in the log, signed by a key that was valid there; `body` when the file shows it."""

    entry: ReplayedEntry
    body: bytes | None
    is_disputed: bool
    erasure: Erasure | None = None
    """What the log says of its body's erasure."""
    opened: Opened | None = None
    """The body with what is disclosed in its place, where it names digests."""


@dataclass(frozen=True, slots=True)
class VerifiedChain:
    """A shipment, by the public name of its chain, and its linked statements, none missing between them."""

    scope: str
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a bundle was found to show. Only when `is_trusted` was it signed by whom the reader trusts."""

    is_trusted: bool
    log: VerifierKey
    checkpoint: Checkpoint
    cosignatures: tuple[VerifiedSignature, ...]
    keys: tuple[KeyRecord, ...]
    entries: tuple[VerifiedEntry, ...]
    chains: tuple[VerifiedChain, ...]


def format_bundle(bundle: Bundle) -> bytes:
    """Write a bundle; raise Malformed when it is too large."""
    value = {
        "format": FORMAT,
        "origin": bundle.origin,
        "checkpoint": bundle.checkpoint,
        "policy": bundle.policy,
        "says": bundle.says,
        "entries": [
            {
                "index": entry.index,
                "leaf": encode_base64(entry.leaf),
                "proof": encode_base64(b"".join(entry.path)),
                "body": None if entry.body is None else encode_base64(entry.body),
                "salt": None if entry.salt is None else encode_base64(entry.salt),
                **({"disclosures": list(entry.disclosures)} if entry.disclosures else {}),
            }
            for entry in bundle.entries
        ],
        "chains": [{"secret": encode_base64(chain.secret), "entries": list(chain.indices)} for chain in bundle.chains],
    }
    data = (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
    if len(data) > MAX_BUNDLE_BYTES:
        raise Malformed(f"a bundle has at most {MAX_BUNDLE_BYTES:,} bytes; ask for less in one")
    return data


def parse_bundle(data: bytes) -> Bundle:
    """Read a bundle by writing it again: raise Malformed for what `format_bundle` would not have written."""
    value = strictjson.parse(data, max_bytes=MAX_BUNDLE_BYTES, max_depth=6, max_nodes=MAX_NODES, floats=False)
    _check_names(value, _NAMES, "")
    if value["format"] != FORMAT:
        raise Malformed(f"the only format of a bundle is {FORMAT}", pointer="/format")
    texts = {name: _text(value[name], f"/{name}") for name in ("origin", "checkpoint", "policy", "says")}
    bundle = Bundle(
        **texts,
        entries=tuple(_entry(each, f"/entries/{at}") for at, each in enumerate(_list(value["entries"], "/entries"))),
        chains=tuple(_chain(each, f"/chains/{at}") for at, each in enumerate(_list(value["chains"], "/chains"))),
    )
    if not bundle.entries:
        raise Malformed("a bundle has entries", pointer="/entries")
    _check_ascending([entry.index for entry in bundle.entries], "/entries")
    if len({chain.secret for chain in bundle.chains}) != len(bundle.chains):
        raise Malformed("a chain appears twice", pointer="/chains")
    if format_bundle(bundle) != data:
        raise Malformed("this bundle is not written as bundles are")
    return bundle


def verify_bundle(bundle: Bundle, policy: Policy | None) -> Verdict:
    """Check everything in a bundle; `policy` says whom the reader trusts (None: nobody).

    In this order, ending with the first fault: the checkpoint by the file's own policy and by the reader's; of every
    entry, in the order of the log, its inclusion, signature, key and body; every link; what the log says.
    Raises a TlogError. Without a policy the verdict is not `is_trusted`, however consistent the file is in itself.
    """
    signed = _verify_signed(bundle, policy)
    checkpoint = signed.checkpoint
    replay, taken, opened = Replay(checkpoint.origin), [], []
    for entry in bundle.entries:
        proof = InclusionProof(entry.index, checkpoint.tree_size, entry.path)
        verify_inclusion(proof, leaf=leaf_hash(entry.leaf), root=checkpoint.root_hash)
        taken.append(replay.take(entry.index, entry.leaf))
        opened.append(_verify_body(entry, taken[-1]))
    by_index = {entry.index: entry for entry in taken}
    chains = tuple(_verify_chain(chain, by_index) for chain in bundle.chains)
    keys = tuple(replay.keys.values())
    if parse_note(bundle.says).text != says_text(checkpoint, keys, chains):
        raise ProofInvalid("what the log says of keys and chains is not what this file shows")
    verify_note(parse_note(bundle.says), [signed.log])
    return Verdict(
        is_trusted=policy is not None,
        log=signed.log,
        checkpoint=checkpoint,
        cosignatures=signed.cosignatures,
        keys=keys,
        entries=tuple(
            VerifiedEntry(entry, bundled.body, replay.is_disputed(entry), _erasure_of(entry, replay), shown)
            for entry, bundled, shown in zip(taken, bundle.entries, opened, strict=True)
        ),
        chains=chains,
    )


def says_text(checkpoint: Checkpoint, keys: Iterable[KeyRecord], chains: Iterable[VerifiedChain]) -> str:
    """Return what the log says beside a bundle, of these keys (in order of registration) and chains."""
    lines = [SAYS, *format_checkpoint(checkpoint).splitlines()]
    for key in keys:
        is_valid = key.revoked_index is None
        state = "valid" if is_valid else f"revoked {key.revoked_index} {key.last_valid_index}"
        lines.append(f"key {key.key_id} {state}")
    lines += [f"chain {chain.scope} {','.join(map(str, chain.indices))}" for chain in chains]
    return "".join(line + "\n" for line in lines)


def seal(bundle: Bundle, *signers: SignerKey) -> Bundle:
    """Return the bundle with what the log says beside it, signed; raise a TlogError for entries that do not fit."""
    checkpoint = parse_checkpoint(parse_note(bundle.checkpoint).text)
    replay = Replay(checkpoint.origin)
    for entry in bundle.entries:
        replay.take(entry.index, entry.leaf)
    chains = [VerifiedChain(scope(chain.secret).hex(), chain.indices) for chain in bundle.chains]
    return replace(bundle, says=sign_says(says_text(checkpoint, replay.keys.values(), chains), *signers))


def sign_says(text: str, *signers: SignerKey) -> str:
    """Sign what the log says; its first line keeps it apart from every checkpoint. Raise Malformed for another text."""
    if not text.startswith(SAYS + "\n"):
        raise Malformed(f"what a log says begins with {SAYS}")
    return sign_note(text, *signers)


def _verify_signed(bundle: Bundle, policy: Policy | None) -> VerifiedCheckpoint:
    """Check the checkpoint by the file's own policy, which nobody need believe, then by the reader's."""
    own = verify_checkpoint(parse_policy(bundle.policy.encode()), bundle.checkpoint)
    if own.checkpoint.origin != bundle.origin:
        raise PolicyUnmet("the checkpoint is that of another log than the bundle names")
    return own if policy is None else verify_checkpoint(policy, bundle.checkpoint)


def _verify_body(entry: BundledEntry, taken: ReplayedEntry) -> Opened | None:
    if entry.body is None or entry.salt is None:
        return None
    if taken.statement.body is None or commitment(entry.salt, entry.body) != taken.statement.body:
        raise ProofInvalid(f"the statement of entry {entry.index} does not commit to the body shown beside it")
    if not entry.disclosures and not has_digests(entry.body):
        return None
    try:
        return open_body(entry.body, entry.disclosures)
    except (Malformed, ProofInvalid) as fault:
        raise ProofInvalid(f"what is disclosed of entry {entry.index} does not hold: {fault}") from None


def _erasure_of(entry: ReplayedEntry, replay: Replay) -> Erasure | None:
    """What erased the entry's body: a later entry, at the word of the party that signed it."""
    found = replay.erased.get(entry.statement.body.hex()) if entry.statement.body is not None else None
    if found is not None and (found.index <= entry.index or found.party != entry.signer.party):
        raise EntryRefused(
            f"entry {found.index} erases the body of entry {entry.index}, which its signer did not ask for"
        )
    return found


def _verify_chain(chain: BundledChain, entries: Mapping[int, ReplayedEntry]) -> VerifiedChain:
    """Follow the chain from its first statement: each must carry the link to the one before."""
    head = ZERO
    for index in chain.indices:
        entry = entries.get(index)
        if entry is None:
            raise ProofInvalid(f"the bundle names entry {index} in a chain and does not hold it")
        if link(chain.secret, head) not in entry.statement.links:
            raise ProofInvalid(f"entry {index} is not the next statement of its chain")
        head = entry.statement_hash
    return VerifiedChain(scope(chain.secret).hex(), chain.indices)


def _entry(value: Any, pointer: str) -> BundledEntry:
    discloses = isinstance(value, dict) and "disclosures" in value
    _check_names(value, (*_ENTRY_NAMES, "disclosures") if discloses else _ENTRY_NAMES, pointer)
    if (value["body"] is None) != (value["salt"] is None):
        raise Malformed("a body and its salt come together", pointer=pointer)
    body = salt = None
    if value["body"] is not None:
        body = _bytes(value["body"], f"{pointer}/body")
        salt = _bytes(value["salt"], f"{pointer}/salt", 32)
    raw = _bytes(value["proof"], f"{pointer}/proof")
    if len(raw) % HASH_BYTES or len(raw) > 63 * HASH_BYTES:
        raise Malformed("an inclusion proof is 0 to 63 hashes of 32 bytes", pointer=f"{pointer}/proof")
    path = tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))
    leaf = _bytes(value["leaf"], f"{pointer}/leaf")
    index = _index(value["index"], f"{pointer}/index")
    return BundledEntry(index, leaf, path, body, salt, _disclosures(value, pointer) if discloses else ())


def _disclosures(value: Any, pointer: str) -> tuple[str, ...]:
    listed = _list(value["disclosures"], f"{pointer}/disclosures")
    if not listed or value["body"] is None:
        raise Malformed("disclosures come with the body that names them", pointer=f"{pointer}/disclosures")
    return tuple(_text(each, f"{pointer}/disclosures/{at}") for at, each in enumerate(listed))


def _chain(value: Any, pointer: str) -> BundledChain:
    _check_names(value, _CHAIN_NAMES, pointer)
    listed = _list(value["entries"], f"{pointer}/entries")
    indices = tuple(_index(each, f"{pointer}/entries/{at}") for at, each in enumerate(listed))
    if not indices:
        raise Malformed("a chain has entries", pointer=f"{pointer}/entries")
    _check_ascending(indices, f"{pointer}/entries")
    return BundledChain(_bytes(value["secret"], f"{pointer}/secret", 16), indices)


def _check_names(value: Any, names: tuple[str, ...], pointer: str) -> None:
    if not isinstance(value, dict) or tuple(value) != names:
        raise Malformed(f"an object with {', '.join(names)}, in this order, belongs here", pointer=pointer)


def _check_ascending(indices: Iterable[int], pointer: str) -> None:
    if any(before >= after for before, after in pairwise(indices)):
        raise Malformed("entries stand in the order of the log, each once", pointer=pointer)


def _text(value: Any, pointer: str) -> str:
    if not isinstance(value, str):
        raise Malformed("this is a text", pointer=pointer)
    return value


def _list(value: Any, pointer: str) -> list[Any]:
    if not isinstance(value, list):
        raise Malformed("this is a list", pointer=pointer)
    return value


def _index(value: Any, pointer: str) -> int:
    if type(value) is not int or value < 0:
        raise Malformed("an index is a whole number, not negative", pointer=pointer)
    return value


def _bytes(value: Any, pointer: str, length: int | None = None) -> bytes:
    data = decode_base64(_text(value, pointer), "this", pointer=pointer)
    if length is not None and len(data) != length:
        raise Malformed(f"this is {length} bytes", pointer=pointer)
    return data
