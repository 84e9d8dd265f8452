"""What a check found, as it is printed: the verdict, the facts, what was checked and what was not."""

from dataclasses import dataclass, field

from ledger.tlog.bundle import Verdict, VerifiedEntry
from ledger.tlog.envelope import format_time
from ledger.tlog.evidence import Evidence, Finding

VERIFIED, INVALID, NO_ANCHOR, STATED = 0, 1, 2, 3
"""Exit codes: verified (proven); not valid; consistent but nobody was named who is trusted; stated by an observer."""


@dataclass(slots=True)
class Report:
    """What was found out, what was not, and the verdict above it."""

    verdict: str = ""
    code: int = INVALID
    facts: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The report as it is printed."""
        lines = [self.verdict, *(f"  {fact}" for fact in self.facts)]
        for title, parts in (("checked:", self.checked), ("not checked:", self.unchecked)):
            if parts:
                lines += [title, *(f"  - {part}" for part in parts)]
        return lines


def report_bundle(verdict: Verdict) -> Report:
    """Tell what a bundle was found to show."""
    report = Report(facts=[*_bundle_facts(verdict), *map(_entry_line, verdict.entries)])
    origin, count = verdict.checkpoint.origin, len(verdict.entries)
    if verdict.is_trusted:
        report.code = VERIFIED
        report.verdict = f"verified: {count} entries are in the log {origin}"
    else:
        report.code = NO_ANCHOR
        signer = verdict.log.to_text()
        report.verdict = f"consistent in itself, signed by {signer}, which you have not said you trust"
        report.unchecked.append("who answers for the log: give --vkey or --policy from a source you trust")
    report.checked += [
        f"the log's signature, by {verdict.log.to_text()}",
        *(
            f"the cosignature of {each.verifier.name}, made at POSIX second {each.time}"
            for each in verdict.cosignatures
        ),
        f"the place of {count} entries in the tree with root {verdict.checkpoint.root_hash.hex()}",
        f"the signature of every entry, by {len(verdict.keys)} keys, each registered before it and allowed to sign it",
        f"{sum(each.body is not None for each in verdict.entries)} bodies, to which their statements commit",
        *(
            f"every link of chain {chain.scope}, {len(chain.indices)} statements from its first on"
            for chain in verdict.chains
        ),
    ]
    opened = [each.opened for each in verdict.entries if each.opened is not None]
    if names := sum(len(each.names) for each in opened):
        report.checked.append(f"{names} disclosures, each named by its digest in the body it belongs to")
    if closed := sum(each.closed for each in opened):
        report.unchecked.append(f"{closed} digests in these bodies whose disclosures, if any, are not in this file")
    without = [each for each in verdict.entries if each.body is None and each.entry.statement.body is not None]
    if erased := sum(each.erasure is not None for each in without):
        report.unchecked.append(f"{erased} bodies that were erased")
    hidden = sum(each.erasure is None for each in without)
    if hidden:
        report.unchecked.append(f"{hidden} bodies that this file does not show")
    report.unchecked.append(
        f"that no key was revoked besides, and no chain goes on: so says the log up to {verdict.checkpoint.tree_size}"
        " entries, under its signature; no file can prove that nothing was logged"
    )
    return report


def report_finding(evidence: Evidence, finding: Finding) -> Report:
    """Tell what evidence shows of a log."""
    report = Report(facts=[f"kept            {evidence.reason}"])
    seen = f"at POSIX second {evidence.time}"
    if finding.observer is not None:
        report.checked.append(f"that {finding.observer.name} signed this, as seen {seen}")
    if finding.is_proven:
        report.code, report.verdict = VERIFIED, f"proven: {finding.sentence}"
        report.checked.append("the log's signature, and that it contradicts what the log must hold to")
    elif finding.observer is not None:
        report.code, report.verdict = STATED, f"stated by {finding.observer.name}, not proven: {finding.sentence}"
        report.unchecked.append("what an honest log could answer with a consistency proof between the two")
    else:
        report.verdict = f"not proven, and signed by nobody you named: {finding.sentence}"
    return report


def _bundle_facts(verdict: Verdict) -> list[str]:
    disputed = [each.entry.index for each in verdict.entries if each.is_disputed]
    facts = [
        f"log             {verdict.checkpoint.origin}",
        f"tree            {verdict.checkpoint.tree_size} entries",
    ]
    facts += [f"chain           {chain.scope}: {', '.join(map(str, chain.indices))}" for chain in verdict.chains]
    facts += [
        f"revoked         key {key.key_id} at entry {key.revoked_index}, valid up to {key.last_valid_index}"
        for key in verdict.keys
        if key.revoked_index is not None
    ]
    facts += [
        f"disclosed       of entry {each.entry.index}: {', '.join(each.opened.names)}"
        for each in verdict.entries
        if each.opened is not None and each.opened.names
    ]
    facts += [
        f"erased          the body of entry {each.entry.index}, by entry {each.erasure.index}: {each.erasure.ground}"
        for each in verdict.entries
        if each.erasure is not None
    ]
    if disputed:
        facts.append(f"DISPUTED        {', '.join(map(str, disputed))}: signed after its key's last valid entry")
    return facts


def _entry_line(each: VerifiedEntry) -> str:
    entry = each.entry
    hidden = "body not shown" if each.erasure is None else "body erased"
    shown = "no body" if entry.statement.body is None else hidden if each.body is None else "body shown"
    disputed = ", DISPUTED" if each.is_disputed else ""
    return (
        f"entry {entry.index:<9} {format_time(entry.leaf.record_time_ms)} {entry.statement.type}"
        f" by {entry.signer.role} key of party {entry.signer.party}, {shown}{disputed}"
    )
