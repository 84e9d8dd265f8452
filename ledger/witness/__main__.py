"""Run a witness: `python -m ledger.witness --key FILE --log VKEY --dir DIR --listen HOST:PORT`.

It cosigns the checkpoints of these logs as long as their trees only grow, and keeps evidence when one does not. It
needs no database and no Django: its key in one file, and a folder. A key file that is not there is made, with --name.
"""

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from nacl.signing import SigningKey

from ledger import durable
from ledger.tlog.errors import Malformed, TlogError
from ledger.tlog.note import COSIGNATURE, SignerKey, parse_signer_key, parse_verifier_key
from ledger.witness.deciding import Witness
from ledger.witness.server import WitnessServer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--key", metavar="FILE", type=Path, required=True, help="the witness's secret key")
    parser.add_argument("--name", help="make the key file if it is not there, for a witness of this name")
    parser.add_argument(
        "--log", metavar="VKEY", action="append", required=True, help="a log's verifier key; may be repeated"
    )
    parser.add_argument("--dir", metavar="DIR", type=Path, required=True, help="where to keep checkpoints and evidence")
    parser.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:8700", help="default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    try:
        signer = read_key(options.key, name=options.name)
        logs = [parse_verifier_key(text) for text in options.log]
        address = parse_address(options.listen)
        with durable.locked(options.dir):
            # An edge: what a cosignature says is the time of its making.
            witness = Witness(signer, logs, options.dir, clock=lambda: int(time.time()))  # noqa: TID251
            with WitnessServer(witness, address) as server:
                _serve(server)
    except (TlogError, OSError, durable.InUse) as refused:
        sys.stderr.write(f"witness: {refused}\n")
        return 1
    return 0


def read_key(path: Path, *, name: str | None = None) -> SignerKey:
    """Read the witness's key, or make it for a witness of that name; raise Malformed for one that is no witness's."""
    if not path.exists() and name:
        made = SignerKey(name, SigningKey.generate(), COSIGNATURE)
        made.verifier_key()
        durable.write(path, made.to_text().encode() + b"\n", mode=0o600)
    signer = parse_signer_key(path.read_text().strip())
    if signer.type != COSIGNATURE:
        raise Malformed(f"{path} does not hold a witness's key (type 4)")
    return signer


def parse_address(text: str) -> tuple[str, int]:
    """Read HOST:PORT; raise Malformed."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise Malformed(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def _serve(server: WitnessServer) -> None:
    def stop(*_: object) -> None:
        threading.Thread(target=server.shutdown).start()

    with contextlib.suppress(ValueError):  # not the main thread: who runs us there stops us
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
    witness = server.witness
    sys.stdout.write(f"witness {witness.signer.verifier_key().to_text()}\n")
    sys.stdout.write(f"logs    {', '.join(witness.logs)}\n")
    sys.stdout.write(f"serving {server.url}/add-checkpoint, process {os.getpid()}\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ledger.witness", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
