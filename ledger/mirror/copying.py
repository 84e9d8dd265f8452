"""A copy of somebody's log, checked, in files.

DIR/log/checkpoint, DIR/log/tile/...   the copy, as any web server can serve it
DIR/notes/latest, checkpoint/...       every checkpoint that was accepted
DIR/notes/evidence/...                 what the log should not have signed
DIR/keys.json                          the keys as the copied entries tell of them; made again when it is missing

A run fetches the newest checkpoint and what is new up to it, computes every hash, checks every signature and keeps the
result only when all of it leads to the root that the log signed, from the copy that was there before.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ledger import durable
from ledger.mirror.keptkeys import read_keys, write_keys
from ledger.mirror.staging import Staged, root_of, subtrees
from ledger.reading import LogAt
from ledger.tlog import evidence as evidences
from ledger.tlog import merkle, tile
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.errors import Malformed, TlogError
from ledger.tlog.evidence import Evidence
from ledger.tlog.note import parse_note
from ledger.tlog.policy import NONE, Policy, verify_checkpoint
from ledger.tlog.proof import Proof, format_proof
from ledger.tlog.replay import Replay
from ledger.tlog.tile import WIDTH, Tile
from ledger.witness.store import NoteStore


class Alarm(Exception):
    """The log did what no honest log does; `evidence` is the file that shows it, where there can be one."""

    def __init__(self, message: str, evidence: Path | None = None) -> None:
        super().__init__(message)
        self.evidence = evidence


class Damaged(Exception):
    """The copy on our own disk is not what was written there."""


@dataclass(frozen=True, slots=True)
class Synced:
    """How far the copy went, and goes."""

    old_size: int
    checkpoint: Checkpoint


class Mirror:
    """The copy of one log in one folder, which the caller has locked."""

    def __init__(
        self,
        folder: Path,
        source: LogAt,
        policy: Policy,
        *,
        clock: Callable[[], int],
        with_entries: bool = True,
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> None:
        self.folder = folder
        self.source = source
        self.policy = policy
        self.clock = clock
        self.with_entries = with_entries
        self.progress = progress
        self.notes = NoteStore(folder / "notes")

    def kept(self) -> Checkpoint | None:
        """The checkpoint that the copy was verified against; None before the first."""
        latest = self.notes.latest()
        return None if latest is None else parse_checkpoint(parse_note(latest).text)

    def sync(self) -> Synced:
        """Fetch what is new and verify it.

        Raises Alarm for a fork, a rewrite, a cut tail, or an entry that should not be there; Damaged for our own copy;
        Unreachable, EntriesClosed, Malformed when nothing can be said.
        """
        note = self.source.checkpoint(cosigned=self.policy.quorum != NONE)
        offered = self._open(note)
        kept = self.kept()
        old_size = 0 if kept is None else kept.tree_size
        if kept is not None:
            self._check_copy(kept)
            self._check_not_contradicting(kept, offered, note)
        if offered.tree_size > old_size:
            self._grow(old_size, offered, note)
        self.notes.put(note)
        durable.write(self.folder / "log" / "checkpoint", note.encode())
        self._forget_partial(old_size, offered.tree_size)
        return Synced(old_size, offered)

    def entries(self, first: int, end: int) -> Iterator[tuple[int, bytes]]:
        """The copied entries in [first, end), from our own files; raise Damaged when one is missing."""
        size = end if (kept := self.kept()) is None else kept.tree_size
        for number in range(first // WIDTH, -(-end // WIDTH)):
            width = min(WIDTH, size - number * WIDTH)
            data = durable.read(self._path(Tile(None, number, width)))
            if data is None:
                raise Damaged(f"the copy lacks entries {number * WIDTH} to {number * WIDTH + width - 1}")
            for at, leaf in enumerate(tile.parse_bundle(data, width), number * WIDTH):
                if first <= at < end:
                    yield at, leaf

    def replay(self) -> Replay:
        """The keys as the copied entries tell of them."""
        kept = self.kept()
        origin = kept.origin if kept else self.policy.logs[0].name
        size = kept.tree_size if kept else 0
        return read_keys(self.folder / "keys.json", origin, size) or self._replay_again(origin, size)

    # the checkpoint

    def _open(self, note: str) -> Checkpoint:
        try:
            return verify_checkpoint(self.policy, note).checkpoint
        except TlogError as fault:
            found = Evidence(None, note, (), self.clock(), "a checkpoint under another log's name")
            raise self._alarm(found, f"the log's checkpoint is not to be believed: {fault}") from None

    def _check_copy(self, kept: Checkpoint) -> None:
        """Raise Damaged unless our own tiles lead to the root that was accepted."""
        try:
            root = root_of(kept.tree_size, subtrees(self._read, kept.tree_size))
        except Malformed as fault:
            raise Damaged(f"the copy in {self.folder} is damaged: {fault}") from None
        if root != kept.root_hash:
            raise Damaged(f"the copy in {self.folder} does not lead to the root that it was checked against")

    def _check_not_contradicting(self, kept: Checkpoint, offered: Checkpoint, note: str) -> None:
        """Raise Alarm when the offered tree is smaller than the copy, or as large and another."""
        if offered.tree_size > kept.tree_size or offered == kept:
            return
        if offered.tree_size == kept.tree_size:
            raise self._alarm(self._evidence(note, (), f"two roots for {kept.tree_size} entries"))
        path: tuple[bytes, ...] = ()
        if offered.tree_size:
            path = merkle.prove_growth(offered.tree_size, kept.tree_size, subtrees(self._read, kept.tree_size))
        reason = f"{offered.tree_size} entries were offered after {kept.tree_size}"
        raise self._alarm(self._evidence(note, path, reason))

    # what is new

    def _grow(self, old_size: int, offered: Checkpoint, note: str) -> None:
        staged = Staged(self._read, old_size)
        fetched = self._fetch(old_size, offered.tree_size, staged)
        subtree = subtrees(lambda wanted: staged.tiles.get(wanted) or self._read(wanted), offered.tree_size)
        if fetched.is_rewritten or root_of(offered.tree_size, subtree) != offered.root_hash:
            self._diagnose(old_size, offered, note)
        for wanted, data in staged.tiles.items():
            if self.source.tile(wanted) != data:
                raise Alarm(f"the log serves another {self._path(wanted).relative_to(self.folder)} than it signed")
        if fetched.bad_entry is not None:
            self._keep_bad_entry(fetched.bad_entry, fetched.fault, offered, note, subtree)
        for wanted, data in staged.tiles.items():
            durable.write(self._path(wanted), data)
        if fetched.replay is not None:
            write_keys(self.folder / "keys.json", fetched.replay, offered.tree_size)

    def _fetch(self, old_size: int, size: int, staged: Staged) -> "_Fetched":
        """Take all new entries (or their hashes alone) into `staged`; stop where what was there before is another."""
        fetched = _Fetched(self.replay() if self.with_entries else None)
        for number in range(old_size // WIDTH, -(-size // WIDTH)):
            width = min(WIDTH, size - number * WIDTH)
            known = max(0, old_size - number * WIDTH)
            leaves = self.source.entries(number, width) if self.with_entries else []
            hashes = [merkle.leaf_hash(leaf) for leaf in leaves] or self._leaf_hashes(number, width)
            if hashes[:known] != staged.edge(0)[:known]:
                fetched.is_rewritten = True
                return fetched
            for digest in hashes[known:]:
                staged.append(0, digest)
            for at, leaf in enumerate(leaves[known:], number * WIDTH + known):
                fetched.take(at, leaf)
            if leaves:
                durable.write(self._path(Tile(None, number, width)), tile.format_bundle(leaves))
            self.progress(number * WIDTH + width, size)
        staged.finish()
        return fetched

    def _leaf_hashes(self, number: int, width: int) -> list[bytes]:
        return tile.parse_tile(self.source.tile(Tile(0, number, width)), width)

    def _diagnose(self, old_size: int, offered: Checkpoint, note: str) -> NoReturn:
        """What the log serves does not lead from our copy to the root that it signed: find out which of them lies."""
        if not old_size:
            raise Alarm("the log's entries do not lead to the root that it signed")
        path: tuple[bytes, ...] = ()
        try:
            reader = subtrees(self.source.tile, offered.tree_size)
            path = merkle.prove_growth(old_size, offered.tree_size, reader)
        except (TlogError, OSError):
            pass  # then the evidence says that nothing was proven
        reason = f"the tree of {offered.tree_size} entries does not begin with that of {old_size}"
        raise self._alarm(self._evidence(note, path, reason), "what the log serves does not lead to the root it signed")

    def _keep_bad_entry(self, index: int, why: str, offered: Checkpoint, note: str, subtree: merkle.Subtree) -> None:
        """Keep the proof that the log holds an entry that it must not hold, and raise Alarm."""
        number, at = divmod(index, WIDTH)
        width = min(WIDTH, offered.tree_size - number * WIDTH)
        leaf = tile.parse_bundle(durable.read(self._path(Tile(None, number, width))) or b"")[at]
        inclusion = merkle.prove_inclusion(index, offered.tree_size, subtree)
        path = self.folder / "notes" / "evidence" / f"entry-{index}.tlog-proof"
        durable.write(path, format_proof(Proof(leaf, inclusion, note)).encode())
        raise Alarm(f"the log holds an entry that no honest log takes: {why}", path)

    def _evidence(self, note: str, path: tuple[bytes, ...], reason: str) -> Evidence:
        return Evidence(self.notes.latest(), note, path, self.clock(), reason)

    def _alarm(self, found: Evidence, otherwise: str = "") -> Alarm:
        """Keep evidence and return the alarm that says what it shows; what shows nothing of the log is not kept."""
        try:
            finding = evidences.verify_evidence(found, self.policy.logs)
        except TlogError:
            return Alarm(otherwise or found.reason)
        return Alarm(finding.sentence, self.notes.put_evidence(finding.kind, found))

    # files

    def _path(self, wanted: Tile) -> Path:
        if wanted.level is None:
            return self.folder / "log" / tile.entries_path(wanted.index, wanted.width)
        return self.folder / "log" / tile.tile_path(wanted.level, wanted.index, wanted.width)

    def _read(self, wanted: Tile) -> bytes:
        data = durable.read(self._path(wanted))
        if data is None:
            raise Malformed(f"{self._path(wanted)} is missing")
        return data

    def _forget_partial(self, old_size: int, new_size: int) -> None:
        """Remove the partial tiles along the old right edge that larger ones have replaced."""
        for old in tile.tiles_of(old_size):
            if old.width < WIDTH:
                width = str(tile.width_of(old.level or 0, old.index, new_size))
                for kind in (old, Tile(None, old.index, old.width)) if old.level == 0 else (old,):
                    _keep_alone(self._path(kind).parent, width)

    def _replay_again(self, origin: str, size: int) -> Replay:
        replay = Replay(origin)
        try:
            for index, leaf in self.entries(0, size):
                replay.take(index, leaf)
        except TlogError as fault:
            raise Damaged(f"the copy holds an entry that was never accepted: {fault}") from None
        return replay


def _keep_alone(folder: Path, name: str) -> None:
    """Remove all files of a folder but one, and the folder when it is empty then."""
    files = list(folder.iterdir()) if folder.is_dir() else []
    for file in files:
        if file.name != name:
            file.unlink()
    if files and all(file.name != name for file in files):
        folder.rmdir()


@dataclass(slots=True)
class _Fetched:
    """What came of fetching: the keys as all entries tell of them, or the first entry that should not be there."""

    replay: Replay | None
    is_rewritten: bool = False
    bad_entry: int | None = None
    fault: str = ""

    def take(self, index: int, leaf: bytes) -> None:
        """Check an entry, until one is bad: whether the log really holds that one is seen when the root is known."""
        if self.replay is None or self.bad_entry is not None:
            return
        try:
            self.replay.take(index, leaf)
        except TlogError as fault:
            self.bad_entry, self.fault = index, str(fault)
