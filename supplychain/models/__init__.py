"""The product's tables. Those in `events` and `shipments` are projections: `manage.py rebuild` makes them again."""

from supplychain.models.approvals import Approval, KeyReminder
from supplychain.models.captures import CapturedDocument, CaptureJob, CompanyPrefix, DocumentPart, MasterData
from supplychain.models.clients import ApiClient
from supplychain.models.events import (
    Event,
    EventObject,
    EventReader,
    EventScope,
    EventWord,
    LateEvent,
    SensorReading,
    in_scope,
)
from supplychain.models.namedqueries import DeletedPageToken, NamedQuery
from supplychain.models.parties import KeyRequest, Party, PartyIdentifier, Product, Site
from supplychain.models.people import Membership, Role, User
from supplychain.models.requests import KeptAnswer
from supplychain.models.shipments import Shipment, ShipmentLine
from supplychain.models.subscriptions import Delivery, Subscription, WebhookKey

__all__ = [
    "ApiClient",
    "Approval",
    "CaptureJob",
    "CapturedDocument",
    "CompanyPrefix",
    "DeletedPageToken",
    "Delivery",
    "DocumentPart",
    "Event",
    "EventObject",
    "EventReader",
    "EventScope",
    "EventWord",
    "KeptAnswer",
    "KeyReminder",
    "KeyRequest",
    "LateEvent",
    "MasterData",
    "Membership",
    "NamedQuery",
    "Party",
    "PartyIdentifier",
    "Product",
    "Role",
    "SensorReading",
    "Shipment",
    "ShipmentLine",
    "Site",
    "Subscription",
    "User",
    "WebhookKey",
    "in_scope",
]
