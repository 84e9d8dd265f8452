"""JSON read piece by piece from a file: one value in memory at a time, each as it is written."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from waylog.errors import WaylogError

PIECE = 256 * 1024
LONGEST = 8 * 1024 * 1024
"""No single event, header or context is longer; what seems to be is broken."""
_SPACE = re.compile(r"[ \t\n\r]*")
_REST_OF_NUMBER = re.compile(r"[0-9.eE+-]*")
_DECODER = json.JSONDecoder()


class Reader:
    """A file read from its beginning. Raises WaylogError that names the line and column of what is no JSON."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at, self._fed = "", 0, 0
        self._line, self._column = 1, 1  # where the text that is held begins
        self._is_whole = False

    def peek(self) -> str:
        """The next character that is no space; nothing at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            assert found is not None
            self._at = found.end()
            if self._at < len(self._text) or not self._more(PIECE):
                return self._text[self._at : self._at + 1]

    def value(self) -> str:
        """The next value, whatever it is, as it is written."""
        self.peek()
        while True:
            try:
                _, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as fault:
                if not self._more(len(self._text)):
                    raise self.fault(fault.msg, fault.pos) from None
                continue
            except RecursionError:
                raise WaylogError("The file is nested too deeply.") from None
            if not _REST_OF_NUMBER.fullmatch(self._text, end) or not self._more(PIECE):  # a number may go on
                found, self._at = self._text[self._at : end], end
                return found

    def members(self) -> Iterator[str]:
        """The names of the object that begins here; read or pass each one's value before asking for the next."""
        if self.peek() != "{":
            raise self.fault("an object is wanted")
        self._at += 1
        while self.peek() != "}":
            name = json.loads(self.value())
            if not isinstance(name, str) or self.peek() != ":":
                raise self.fault("a name and a colon are wanted")
            self._at += 1
            yield name
            self._comma("}")
        self._at += 1

    def elements(self) -> Iterator[None]:
        """The elements of the array that begins here; read each one before asking for the next."""
        if self.peek() != "[":
            raise self.fault("a list is wanted")
        self._at += 1
        while self.peek() != "]":
            yield
            self._comma("]")
        self._at += 1

    def end(self) -> None:
        """Check that nothing follows."""
        if self.peek():
            raise self.fault("something follows")

    def place(self) -> tuple[int, int]:
        """The line and column of what comes next."""
        return self._place(self._at)

    def fault(self, message: str, at: int | None = None) -> WaylogError:
        """Say what is wrong, and where."""
        line, column = self._place(self._at if at is None else at)
        return WaylogError(f"Line {line}, column {column}: {message}.")

    def _comma(self, closing: str) -> None:
        found = self.peek()
        if found == ",":
            self._at += 1
        elif found != closing:
            raise self.fault(f"a comma or {closing} is wanted")

    def _place(self, at: int) -> tuple[int, int]:
        lines = self._text.count("\n", 0, at)
        column = at - self._text.rfind("\n", 0, at) if lines else self._column + at
        return self._line + lines, column

    def _more(self, size: int) -> bool:
        """Let go of what was read and take in the next piece; False at the end of the file."""
        if self._is_whole:
            return False
        if len(self._text) - self._at > LONGEST:
            raise self.fault(f"what begins here is broken, or longer than {LONGEST:,} characters")
        pending = len(self._decoder.getstate()[0])
        piece = self._file.read(max(size, PIECE))
        try:
            more = self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as fault:
            raise WaylogError(f"Byte {self._fed - pending + fault.start:,} is not UTF-8.") from None
        self._is_whole = not piece
        if piece:
            self._line, self._column = self._place(self._at)
            self._text, self._at, self._fed = self._text[self._at :] + more, 0, self._fed + len(piece)
        return bool(piece)
