"""The writes of the product: one verb each, all of them through the log."""

from supplychain.operations.capture import BodyInvalid, CaptureItem, capture
from supplychain.operations.parties import (
    KeyRequestRefused,
    NoAdminKey,
    append_key_statement,
    approve_key,
    attest,
    refuse_key,
    register_party,
    request_key,
    revoke_key,
    set_up,
)
from supplychain.operations.signing import EventSigner, Signed, capture_one, held_key, sign_event

__all__ = [
    "BodyInvalid",
    "CaptureItem",
    "EventSigner",
    "KeyRequestRefused",
    "NoAdminKey",
    "Signed",
    "append_key_statement",
    "approve_key",
    "attest",
    "capture",
    "capture_one",
    "held_key",
    "refuse_key",
    "register_party",
    "request_key",
    "revoke_key",
    "set_up",
    "sign_event",
]
