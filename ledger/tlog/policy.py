"""Who must have signed a checkpoint before it is believed (C2SP tlog-policy).

log <vkey>
witness w1 <vkey> https://witness.example/w1
witness w2 <vkey>
group both all w1 w2
quorum both
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.errors import KeyRefused, Malformed, PolicyUnmet
from ledger.tlog.note import COSIGNATURE, VerifiedSignature, VerifierKey, parse_note, parse_verifier_key, verify_note

MAX_POLICY_BYTES = 65_536
NONE = "none"
_ALLOWED = re.compile(rb"[\t\n\x20-\x7e\x80-\xff]*")
_FIELD = re.compile(rb"[^ \t]+")
_COUNT = re.compile(r"[1-9][0-9]{0,4}")


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses when at least `least` of its members do; a member is a witness or a group."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs that are believed, witnesses that are known, and who of them must have cosigned."""

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, VerifierKey] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NONE
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Where a witness is asked, by its name here; a log asks there, and who only verifies does not."""

    def is_met_by(self, cosigners: set[VerifierKey]) -> bool:
        """Tell whether these witnesses are enough."""
        met = {name for name, key in self.witnesses.items() if key in cosigners} | {NONE}
        for name, group in self.groups.items():  # in the order of the file: members come before their group
            if sum(member in met for member in group.members) >= group.least:
                met.add(name)
        return self.quorum in met

    def lacks(self, cosigners: set[VerifierKey]) -> int:
        """Count the witnesses that must cosign besides these, at least."""
        lacking = {name: int(key not in cosigners) for name, key in self.witnesses.items()} | {NONE: 0}
        for name, group in self.groups.items():  # a member is in one group: the fewest of each add up
            lacking[name] = sum(sorted(lacking[member] for member in group.members)[: group.least])
        return lacking[self.quorum]


@dataclass(frozen=True, slots=True)
class VerifiedCheckpoint:
    """A checkpoint that met a policy: by which log's key, and who cosigned it when."""

    checkpoint: Checkpoint
    log: VerifierKey
    cosignatures: tuple[VerifiedSignature, ...]


def verify_checkpoint(policy: Policy, data: str | bytes) -> VerifiedCheckpoint:
    """Read a checkpoint that meets the policy.

    Raises Malformed; SignatureInvalid when a known signer's line fails; PolicyUnmet when those who must sign did not.
    """
    note = parse_note(data)
    checkpoint = parse_checkpoint(note.text)
    logs = [log for log in policy.logs if log.name == checkpoint.origin]
    if not logs:
        raise PolicyUnmet(f"{checkpoint.origin} is not a log that the policy names")
    verifiers = [*logs, *policy.witnesses.values()]
    names = {(each.name, each.note_key_id) for each in verifiers}
    if not any((line.name, line.note_key_id) in names for line in note.signatures):
        raise PolicyUnmet("nobody whom the policy names has signed this checkpoint")
    verified = verify_note(note, verifiers)
    by_log = [each.verifier for each in verified if each.verifier in logs]
    if not by_log:
        raise PolicyUnmet("the log has not signed this checkpoint with a key that the policy names")
    cosignatures = tuple(each for each in verified if each.verifier not in logs)
    if not policy.is_met_by({each.verifier for each in cosignatures}):
        raise PolicyUnmet(f"too few of the policy's witnesses have cosigned: its quorum is {policy.quorum}")
    return VerifiedCheckpoint(checkpoint, by_log[0], cosignatures)


def parse_policy(data: bytes) -> Policy:
    """Read a policy file strictly; raise Malformed with the line that is wrong."""
    if len(data) > MAX_POLICY_BYTES:
        raise Malformed(f"a policy has at most {MAX_POLICY_BYTES:,} bytes")
    reader = _Reader()
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            reader.line(line)
        except (Malformed, KeyRefused) as fault:
            raise Malformed(str(fault), line=number, column=1) from None
    if reader.quorum is None:
        raise Malformed("a policy has a quorum line")
    return Policy(tuple(reader.logs), reader.witnesses, reader.groups, reader.quorum, reader.addresses)


def format_policy(policy: Policy) -> bytes:
    """Write a policy; raise Malformed when it would not be read back as it is."""
    lines = [f"log {log.to_text()}" for log in policy.logs]
    at = {name: f" {address}" for name, address in policy.addresses.items()}
    lines += [f"witness {name} {key.to_text()}{at.get(name, '')}" for name, key in policy.witnesses.items()]
    lines += [f"group {name} {group.least} {' '.join(group.members)}" for name, group in policy.groups.items()]
    data = "".join(line + "\n" for line in [*lines, f"quorum {policy.quorum}"]).encode("utf-8", "surrogateescape")
    if parse_policy(data) != policy:
        raise Malformed("a policy would not be read back as it is")
    return data


class _Reader:
    """What the lines have said so far; names are kept as octets (surrogateescape), as the format asks."""

    def __init__(self) -> None:
        self.logs: list[VerifierKey] = []
        self.witnesses: dict[str, VerifierKey] = {}
        self.groups: dict[str, Group] = {}
        self.addresses: dict[str, str] = {}
        self.members: set[str] = set()
        self.quorum: str | None = None

    def line(self, line: bytes) -> None:
        if not _ALLOWED.fullmatch(line):
            raise Malformed("a policy has no control characters")
        fields = [each.decode("utf-8", "surrogateescape") for each in _FIELD.findall(line)]
        if not fields or fields[0].startswith("#"):
            return
        match fields:
            case ["log", vkey] | ["log", vkey, _]:
                self.log(parse_verifier_key(vkey))
            case ["witness", name, vkey, *address] if len(address) <= 1:
                self.witness(name, parse_verifier_key(vkey))
                self.addresses.update((name, each) for each in address)
            case ["group", name, least, *members] if members:
                self.group(name, least, tuple(members))
            case ["quorum", name]:
                self.set_quorum(name)
            case _:
                raise Malformed("a policy's lines are log, witness, group and quorum, with what belongs to them")

    def log(self, key: VerifierKey) -> None:
        if any(each.public_key == key.public_key for each in self.logs):
            raise Malformed("this log's key is listed twice")
        self.logs.append(key)

    def witness(self, name: str, key: VerifierKey) -> None:
        if key.type != COSIGNATURE:
            raise Malformed("a witness's key is one for cosignatures (type 4)")
        if any(each.public_key == key.public_key for each in self.witnesses.values()):
            raise Malformed("this witness's key is listed twice")
        self.define(name)
        self.witnesses[name] = key

    def group(self, name: str, least: str, members: tuple[str, ...]) -> None:
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise Malformed("a group's member is not defined above it")
            if member in self.members:
                raise Malformed("a name may be a member of one group, once")
            self.members.add(member)
        if least not in ("all", "any") and not _COUNT.fullmatch(least):
            raise Malformed("a group needs all, any, or a number of its members")
        count = {"all": len(members), "any": 1}.get(least) or int(least)
        if count > len(members):
            raise Malformed("a group needs no more members than it has")
        self.define(name)
        self.groups[name] = Group(count, members)

    def set_quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise Malformed("a policy has one quorum line")
        if name != NONE and name not in self.witnesses and name not in self.groups:
            raise Malformed("the quorum is not defined above it")
        self.quorum = name

    def define(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise Malformed("this name is taken")
