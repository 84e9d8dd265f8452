"""A small log in memory, and bundles made of it, as tests and the twin in the browser need them."""

from ledger.tlog import checkpoint, envelope, keys, merkle, policy, statement
from ledger.tlog.bundle import Bundle, BundledChain, BundledEntry, seal
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.keys import key_id
from ledger.tlog.note import COSIGNATURE, SignerKey
from tests.ledger.tlog.cast import ORIGIN, a_leaf, public_key, signing_key

LOG = SignerKey(ORIGIN, signing_key("log"))
WITNESS = SignerKey("witness.example/w1", signing_key("witness"), COSIGNATURE)
VKEY = LOG.verifier_key().to_text()
TRUST = policy.Policy((LOG.verifier_key(),))
CHAIN, OTHER_CHAIN = b"c" * 16, b"d" * 16
PARTIES = {"root": "00" * 16, "operator": "00" * 16, "grower": "a1" * 16, "carrier": "b2" * 16}


class World:
    """A log whose leaves are kept in a list; every method appends one entry and returns its index."""

    def __init__(self):
        self.leaves, self.bodies, self.heads, self.disclosures = [], {}, {}, {}

    def append(self, signer, **changes):
        index = len(self.leaves)
        values = {"id": f"{index:032x}", "links": (), "body": None, **changes}
        self.leaves.append(a_leaf(signer, record_time_ms=1_767_225_600_000 + index * 60_000, **values))
        return index

    def register(self, name, by, role, party, expires_ms=None):
        claims = keys.registration_claims(
            signing_key(name),
            origin=ORIGIN,
            party=party,
            role=role,
            statement_id=f"{len(self.leaves):032x}",
            expires_ms=expires_ms,
        )
        return self.append(by, type="key.register", claims=claims)

    def event(self, signer, *chains, body=None, disclosures=()):
        index = len(self.leaves)
        body, salt = body or b'{"event":%d}' % index, index.to_bytes(32, "big")
        self.disclosures[index] = tuple(disclosures)
        links = tuple(statement.link(chain, self.heads.get(chain, statement.ZERO)) for chain in chains)
        self.append(signer, links=links, body=statement.commitment(salt, body))
        self.bodies[index] = (body, salt)
        for chain in chains:
            self.heads[chain] = envelope.statement_hash(envelope.parse_leaf(self.leaves[index]).payload)
        return index

    def revoke(self, name, by, last, **more):
        claims = {"key": key_id(public_key(name)), "last_valid_index": last, **more}
        return self.append(by, type="key.revoke", claims=claims)

    def ask(self, by, act, **claims):
        """Ask for an act that takes two people; returns what the act names."""
        index = self.append(by, type="approval.request", claims={"act": act, **claims})
        return envelope.statement_hash(envelope.parse_leaf(self.leaves[index]).payload).hex()

    def commitment(self, index):
        return statement.parse_statement(envelope.parse_leaf(self.leaves[index]).payload).body.hex()

    def erase(self, index, asked_by, ground="they asked for it"):
        """Erase the body of an entry, as its signer asks for."""
        claims = {"commitment": self.commitment(index), "ground": ground}
        self.bodies.pop(index, None)
        return self.append(
            "root", type="body.erased", claims={**claims, "approval": self.ask(asked_by, "body.erased", **claims)}
        )

    def attest(self, by, *indices):
        return self.append(by, type="key.attest", claims={"indices": statement.format_indices(indices)})

    def checkpoint(self, size=None):
        hashes = [merkle.leaf_hash(leaf) for leaf in self.leaves[:size]]
        return Checkpoint(ORIGIN, len(hashes), merkle.root_of(hashes))

    def note(self, size=None):
        signed = checkpoint.sign_checkpoint(self.checkpoint(size), LOG)
        return checkpoint.cosign_checkpoint(signed, WITNESS, time=1_770_000_000)

    def bundle(self, indices, chains, shown=(), disclosed=None):
        """A bundle of these entries, honest as far as its parts are; `disclosed` has what is told of each (nothing)."""
        subtree = merkle.subtrees_of([merkle.leaf_hash(leaf) for leaf in self.leaves])
        size = len(self.leaves)
        entries = []
        for index in sorted(indices):
            body, salt = self.bodies[index] if index in shown else (None, None)
            path = merkle.prove_inclusion(index, size, subtree).path
            told = tuple((disclosed or {}).get(index, ())) if body is not None else ()
            entries.append(BundledEntry(index, self.leaves[index], path, body, salt, told))
        cosigner = WITNESS.verifier_key()
        own = policy.Policy((LOG.verifier_key(),), {"w1": cosigner}, {}, "w1")
        bundle = Bundle(
            origin=ORIGIN,
            checkpoint=self.note(),
            policy=policy.format_policy(own).decode(),
            says="",
            entries=tuple(entries),
            chains=tuple(BundledChain(secret, tuple(linked)) for secret, linked in chains.items()),
        )
        return seal(bundle, LOG)


def trade():
    """A shipment from grower to carrier, a sensor's reading, another shipment, keys that come and go."""
    world = World()
    world.register("root", "root", "root", PARTIES["root"])  # 0
    world.register("operator", "root", "admin", PARTIES["operator"])  # 1
    world.register("grower admin", "root", "admin", PARTIES["grower"])  # 2
    world.register("carrier admin", "root", "admin", PARTIES["carrier"])  # 3
    world.register("grower", "grower admin", "external", PARTIES["grower"])  # 4
    world.register("carrier", "carrier admin", "device", PARTIES["carrier"])  # 5
    world.event("grower", CHAIN)  # 6
    world.event("grower", CHAIN, OTHER_CHAIN)  # 7
    world.event("carrier")  # 8
    world.event("carrier", CHAIN)  # 9
    world.event("grower", OTHER_CHAIN)  # 10
    world.revoke("carrier", "carrier admin", 8)  # 11
    world.register("carrier two", "carrier admin", "device", PARTIES["carrier"])  # 12
    world.event("carrier two", CHAIN)  # 13
    return world


def a_bundle():
    """The grower's view of the first shipment: every body of its own, entry 9 disputed."""
    return trade().bundle([0, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13], {CHAIN: [6, 7, 9, 13]}, shown=(6, 7))
