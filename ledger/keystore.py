"""Secret keys held here: the log's own, and those of parties that cannot sign yet. The only file that sees one."""

from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from nacl.secret import SecretBox
from nacl.signing import SigningKey

from ledger.models import KeyRevocation, SealedKey
from ledger.secretfiles import read_or_make
from ledger.tlog import keys


class KeyNotHeld(LookupError):
    """No secret key of that kind is held here."""


@lru_cache(maxsize=1)
def _box() -> SecretBox:
    return SecretBox(read_or_make(settings.WAYLOG_SECRETS / "keys.key"))


def hold(signing_key: SigningKey, *, party: UUID, role: str) -> str:
    """Keep `signing_key` sealed for `party`; return its key id."""
    key_id = keys.key_id(bytes(signing_key.verify_key))
    sealed = bytes(_box().encrypt(bytes(signing_key)))
    SealedKey.objects.create(key_id=key_id, party=party, role=role, sealed=sealed)
    return key_id


def make(*, party: UUID, role: str) -> SigningKey:
    """Make a new key, hold it for `party`, and return it so that its registration can be signed."""
    signing_key = SigningKey.generate()
    hold(signing_key, party=party, role=role)
    return signing_key


@lru_cache(maxsize=1024)
def signing_key(key_id: str) -> SigningKey:
    """The secret key with this id; KeyNotHeld when it is not held here."""
    sealed = SealedKey.objects.filter(key_id=key_id).values_list("sealed", flat=True).first()
    if sealed is None:
        raise KeyNotHeld(f"no secret key {key_id} is held here")
    return SigningKey(_box().decrypt(bytes(sealed)))


def held_key_ids(*, party: UUID, roles: Iterable[str]) -> list[str]:
    """The ids of the keys held for `party` in one of `roles` that nobody has revoked, newest first."""
    revoked = KeyRevocation.objects.values("key_id")
    held = SealedKey.objects.filter(party=party, role__in=list(roles)).exclude(key_id__in=revoked)
    return list(held.order_by("-created_at", "key_id").values_list("key_id", flat=True))


def signer_for(*, party: UUID, roles: Iterable[str] = ("managed", "admin")) -> SigningKey:
    """The newest key held for `party` in the first of `roles` that has one; KeyNotHeld when there is none."""
    for role in roles:
        if found := held_key_ids(party=party, roles=(role,)):
            return signing_key(found[0])
    raise KeyNotHeld(f"no key of party {party} is held here")


def signer_in_role(role: str) -> SigningKey:
    """The newest key held in `role`, whoever's it is: for the roles of the system itself (log, root, forecaster)."""
    revoked = KeyRevocation.objects.values("key_id")
    newest = SealedKey.objects.filter(role=role).exclude(key_id__in=revoked).order_by("-created_at").first()
    if newest is None:
        raise KeyNotHeld(f"no {role} key is held here")
    return signing_key(newest.key_id)


def seal(secret: bytes) -> bytes:
    """Encrypt a secret that is no key of the log's, for a table of another room."""
    return bytes(_box().encrypt(secret))


def unseal(sealed: bytes) -> bytes:
    """The secret in what `seal` made; nacl.exceptions.CryptoError when it was made elsewhere."""
    return _box().decrypt(sealed)


def forget_cached() -> None:
    """Drop what this process remembers; tests that make one world after another call this."""
    signing_key.cache_clear()
    _box.cache_clear()
