"""The writes of the product: one verb each, all of them through the log."""

from supplychain.operations.approvals import ApprovalRefused, approve_revocation, ask_revocation
from supplychain.operations.capture import BodyInvalid, CaptureItem, capture
from supplychain.operations.erasure import ErasureRefused, approve_erasure, ask_erasure, refuse_erasure
from supplychain.operations.parties import (
    KeyRequestRefused,
    NoAdminKey,
    append_key_statement,
    approve_key,
    attest,
    refuse_key,
    register_party,
    renew_key,
    request_key,
    revoke_key,
    rotate_managed_key,
    set_up,
)
from supplychain.operations.signing import EventSigner, Signed, capture_one, held_key, sign_event

__all__ = [
    "ApprovalRefused",
    "BodyInvalid",
    "CaptureItem",
    "ErasureRefused",
    "EventSigner",
    "KeyRequestRefused",
    "NoAdminKey",
    "Signed",
    "append_key_statement",
    "approve_erasure",
    "approve_key",
    "approve_revocation",
    "ask_erasure",
    "ask_revocation",
    "attest",
    "capture",
    "capture_one",
    "held_key",
    "refuse_erasure",
    "refuse_key",
    "register_party",
    "renew_key",
    "request_key",
    "revoke_key",
    "rotate_managed_key",
    "set_up",
    "sign_event",
]
