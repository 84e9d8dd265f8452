"""Sign, capture, follow and verify custody events of a Waylog log.

WAYLOG_URL, WAYLOG_CLIENT_ID, WAYLOG_CLIENT_SECRET, WAYLOG_KEY (a file) and WAYLOG_SIGNER (a command) stand for the
options of the same names.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger.tlog.__main__ import main as check
from ledger.tlog.keys import key_id
from ledger.tlog.text import encode_base64url
from waylog.client import Client
from waylog.documents import read_bodies
from waylog.errors import WaylogError, describe
from waylog.keyfile import load_key, new_key
from waylog.sending import Report, capture_file
from waylog.signercommand import CommandKey


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all went well, 1 when something was refused, 2 when it could not be tried."""
    options, rest = _parser().parse_known_args(argv)
    if rest and options.command is not verify:
        _parser().error(f"unknown: {' '.join(rest)}")
    try:
        return int(options.command(options, rest) if options.command is verify else options.command(options))
    except WaylogError as fault:
        print(fault, file=sys.stderr)
        return 2
    except OSError as fault:
        print(f"{fault.filename or ''}: {fault.strerror or fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def key_new(options: argparse.Namespace) -> int:
    """Make a signing key in a file of its own."""
    key = new_key(options.file)
    print(f"{options.file}: {key_id(bytes(key.verify_key))}")
    print(f"public key: {encode_base64url(bytes(key.verify_key))}")
    return 0


def key_register(options: argparse.Namespace) -> int:
    """Ask for the key's registration."""
    found = _client(options).register_key(_key(options), label=options.label)
    print(f"{found['key_id']}: {found['state']}. A manager of your party approves it on the page Keys.")
    return 0


def key_attest(options: argparse.Namespace) -> int:
    """Stand by disputed entries of your party, such as 3,7-9: they count again."""
    found = _client(options).attest(options.indices, key=_key(options))
    print(f"entry {found['index']} of the log says that you stand by {options.indices}.")
    return 0


def whoami(options: argparse.Namespace) -> int:
    """Say whom the client acts for."""
    print(json.dumps(_client(options).whoami(), indent=2, ensure_ascii=False))
    return 0


def sign(options: argparse.Namespace) -> int:
    """Sign the events of a file and write the items, ready to be sent."""
    bodies = read_bodies(Path(options.file).read_bytes())
    if len(bodies) > 1_000:
        raise WaylogError("At most 1,000 events are signed at once; `capture` takes any number.")
    signed = _client(options).sign(bodies, key=_key(options), hide=options.hide)
    refused = [(at, each["problem"]) for at, each in enumerate(signed) if "problem" in each]
    for at, problem in refused:
        print(f"event {at}: {describe(int(problem.get('status', 0)), problem)}", file=sys.stderr)
    if refused:
        return 1
    _write(options.output, json.dumps({"items": signed}, separators=(",", ":")).encode() + b"\n")
    return 0


def capture(options: argparse.Namespace) -> int:
    """Sign and capture the events of a file, going on where an earlier run was stopped."""
    journal = Path(options.journal) if options.journal else None
    report = capture_file(
        _client(options),
        Path(options.file),
        key=_key(options),
        journal=journal,
        again=options.again,
        hide=options.hide,
        progress=_progress,
    )
    if sys.stderr.isatty():
        print(file=sys.stderr)
    for position, each in report.refused:
        print(f"event {position}: {describe(each['status'], each.get('problem', {}))}", file=sys.stderr)
    print(f"{report.captured:,} of {report.total:,} events are in the log; {len(report.refused):,} were refused.")
    return 1 if report.refused else 0


def verify(options: argparse.Namespace, rest: Sequence[str]) -> int:
    """Check a proof or a bundle, offline."""
    return check(["verify", options.file, *rest])


def follow(options: argparse.Namespace) -> int:
    """Print events as they come, one JSON object a line."""
    state = Path(options.state) if options.state else None
    after = state.read_text().strip() if state and state.exists() else options.after
    client = _client(options)
    filters = {"shipment": options.shipment} if options.shipment else {}
    for event in client.follow(after=after, seconds=options.seconds, **filters):
        if event is None:
            if options.once:
                break
            continue
        print(json.dumps(client.event(event["index"]) if options.full else event, ensure_ascii=False), flush=True)
        if state:
            aside = state.with_name(state.name + ".new")
            aside.write_text(event["position"])
            aside.replace(state)
    return 0


def bundle(options: argparse.Namespace) -> int:
    """Fetch all that proves a shipment's way, as one file."""
    data = _client(options).bundle(options.shipment, disclose=options.disclose)
    _write(options.output or f"{options.shipment}.bundle.json", data)
    return 0


def proof(options: argparse.Namespace) -> int:
    """Fetch the proof of one entry."""
    _write(options.output or f"{options.index}.tlog-proof", _client(options).proof(options.index))
    return 0


def _client(options: argparse.Namespace) -> Client:
    missing = [name for name in ("url", "client_id", "client_secret") if not getattr(options, name)]
    if missing:
        named = ", ".join(f"WAYLOG_{name.upper()}" for name in missing)
        raise WaylogError(f"Set {named} (or the options of the same names).")
    return Client(options.url, client_id=options.client_id, client_secret=options.client_secret)


def _key(options: argparse.Namespace):  # type: ignore[no-untyped-def]
    if options.signer:
        return CommandKey(options.signer)
    if not options.key:
        raise WaylogError("Set WAYLOG_KEY to the file of your signing key (or give --key); `waylog key new` makes one.")
    return load_key(options.key)


def _place(text: str) -> str:
    """An event's position such as 41.17, or its index; raises ValueError for anything else."""
    for each in text.split(".", 1):
        int(each)
    return text


def _progress(report: Report) -> None:
    if sys.stderr.isatty():
        print(f"\r{len(report.results):,} of {report.total:,}", end="", file=sys.stderr, flush=True)


def _write(path: str, data: bytes) -> None:
    if path == "-":
        sys.stdout.buffer.write(data)
        return
    Path(path).write_bytes(data)
    print(path)


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--url", default=os.environ.get("WAYLOG_URL"), help="the server, such as https://log.example")
    shared.add_argument("--client-id", default=os.environ.get("WAYLOG_CLIENT_ID"))
    shared.add_argument("--client-secret", default=os.environ.get("WAYLOG_CLIENT_SECRET"), help="better: the variable")
    shared.add_argument("--key", default=os.environ.get("WAYLOG_KEY"), metavar="FILE", help="the signing key (a JWK)")
    shared.add_argument(
        "--signer",
        default=os.environ.get("WAYLOG_SIGNER"),
        metavar="COMMAND",
        help="instead of a key: a command that signs",
    )
    parser = argparse.ArgumentParser(prog="waylog", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    keys = commands.add_parser("key", help="make a key, ask for its registration").add_subparsers(required=True)
    one = keys.add_parser("new", help=key_new.__doc__)
    one.add_argument("file", metavar="FILE")
    one.set_defaults(command=key_new)
    one = keys.add_parser("register", help=key_register.__doc__, parents=[shared])
    one.add_argument("--label", default="", help="what the manager sees")
    one.set_defaults(command=key_register)

    one = keys.add_parser("attest", help=key_attest.__doc__, parents=[shared])
    one.add_argument("indices", metavar="INDICES", help="ascending ranges, such as 3,7-9")
    one.set_defaults(command=key_attest)

    one = commands.add_parser("whoami", help=whoami.__doc__, parents=[shared])
    one.set_defaults(command=whoami)
    one = commands.add_parser("sign", help=sign.__doc__, parents=[shared])
    one.add_argument("file", metavar="FILE", help="an EPCIS document, a list of events, or one a line")
    one.add_argument("-o", "--output", default="-", metavar="FILE")
    _hide(one)
    one.set_defaults(command=sign)
    one = commands.add_parser("capture", help=capture.__doc__, parents=[shared])
    one.add_argument("file", metavar="FILE", help="an EPCIS document, a list of events, or one a line")
    one.add_argument("--journal", metavar="FILE", help="where to remember how far it came (FILE.waylog)")
    one.add_argument("--again", action="store_true", help="sign and send again what was refused")
    _hide(one)
    one.set_defaults(command=capture)
    one = commands.add_parser("verify", help="check a proof or a bundle, offline: --policy FILE or --vkey KEY")
    one.add_argument("file", metavar="FILE")
    one.set_defaults(command=verify)
    one = commands.add_parser("follow", help=follow.__doc__, parents=[shared])
    one.add_argument("--after", type=_place, default="0.0", metavar="PLACE", help="an event's position or index")
    one.add_argument("--state", metavar="FILE", help="remember the last place there, and go on from it")
    one.add_argument("--shipment", metavar="ID")
    one.add_argument("--full", action="store_true", help="with body, salt, statement and signature")
    one.add_argument("--once", action="store_true", help="end when there is nothing new")
    one.add_argument("--seconds", type=float, default=5, help="how long to wait when there is nothing new")
    one.set_defaults(command=follow)
    one = commands.add_parser("bundle", help=bundle.__doc__, parents=[shared])
    one.add_argument("shipment", metavar="ID")
    one.add_argument("-o", "--output", metavar="FILE")
    one.add_argument("--disclose", action="append", default=[], metavar="NAME", help="show a member signed apart")
    one.set_defaults(command=bundle)
    one = commands.add_parser("proof", help=proof.__doc__, parents=[shared])
    one.add_argument("index", type=int, metavar="INDEX")
    one.add_argument("-o", "--output", metavar="FILE")
    one.set_defaults(command=proof)
    return parser


def _hide(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hide",
        action="append",
        default=[],
        metavar="NAME",
        help="sign a member of the events apart: ilmd, sensorElementList, or one with a prefix of yours",
    )


if __name__ == "__main__":
    sys.exit(main())
