"""/api/v1/proofs/{index}: the proof of one entry, as a tlog-proof file or as JSON."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from ledger import queries as log
from ledger.tlog import proof
from ledger.tlog.text import encode_base64
from supplychain.api import params, schema
from supplychain.api.base import EVENTS_READ, SHIPMENTS_READ, Endpoint
from supplychain.api.errors import not_found
from supplychain.queries import feeds


class TextRenderer(BaseRenderer):
    """Text as it is."""

    media_type = "text/plain"
    format = "txt"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> Any:
        """Return the text's bytes."""
        return str(data).encode()


class Proof(Endpoint):
    """The proof of one entry."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": EVENTS_READ + SHIPMENTS_READ}
    renderer_classes = (TextRenderer, JSONRenderer)

    @extend_schema(
        operation_id="read_proof",
        summary="The proof of one entry, under the newest checkpoint",
        description=(
            "text/plain is a C2SP tlog-proof file with the entry in its `extra` line:"
            " `python -m ledger.tlog verify FILE --vkey VKEY` checks it without a server. application/json says the"
            " same in members."
        ),
        tags=["log"],
        parameters=[schema.in_path("index", "The entry's index.", type="integer", minimum=0)],
        responses={
            (200, "text/plain"): OpenApiResponse({"type": "string"}, description="A tlog-proof file."),
            **schema.answers({200: "Proof"}, problems=(401, 403, 404)),
        },
    )
    def get(self, request: Request, index: int) -> Response:
        """Answer the proof of an event that the party may read, or of an entry that it signed."""
        if index > params.MAX_INDEX or not feeds.may_prove(index, party=self.grant.party):
            raise not_found()
        text = log.tlog_proof(index)
        renderer = request.accepted_renderer
        if isinstance(renderer, TextRenderer):
            return Response(text)
        read = proof.parse_proof(text)
        path = [encode_base64(each) for each in read.inclusion.path]
        return Response(
            {
                "index": index,
                "leaf": encode_base64(read.extra or b""),
                "inclusion": {"tree_size": read.inclusion.tree_size, "path": path},
                "checkpoint": read.checkpoint,
            }
        )
