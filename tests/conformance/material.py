"""The events that the checks are made with: their identifiers are new in every run."""

from __future__ import annotations

import secrets
import zlib
from typing import Any

CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"ex": "https://ns.example.org/epcis/"}]
PREFIX = "9521321"
Event = dict[str, Any]


class Run:
    """The identifiers of one run, and its events by short names."""

    def __init__(self, number: int | None = None) -> None:
        self.number = secrets.randbelow(10**10) if number is None else number
        self.read_point = f"urn:epc:id:sgln:{PREFIX}.00001.{self.number}"
        self.biz_location = f"urn:epc:id:sgln:{PREFIX}.00002.{self.number}"
        self.first, self.second, self.made = (self.item(n) for n in (1, 2, 3))
        self.lot = f"urn:epc:class:lgtin:{PREFIX}.012345.L{self.number}"
        self.unit = f"urn:epc:id:sscc:{PREFIX}.{self.number:010d}"
        self.asset = f"urn:epc:id:grai:{PREFIX}.12345.{self.number}"
        self.order = f"urn:epcglobal:cbv:bt:{PREFIX}000008:PO{self.number}"
        self.invoice = f"urn:epcglobal:cbv:bt:{PREFIX}000008:INV{self.number}"
        self.giver, self.taker = (f"urn:epc:id:pgln:{PREFIX}.0000{n}" for n in (1, 2))
        self.recipe = f"urn:epc:id:gdti:{PREFIX}.12345.T{self.number}"
        self.device = f"urn:epc:id:giai:{PREFIX}.4000{self.number}"
        self.events = self._events()

    def item(self, number: int) -> str:
        """A single thing."""
        return f"urn:epc:id:sgtin:{PREFIX}.01234{number}.{self.number}"

    def id_of(self, name: str) -> str:
        """The event id of one of the run's events."""
        return f"https://ns.example.org/events/{self.number}/{name}"

    def observation(self, name: str, **more: Any) -> Event:
        """One more event of the run, at a time of its own; no query of the checks finds it, at its read point."""
        event = self._event("ObjectEvent", name, 20, "cycle_counting", action="OBSERVE", epcList=[self.first])
        second = zlib.crc32(name.encode()) % 3600
        event["eventTime"] = f"2026-01-01T20:{second // 60:02d}:{second % 60:02d}.000Z"
        event |= {"readPoint": {"id": f"urn:epc:id:sgln:{PREFIX}.00003.{self.number}"}} | more
        return {key: value for key, value in event.items() if value is not None}

    def document(self, *events: Event, **more: Any) -> dict[str, Any]:
        """An EPCISDocument."""
        return {
            "@context": CONTEXT,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-01-02T00:00:00.000Z",
            "epcisBody": {"eventList": list(events)},
        } | more

    def _event(self, type: str, name: str, hour: int, step: str, **members: Any) -> Event:
        return {
            "type": type,
            "eventID": self.id_of(name),
            "eventTime": f"2026-01-01T{hour:02d}:00:00.000Z",
            "eventTimeZoneOffset": "+00:00",
            "bizStep": step,
            "readPoint": {"id": self.read_point},
            "bizLocation": {"id": self.biz_location},
        } | members

    def _events(self) -> dict[str, Event]:
        made = [
            self._event(
                "ObjectEvent",
                "made",
                1,
                "commissioning",
                action="ADD",
                disposition="active",
                epcList=[self.first, self.second],
                bizTransactionList=[{"type": "po", "bizTransaction": self.order}],
                ilmd={"ex:batch": f"B{self.number}", "ex:origin": {"ex:country": "CH"}},
                **{"ex:shift": "early", "ex:line": 7},
            ),
            self._event(
                "ObjectEvent",
                "stored",
                2,
                "storing",
                action="OBSERVE",
                disposition="in_progress",
                quantityList=[{"epcClass": self.lot, "quantity": 10, "uom": "KGM"}],
                sourceList=[{"type": "owning_party", "source": self.giver}],
                destinationList=[{"type": "owning_party", "destination": self.taker}],
                **{"ex:shift": "late", "ex:line": 9, "ex:box": {"ex:colour": "red"}},
            ),
            self._event(
                "ObjectEvent",
                "measured",
                3,
                "inspecting",
                action="OBSERVE",
                epcList=[self.first],
                sensorElementList=[
                    {
                        "sensorMetadata": {"time": "2026-01-01T03:00:00.000Z", "deviceID": self.device},
                        "sensorReport": [{"type": "Temperature", "value": 26.0, "uom": "CEL"}],
                    }
                ],
            ),
            self._event(
                "AggregationEvent",
                "joined",
                4,
                "accepting",
                action="OBSERVE",
                parentID=self.unit,
                childEPCs=[self.first, self.second],
                childQuantityList=[{"epcClass": self.lot, "quantity": 5, "uom": "KGM"}],
            ),
            self._event(
                "TransactionEvent",
                "billed",
                5,
                "entering_exiting",
                action="ADD",
                bizTransactionList=[{"type": "inv", "bizTransaction": self.invoice}],
                epcList=[self.second],
            ),
            self._event(
                "TransformationEvent",
                "turned",
                6,
                "creating_class_instance",
                inputEPCList=[self.first],
                inputQuantityList=[{"epcClass": self.lot, "quantity": 3, "uom": "KGM"}],
                outputEPCList=[self.made],
                transformationID=self.recipe,
            ),
            self._event(
                "AssociationEvent",
                "attached",
                7,
                "assembling",
                action="ADD",
                parentID=self.asset,
                childEPCs=[self.second],
            ),
            self._event(
                "ObjectEvent",
                "checked",
                8,
                "inspecting",
                action="OBSERVE",
                epcList=[self.made],
                persistentDisposition={"set": ["completeness_verified"], "unset": ["completeness_inferred"]},
            ),
        ]
        return {each["eventID"].rpartition("/")[2]: each for each in made}

    def error_declaration(self) -> Event:
        """Event `measured` again, declared wrong."""
        return self.events["measured"] | {
            "errorDeclaration": {
                "declarationTime": "2026-01-01T10:00:00.000Z",
                "reason": "incorrect_data",
                "correctiveEventIDs": [self.id_of("checked")],
            }
        }
