"""Files that hold one random secret each: made once, readable by their owner alone."""

import os
import secrets
from pathlib import Path


def read_or_make(path: Path, *, length: int = 32) -> bytes:
    """Return the secret kept in `path`; make it (0600, in a 0700 folder) when it is not there yet.

    Two processes that start at once agree: the file appears whole, by a link that only one of them can make.
    """
    try:
        return bytes.fromhex(path.read_text().strip())
    except FileNotFoundError:
        pass
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(length) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return bytes.fromhex(path.read_text().strip())
