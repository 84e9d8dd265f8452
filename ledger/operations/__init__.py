"""The only code that writes the log."""

from ledger.operations.append import MAX_BODY, LogMissing, append_many, key_records
from ledger.operations.create import KeysOnly, LogExists, create_log
from ledger.operations.statements import register_submission, registration_submission, submission
from ledger.operations.write import keep_checkpoint, keep_cosignatures

__all__ = [
    "MAX_BODY",
    "KeysOnly",
    "LogExists",
    "LogMissing",
    "append_many",
    "create_log",
    "keep_checkpoint",
    "keep_cosignatures",
    "key_records",
    "register_submission",
    "registration_submission",
    "submission",
]
