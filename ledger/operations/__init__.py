"""The only code that writes the log."""

from ledger.operations.append import MAX_BODY, append_many, keep_note
from ledger.operations.create import KeysOnly, LogExists, create_log
from ledger.operations.keylife import LogKeyNotChanged, begin_log_key, expire_keys, finish_log_key
from ledger.operations.opening import LogMissing, key_records
from ledger.operations.statements import register_submission, registration_submission, submission
from ledger.operations.write import keep_checkpoint, keep_cosignatures

__all__ = [
    "MAX_BODY",
    "KeysOnly",
    "LogExists",
    "LogKeyNotChanged",
    "LogMissing",
    "append_many",
    "begin_log_key",
    "create_log",
    "expire_keys",
    "finish_log_key",
    "keep_checkpoint",
    "keep_cosignatures",
    "keep_note",
    "key_records",
    "register_submission",
    "registration_submission",
    "submission",
]
