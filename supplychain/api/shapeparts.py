"""What shapes of requests and answers are made of: JSON Schema."""

from __future__ import annotations

from typing import Any

Shape = dict[str, Any]

TEXT: Shape = {"type": "string"}
TIME: Shape = {"type": "string", "format": "date-time"}
UUID: Shape = {"type": "string", "format": "uuid"}
YES_OR_NO: Shape = {"type": "boolean"}
NUMBER: Shape = {"type": "number"}
ANYTHING: Shape = {"type": "object", "additionalProperties": True}
COUNT: Shape = {"type": "integer", "minimum": 0}
HASH: Shape = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
BASE64: Shape = {"type": "string", "contentEncoding": "base64"}
KEY_ID: Shape = {"type": "string", "description": "RFC 7638 thumbprint.", "pattern": "^[A-Za-z0-9_-]{43}$"}


def maybe(shape: Shape) -> Shape:
    """The shape, or null."""
    return {**shape, "type": [shape["type"], "null"]}


def listed(shape: Shape, **more: Any) -> Shape:
    """A list of it."""
    return {"type": "array", "items": shape, **more}


def ref(name: str) -> Shape:
    """Point at a shared shape."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(description: str, members: dict[str, Shape], *, optional: tuple[str, ...] = (), **more: Any) -> Shape:
    """An object with these members, all present but the optional ones."""
    return {
        "type": "object",
        "description": description,
        "properties": members,
        "required": [name for name in members if name not in optional],
        **more,
    }


def page(description: str, name: str) -> Shape:
    """A page of a list."""
    members = {"items": listed(ref(name)), "next": {"type": ["string", "null"], "format": "uri"}}
    return record(description, members)
