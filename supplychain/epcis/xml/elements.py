"""Elements as they are read: a name, a namespace, what stands inside."""

from __future__ import annotations

from collections.abc import Iterator

from supplychain.epcis.xml.names import WRAPPERS, XSI


class Element:
    """One element; `uri` and `prefix` are empty where it stands in no namespace."""

    __slots__ = ("attributes", "children", "line", "name", "prefix", "texts", "uri")

    def __init__(self, name: str, uri: str, prefix: str, attributes: dict[str, str], line: int) -> None:
        self.name = name
        self.uri = uri
        self.prefix = prefix
        self.attributes = attributes
        self.children: list[Element] = []
        self.texts: list[str] = []
        self.line = line

    @classmethod
    def of(cls, name: str, attributes: dict[str, str], line: int) -> Element:
        """Make one of what expat says: `uri name prefix`, or `name` alone."""
        uri, local, prefix = split(name)
        return cls(local, uri, prefix, attributes, line)

    @property
    def text(self) -> str:
        """The text inside, without the space around it."""
        return "".join(self.texts).strip()

    def members(self) -> Iterator[Element]:
        """The elements inside, with those inside `extension` as if they stood here."""
        for child in self.children:
            if not child.uri and child.name in WRAPPERS:
                yield from child.members()
            else:
                yield child

    def named(self, name: str) -> Iterator[Element]:
        """The elements inside that have this name."""
        return (child for child in self.members() if child.name == name)

    def own_attributes(self) -> Iterator[tuple[str, str, str, str]]:
        """Name, namespace, prefix and value of each attribute that says something about EPCIS."""
        for name, value in self.attributes.items():
            uri, local, prefix = split(name)
            if uri != XSI:
                yield local, uri, prefix, value.strip()


def split(name: str) -> tuple[str, str, str]:
    """Namespace, local name and prefix of a name as expat gives it."""
    parts = name.split(" ")
    if len(parts) == 1:
        return "", parts[0], ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""
