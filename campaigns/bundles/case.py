"""A case: a file and its reader; what Python says of it, and what the browser is asked."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.tlog.__main__ import verify
from ledger.tlog.errors import TlogError
from ledger.tlog.keyring import parse_given_keys
from ledger.tlog.note import parse_verifier_key
from ledger.tlog.policy import Policy, parse_policy
from ledger.tlog.report import Report

MODULE = "js/verify/verify.js"
JUDGE = """async ({ module, cases }) => {
  const { verify } = await import(module);
  const { linesOf } = await import(module.replace("verify.js", "report.js"));
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const said = [];
  for (const { data, trust, keys } of cases) {
    try {
      said.push(linesOf(await verify(bytes(data), { trust, keys: keys.map(bytes) })).join("\\n"));
    } catch (error) {
      said.push(`FAULT ${error.stack}`);
    }
  }
  return said;
}"""
"""What the browser evaluates: the same cases, each with the report of the page's own module."""


@dataclass(frozen=True)
class Case:
    """A file, whom its reader trusts (a verifier key, a policy, or nobody), and keys that the reader gives."""

    name: str
    data: bytes
    trust: str = ""
    keys: tuple[bytes, ...] = ()

    def value(self) -> dict[str, object]:
        """The case as the browser takes it."""
        encoded = [base64.b64encode(each).decode() for each in (self.data, *self.keys)]
        return {"data": encoded[0], "trust": self.trust, "keys": encoded[1:]}


def verdict(case: Case) -> str:
    """What `python -m ledger.tlog verify` prints of it."""
    try:
        trusted = _trusted(case.trust)
        keys = [key for each in case.keys for key in parse_given_keys(each)]
        report = verify(case.data, policy=trusted, keys=keys)
    except TlogError as refused:
        report = Report(f"not valid: {refused}")
    return "\n".join(report.lines()).encode("utf-8", "backslashreplace").decode()


def _trusted(text: str) -> Policy | None:
    given = text.strip(" \t\r\n")
    if not given:
        return None
    return parse_policy(text.encode()) if re.search(r"[ \t\r\n]", given) else Policy((parse_verifier_key(given),))


def differences(cases: Sequence[Case], said: Sequence[str]) -> list[str]:
    """Where the browser said something else, in full."""
    pairs = [(case, verdict(case), other) for case, other in zip(cases, said, strict=True)]
    return [f"{case.name}\npython: {mine}\nbrowser: {other}" for case, mine, other in pairs if mine != other]
