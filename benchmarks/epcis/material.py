"""The events that are sent, as our JSON and as the XML of EPCIS 1.2 that the peer reads."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]


def events(count: int, *, serials_from: int, epcs: int = 1) -> list[dict[str, Any]]:
    """Observations of items that pass a door, so many at a time; no serial number comes twice."""
    now = datetime.now(UTC) - timedelta(days=1)
    made = []
    for number in range(count):
        at = (now + timedelta(milliseconds=137 * number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        first = serials_from + number * epcs
        made.append(
            {
                "type": "ObjectEvent",
                "eventID": f"urn:uuid:{uuid.uuid4()}",
                "eventTime": at,
                "eventTimeZoneOffset": "+00:00",
                "epcList": [f"urn:epc:id:sgtin:9521321.012345.{first + each}" for each in range(epcs)],
                "action": "OBSERVE",
                "bizStep": "departing",
                "disposition": "in_transit",
                "readPoint": {"id": "urn:epc:id:sgln:9521321.00100.0"},
                "bizLocation": {"id": "urn:epc:id:sgln:9521321.00200.0"},
                "bizTransactionList": [
                    {"type": "po", "bizTransaction": f"urn:epcglobal:cbv:bt:9521321001003:{number // 100}"}
                ],
            }
        )
    return made


def json_document(listed: list[dict[str, Any]]) -> bytes:
    """An EPCISDocument of EPCIS 2.0."""
    document = {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-07-22T06:45:00.000+02:00",
        "epcisBody": {"eventList": listed},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def xml_document(listed: list[dict[str, Any]]) -> bytes:
    """The same events as an EPCISDocument of EPCIS 1.2."""
    inner = "".join(_xml_event(event) for event in listed)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:1"'
        ' schemaVersion="1.2" creationDate="2026-07-22T06:45:00.000+02:00"><EPCISBody><EventList>'
        f"{inner}</EventList></EPCISBody></epcis:EPCISDocument>"
    ).encode()


def _xml_event(event: dict[str, Any]) -> str:
    epcs = "".join(f"<epc>{epc}</epc>" for epc in event["epcList"])
    [transaction] = event["bizTransactionList"]
    return (
        f"<ObjectEvent><eventTime>{event['eventTime']}</eventTime>"
        f"<eventTimeZoneOffset>{event['eventTimeZoneOffset']}</eventTimeZoneOffset>"
        f"<baseExtension><eventID>{event['eventID']}</eventID></baseExtension>"
        f"<epcList>{epcs}</epcList><action>{event['action']}</action>"
        f"<bizStep>urn:epcglobal:cbv:bizstep:{event['bizStep']}</bizStep>"
        f"<disposition>urn:epcglobal:cbv:disp:{event['disposition']}</disposition>"
        f"<readPoint><id>{event['readPoint']['id']}</id></readPoint>"
        f"<bizLocation><id>{event['bizLocation']['id']}</id></bizLocation>"
        f'<bizTransactionList><bizTransaction type="urn:epcglobal:cbv:btt:{transaction["type"]}">'
        f"{transaction['bizTransaction']}</bizTransaction></bizTransactionList></ObjectEvent>"
    )
