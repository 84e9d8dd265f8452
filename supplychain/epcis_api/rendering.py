"""Answers that hold events: what stands beside the signed bodies laid over, identifiers and form as asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from django.http import HttpRequest, HttpResponse

from supplychain.epcis import answers, xml
from supplychain.epcis.answers import Answered
from supplychain.epcis.translation import Translation
from supplychain.epcis_api import headers
from supplychain.epcis_api.base import XML
from supplychain.queries import prefixes

UNTRANSLATED = "GS1-EPC-Format-Untranslated"
"""Ours: how many identifiers stayed as they were, for want of a registered company prefix."""


def query_document(
    request: HttpRequest,
    events: Iterable[Answered],
    *,
    form: str,
    now: datetime,
    query_name: str = "SimpleEventQuery",
    subscription_id: str | None = None,
) -> HttpResponse:
    """Answer with an EPCISQueryDocument as JSON or XML (`form`: what the endpoint negotiated).

    Raises EpcisProblem (400) for a GS1-EPC-Format or GS1-CBV-XML-Format that is none.
    """
    translation = translation_for(request)
    cbv = headers.cbv_xml_format(request)
    document = answers.query_document(
        events, created_at=now, query_name=query_name, subscription_id=subscription_id, translation=translation
    )
    text = xml.write_document(document, cbv=cbv) if form == XML else json.dumps(document, ensure_ascii=False)
    return finished(HttpResponse(text, content_type=form), translation, cbv=cbv)


def translation_for(request: HttpRequest) -> Translation:
    """How the request wants identifiers written. Raises EpcisProblem (400)."""
    return Translation(headers.epc_format(request), prefixes.prefix_length())


def finished(answer: HttpResponse, translation: Translation, *, cbv: str = "") -> HttpResponse:
    """Say in the headers how identifiers were written, and that some could not be."""
    answer[headers.EPC_FORMAT] = translation.form
    if cbv:
        answer[headers.CBV_XML_FORMAT] = cbv
    if translation.left:
        answer[UNTRANSLATED] = str(translation.left)
    return answer
