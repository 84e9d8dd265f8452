"""The OpenAPI document: which answers an address gives, and the shapes they share (those lie in `shapes`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from oauth2_provider.settings import oauth2_settings

from supplychain.api import shapes

JSON = "application/json"
PROBLEM = "application/problem+json"
_SENTENCES = {
    400: "Malformed: the faults are listed, each with its place.",
    401: "No token, or one that is unknown, expired or revoked.",
    403: "The token lacks the scope, or the key is another party's.",
    404: "Absent, or somebody else's: the same answer.",
    409: "It does not follow from what is in the log: custody, a stale link, an id in use.",
    411: "A body without Content-Length.",
    413: "Over a limit of bytes or items.",
    415: "Another media type than application/json, or another coding than gzip.",
    422: "The item can never be appended as it is.",
    429: "More than may be asked for now.",
    503: "The log or its database is not there; send the request again.",
}


def ref(name: str) -> dict[str, str]:
    """Point at a shared shape."""
    return {"$ref": f"#/components/schemas/{name}"}


def answers(
    good: Mapping[int, str | dict[str, Any]], *, problems: Iterable[int] = (400, 401, 403)
) -> dict[Any, OpenApiResponse]:
    """The answers of one operation: `good` by status, and the problems that it may have."""
    found: dict[Any, OpenApiResponse] = {}
    for status, shape in good.items():
        body = ref(shape) if isinstance(shape, str) else shape
        description = shapes.SHAPES[shape].get("description", "") if isinstance(shape, str) else ""
        found[status, JSON] = OpenApiResponse(body, description=description or "As asked.")
    for status in problems:
        found[status, PROBLEM] = OpenApiResponse(ref("Problem"), description=_SENTENCES[status])
    return found


def parameter(name: str, description: str, **shape: Any) -> OpenApiParameter:
    """A parameter of the address."""
    return OpenApiParameter(name, {"type": "string", **shape}, OpenApiParameter.QUERY, description=description)


def in_path(name: str, description: str, **shape: Any) -> OpenApiParameter:
    """A part of the address."""
    return OpenApiParameter(name, {"type": "string", **shape}, OpenApiParameter.PATH, description=description)


EMPTY = OpenApiResponse(description="Done.")
NOT_MODIFIED = OpenApiResponse(description="Nothing has changed since.")
SOME_TEXT: dict[str, Any] = {"minLength": 1, "maxLength": 500}
CURSOR = parameter(
    "cursor",
    "Where the page before ended; taken from its `next`.",
    pattern=r"^(0|[1-9][0-9]{0,17})(\.[0-9a-f]{32})?$",
)
LIMIT = parameter("limit", "How many to a page.", type="integer", minimum=1, maximum=1000, default=100)


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How a client authenticates, and which scope each operation asks for."""

    target_class = "supplychain.api.authentication.TokenAuthentication"
    name = "oauth2"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """OAuth 2 client credentials, with the scopes there are."""
        declared: dict[str, str] = oauth2_settings.SCOPES
        scopes = {name: text for name, text in declared.items() if not name.startswith("epcis:")}
        return {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/oauth/token/", "scopes": scopes}}}

    def get_security_requirement(self, auto_schema: Any) -> Any:
        """The scope, or one requirement for each of several that will do."""
        scopes = getattr(auto_schema.view, "scopes", {}).get(auto_schema.method, ())
        return [{self.name: [scope]} for scope in scopes] or {self.name: []}


def complete(result: dict[str, Any], **_more: Any) -> dict[str, Any]:
    """Add the shared shapes, and say that a body is needed (a hook of drf-spectacular)."""
    components = result.setdefault("components", {})
    components["schemas"] = {**components.get("schemas", {}), **shapes.SHAPES}
    for path in result["paths"].values():
        for operation in path.values():
            if "requestBody" in operation:
                operation["requestBody"]["required"] = not _may_be_absent(operation["requestBody"])
    return result


def _may_be_absent(body: Mapping[str, Any]) -> bool:
    """Whether nothing in it must be said, so that no body at all is as good as an empty object."""
    named = str(body["content"].get(JSON, {}).get("schema", {}).get("$ref", "")).rpartition("/")[2]
    return shapes.SHAPES.get(named, {}).get("required") == []
