"""A log's operator with every view of the log it likes to show, and witnesses that really listen."""

import hashlib
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

from nacl.signing import SigningKey

from ledger.fetching import request
from ledger.tlog import merkle
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.note import COSIGNATURE, SignerKey
from ledger.witness.deciding import Witness
from ledger.witness.protocol import Request, format_request
from ledger.witness.server import WitnessServer

ORIGIN = "log.example/0123456789abcdef"
NOW = 1_770_000_000


def key(name):
    return SigningKey(hashlib.sha256(f"seed of {name}".encode()).digest())


LOG = SignerKey(ORIGIN, key("log"))
LOG_KEY = LOG.verifier_key()


@dataclass
class View:
    """One history of the log, honest or not."""

    leaves: list = field(default_factory=list)

    @classmethod
    def of(cls, size, *, other_from=None):
        """Entries of a log; those from `other_from` on are others than everybody else sees."""
        return cls([b"%d%s" % (n, b"!" if other_from is not None and n >= other_from else b"") for n in range(size)])

    @property
    def hashes(self):
        return [merkle.leaf_hash(leaf) for leaf in self.leaves]

    def note(self, size=None, *, origin=ORIGIN, signer=None):
        hashes = self.hashes[:size]
        found = Checkpoint(origin, len(hashes), merkle.root_of(hashes))
        return sign_checkpoint(found, signer or SignerKey(origin, LOG.signing_key))

    def path(self, old, new=None):
        new = len(self.leaves) if new is None else new
        return merkle.prove_consistency(old, new, merkle.subtrees_of(self.hashes)).path if 0 < old < new else ()

    def request(self, old, size=None):
        return Request(old, self.path(old, size), self.note(size))


def signer(name="witness.example/w1"):
    return SignerKey(name, key(name), COSIGNATURE)


@contextmanager
def listening(folder, *, name="witness.example/w1", logs=(LOG_KEY,), clock=lambda: NOW):
    """A running witness on 127.0.0.1."""
    witness = Witness(signer(name), logs, folder, clock=clock)
    with WitnessServer(witness, ("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def post(server, given):
    data = format_request(given) if isinstance(given, Request) else given
    return request("POST", f"{server.url}/add-checkpoint", body=data, seconds=5, max_bytes=100_000)


def get(server, path):
    return request("GET", server.url + path, seconds=5, max_bytes=100_000)
