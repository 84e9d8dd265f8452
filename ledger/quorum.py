"""Who is asked to cosign the log's checkpoints, and who must have before one is published.

Both are said by one policy file (C2SP tlog-policy, WAYLOG_POLICY) in which a witness's line ends with its address, the
same file that a reader may verify with; or, where there is none, by WAYLOG_WITNESSES and WAYLOG_WITNESS_QUORUM.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from ledger.fetching import check_url
from ledger.tlog.errors import KeyRefused, Malformed
from ledger.tlog.note import VerifierKey
from ledger.tlog.policy import NONE, Group, Policy, parse_policy
from ledger.witness.client import WitnessAt, parse_witnesses


class PolicyUnreadable(RuntimeError):
    """The settings name witnesses or a policy that cannot be read; nothing counts as published meanwhile."""


def policy() -> Policy:
    """The policy that the settings name; raise PolicyUnreadable."""
    try:
        if not settings.WAYLOG_POLICY:
            return _of_settings(settings.WAYLOG_WITNESSES, settings.WAYLOG_WITNESS_QUORUM)
        path = Path(settings.WAYLOG_POLICY)
        found = path.stat()
        return _of_file(path, found.st_mtime_ns, found.st_size)
    except (OSError, Malformed, KeyRefused) as fault:
        named = "WAYLOG_POLICY" if settings.WAYLOG_POLICY else "WAYLOG_WITNESSES"
        raise PolicyUnreadable(f"{named} cannot be read: {fault}") from None


def witnesses() -> tuple[WitnessAt, ...]:
    """The witnesses that are asked: those whose address is known. Raises PolicyUnreadable."""
    found = policy()
    return tuple(WitnessAt(found.witnesses[name], address) for name, address in found.addresses.items())


def is_set() -> bool:
    """Whether a checkpoint must be cosigned before it is published; raise PolicyUnreadable."""
    return policy().quorum != NONE


def is_met_by(cosigners: Iterable[VerifierKey]) -> bool:
    """Whether these are enough; raise PolicyUnreadable."""
    return policy().is_met_by(set(cosigners))


@lru_cache(maxsize=1)
def _of_file(path: Path, changed: int, size: int) -> Policy:
    found = parse_policy(path.read_bytes())
    for address in found.addresses.values():
        check_url(address)
    names = [key.name for key in found.witnesses.values()]
    if len(set(names)) != len(names):
        raise Malformed("two witnesses have one name")
    return found


@lru_cache(maxsize=1)
def _of_settings(named: str, least: int) -> Policy:
    found = parse_witnesses(named)
    asked = {f"w{number}": each for number, each in enumerate(found, 1)}
    return Policy(
        (),
        {name: each.verifier for name, each in asked.items()},
        {"quorum": Group(least, tuple(asked))} if least else {},
        "quorum" if least else NONE,
        {name: each.url for name, each in asked.items()},
    )
