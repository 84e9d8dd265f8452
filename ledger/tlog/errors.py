"""What the heart of the ledger refuses, one small class per refusal."""


class TlogError(Exception):
    """Something that came from outside is not what it must be; the message is a sentence a user may read."""


class Malformed(TlogError):
    """A text or a value is not written as its format demands; names the place where it can."""

    def __init__(self, message: str, *, pointer: str = "", line: int | None = None, column: int | None = None) -> None:
        """Keep the JSON pointer (RFC 6901, "" is the whole document), line and column, and say them in the message."""
        places = []
        if pointer:
            places.append(f"at {pointer}")
        if line is not None and column is not None:
            places.append(f"line {line}, column {column}")
        super().__init__(f"{message} ({', '.join(places)})" if places else message)
        self.reason = message
        self.pointer = pointer
        self.line = line
        self.column = column


class SignatureInvalid(TlogError):
    """A signature does not hold over these bytes for this key."""


class ProofInvalid(TlogError):
    """An inclusion or consistency proof does not lead to the root."""


class KeyRefused(TlogError):
    """A public key is not one that may be registered."""


class PolicyUnmet(TlogError):
    """Those who had to sign a checkpoint did not."""


class EntryRefused(TlogError):
    """An entry cannot stand in the log where it stands: its signer was not one who may sign it there."""
