"""The log's side of witnessing: ask all witnesses at once, within one time limit; believe what their keys signed."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from ledger.fetching import Response, Unreachable, check_url, request
from ledger.tlog.errors import Malformed, TlogError
from ledger.tlog.note import (
    COSIGNATURE,
    SignedNote,
    VerifierKey,
    format_note,
    format_signature,
    parse_note,
    parse_verifier_key,
    verify_note,
)
from ledger.witness.protocol import SIZE_TYPE, Request, format_request, parse_size

MAX_ANSWER_BYTES = 65_536
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z
Prove = Callable[[int, int], Sequence[bytes]]
"""`prove(old, new)`: the consistency proof between two sizes of the log."""


@dataclass(frozen=True, slots=True)
class WitnessAt:
    """A witness that is asked: its key, and the address in front of `/add-checkpoint`."""

    verifier: VerifierKey
    url: str


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A cosignature, verified: the line as it belongs under the checkpoint, and the POSIX second it names."""

    witness: WitnessAt
    line: str
    time: int


@dataclass(frozen=True, slots=True)
class NotCosigned:
    """What a witness answered instead; `is_refusal` when it saw something that it must not cosign."""

    witness: WitnessAt
    why: str
    is_refusal: bool


Result = Cosigned | NotCosigned


def parse_witnesses(text: str) -> tuple[WitnessAt, ...]:
    """Read lines `<vkey> <url>`; raise Malformed, or KeyRefused. Empty lines and those from # on say nothing."""
    found = []
    for line in text.replace(";", "\n").splitlines():
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        if len(fields) != 2:
            raise Malformed("a witness is configured as its verifier key and its address")
        verifier = parse_verifier_key(fields[0])
        if verifier.type != COSIGNATURE:
            raise Malformed(f"{verifier.name} has no key for cosignatures (type 4)")
        found.append(WitnessAt(verifier, check_url(fields[1])))
    if len({each.verifier.name for each in found}) != len(found):
        raise Malformed("two witnesses have one name")
    return tuple(found)


def collect(
    note: str,
    *,
    tree_size: int,
    witnesses: Iterable[WitnessAt],
    known: Mapping[str, int],
    prove: Prove,
    seconds: float = 20.0,
    attempts: int = 3,
    enough: Callable[[Collection[Result]], bool] = lambda found: False,
) -> list[Result]:
    """Ask for cosignatures of a checkpoint of `tree_size`, from all at once; `known` says, by name, what each has seen.

    `prove` is called in this thread alone. A witness that answers late, badly or not at all costs nobody but itself;
    once what was found is `enough`, nobody is waited for any more.
    """
    deadline = time.monotonic() + seconds
    results: dict[str, Result] = {}
    asked = {each.verifier.name: (each, min(known.get(each.verifier.name, 0), tree_size)) for each in witnesses}
    pool = ThreadPoolExecutor(max_workers=max(1, len(asked)), thread_name_prefix="witness")
    try:
        for attempt in range(attempts):
            rest = deadline - time.monotonic()
            if not asked or rest <= 0:
                break
            if attempt:
                time.sleep(min(0.2 * attempt, rest))
            again: dict[str, tuple[WitnessAt, int]] = {}
            for name, answer in _ask_all(pool, note, asked, tree_size, prove, deadline):
                again |= _sort(note, name, answer, asked, tree_size, results)
                if enough(results.values()):
                    return list(results.values())
            asked = again
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return list(results.values())


def _ask_all(
    pool: ThreadPoolExecutor,
    note: str,
    asked: Mapping[str, tuple[WitnessAt, int]],
    tree_size: int,
    prove: Prove,
    deadline: float,
) -> Iterator[tuple[str, Response | Unreachable]]:
    """Yield each answer as it comes, and in the end what has not come in time."""
    rest = max(0.1, deadline - time.monotonic())
    names: dict[Future[Response], str] = {}
    for name, (witness, old) in asked.items():
        path = tuple(prove(old, tree_size)) if 0 < old < tree_size else ()
        data = format_request(Request(old, path, note))
        names[pool.submit(_post, witness.url, data, rest)] = name
    waiting = set(names)
    while waiting and rest > 0:
        done, waiting = wait(waiting, timeout=rest, return_when=FIRST_COMPLETED)
        yield from ((names[future], _outcome(future)) for future in done)
        rest = deadline - time.monotonic()
    yield from ((names[future], _outcome(future)) for future in waiting)


def _post(url: str, data: bytes, seconds: float) -> Response:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    address = f"{url}/add-checkpoint"
    return request("POST", address, body=data, headers=headers, seconds=seconds, max_bytes=MAX_ANSWER_BYTES)


def _outcome(future: "Future[Response]") -> Response | Unreachable:
    if not future.done():
        return Unreachable("no answer in time")
    fault = future.exception()
    if fault is None:
        return future.result()
    if isinstance(fault, Unreachable):
        return fault
    raise fault


def _sort(
    note: str,
    name: str,
    answer: Response | Unreachable,
    asked: Mapping[str, tuple[WitnessAt, int]],
    tree_size: int,
    results: dict[str, Result],
) -> dict[str, tuple[WitnessAt, int]]:
    """Write down what came; say whether, and from which size, that witness is asked again."""
    witness, old = asked[name]
    if isinstance(answer, Unreachable):
        results[name] = NotCosigned(witness, str(answer), is_refusal=False)
        return {name: (witness, old)}
    size = _read_answer(note, witness, answer, tree_size, results)
    return {name: (witness, size)} if size is not None and size != old else {}


def _read_answer(
    note: str, witness: WitnessAt, answer: Response, tree_size: int, results: dict[str, Result]
) -> int | None:
    """Write down what the answer means; return the size to prove from when the witness asks for another."""
    name = witness.verifier.name
    try:
        if answer.status == 200:
            results[name] = read_cosignature(note, witness, answer.body)
            return None
        if answer.status == 409 and answer.content_type == SIZE_TYPE:
            size = parse_size(answer.body)
            if size < tree_size:
                results[name] = NotCosigned(witness, f"it has seen {size} entries", is_refusal=False)
                return size
            what = "has cosigned another root for" if size == tree_size else "has cosigned a larger tree than"
            results[name] = NotCosigned(witness, f"it {what} these {tree_size} entries ({size})", is_refusal=True)
            return size if size == tree_size else None
    except TlogError as fault:
        results[name] = NotCosigned(witness, f"its answer does not hold: {fault}", is_refusal=False)
        return None
    said = answer.body[:200].decode("utf-8", "replace").strip()
    is_refusal = answer.status in (409, 422)
    results[name] = NotCosigned(witness, f"it answered {answer.status}: {said}", is_refusal)
    return None


def read_cosignature(note: str, witness: WitnessAt, body: bytes) -> Cosigned:
    """Find the witness's line in its answer and verify it; raise a TlogError. Lines of unknown keys are ignored."""
    lines = parse_note(parse_note(note).text.encode() + b"\n" + body).signatures
    verifier = witness.verifier
    for line in lines:
        if (line.name, line.note_key_id) == (verifier.name, verifier.note_key_id):
            [verified] = verify_note(SignedNote(parse_note(note).text, (line,)), [verifier])
            if verified.time is None or verified.time > _LAST_SECOND:
                raise Malformed("the witness names a time that is none")
            return Cosigned(witness, format_signature(line), verified.time)
    raise Malformed("the witness's own line is missing")


def with_lines(note: str, lines: Iterable[str]) -> str:
    """Return the note with these signature lines under it; raise Malformed when it would not be one."""
    return format_note(parse_note(note + "".join(lines)))
