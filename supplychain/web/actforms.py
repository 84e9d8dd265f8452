"""The forms of the acts. Each becomes one EPCIS event, written by the builders of `supplychain.epcis`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.db.models import QuerySet

from supplychain.epcis import builders
from supplychain.epcis.errors import IdentifierInvalid
from supplychain.epcis.events import Quantity
from supplychain.epcis.identifiers import sscc_uri
from supplychain.models import Membership, Party, Product, Shipment, ShipmentLine, Site
from supplychain.sandbox.samples import PARTNER_URI, SANDBOX_URI
from supplychain.web.actvalues import OFFSET, at_offset, class_of, is_instance, order_uri, plain, quantities, sentence

JsonObject = dict[str, Any]
LINES = 6
TRIP = ("trip:driver", "trip:vehicle")
"""Members of a dispatch that are the party's own, so that they can be signed apart."""


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, when, in which log: what a form needs to become an event."""

    membership: Membership
    origin: str
    now: datetime

    @property
    def party(self) -> Party:
        return self.membership.party


class ActForm(forms.Form):
    """What all acts state: where and when, and a note."""

    place = forms.ModelChoiceField(Site.objects.none(), label="Place", required=False, empty_label="not stated")
    happened = forms.DateTimeField(
        label="When",
        required=False,
        help_text="Empty: now.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )
    offset = forms.CharField(
        label="UTC offset", initial="+00:00", help_text="Of the place, such as +01:00.", max_length=6
    )
    note = forms.CharField(label="Note", required=False, max_length=500)

    def __init__(self, *args: Any, acting: Acting, shipment: Shipment | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.acting, self.shipment = acting, shipment
        self.fields["offset"].widget.attrs["data-offset"] = ""
        sites = Site.objects.filter(party=acting.party)
        self.fields["place"].queryset = sites  # type: ignore[attr-defined]
        self.fields["place"].initial = self._here(list(sites))

    def _here(self, sites: list[Site]) -> Site | None:
        """Where it most likely happens: where the shipment goes to, if that is ours, or our only site."""
        goal = self.shipment.to_location if self.shipment else ""
        return next((site for site in sites if site.uri == goal), sites[0] if len(sites) == 1 else None)

    def clean_offset(self) -> str:
        offset = str(self.cleaned_data["offset"]).strip().replace("−", "-")
        if offset in ("Z", "UTC", "+0", "0"):
            offset = "+00:00"
        if not OFFSET.fullmatch(offset):
            raise forms.ValidationError("An offset is written as +01:00 or -05:30.")
        return offset

    def moment(self) -> datetime:
        """When it happened, on the clock of the place."""
        return at_offset(self.cleaned_data.get("happened"), self.cleaned_data["offset"], self.acting.now)

    def common(self) -> JsonObject:
        """What the builders take for every event."""
        place = self.cleaned_data.get("place")
        return {
            "event_id": f"urn:uuid:{uuid4()}",
            "event_time": self.moment(),
            "read_point": place.uri if place else None,
            "note": self.cleaned_data.get("note") or None,
        }

    def event(self) -> JsonObject:
        """The event that the cleaned form states."""
        raise NotImplementedError

    def hide(self) -> tuple[str, ...]:
        """The members of the event that are signed apart."""
        return ()


class PackForm(ActForm):
    """A new shipment: a logistic unit and what is packed into it. Lines are fields `product_0`, `lot_0`, ..."""

    sscc = forms.CharField(
        label="SSCC of the unit",
        required=False,
        max_length=40,
        help_text="18 digits. Without one the unit gets a private identifier under this log.",
    )
    order = forms.CharField(label="Order", required=False, max_length=60, help_text="Your purchase order's number.")
    field_order = ("sscc", "order", "place", "happened", "offset", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        products = Product.objects.order_by("name")
        for number in range(LINES):
            self.fields[f"product_{number}"] = forms.ModelChoiceField(
                products, label=f"Product {number + 1}", required=False, empty_label="—"
            )
            self.fields[f"lot_{number}"] = forms.CharField(label=f"Lot {number + 1}", required=False, max_length=20)
            self.fields[f"quantity_{number}"] = forms.DecimalField(
                label=f"Quantity {number + 1}", required=False, min_value=Decimal(0), max_digits=15, decimal_places=3
            )

    def has_products(self) -> bool:
        """Whether there is anything to choose from."""
        return Product.objects.exists()

    def plain_fields(self) -> list[forms.BoundField]:
        """All fields but those of the lines."""
        return [self[name] for name in self.fields if not re.search(r"_\d+$", name)]

    def line_fields(self) -> list[tuple[forms.BoundField, forms.BoundField, forms.BoundField]]:
        """The fields of the lines, three a line."""
        return [(self[f"product_{n}"], self[f"lot_{n}"], self[f"quantity_{n}"]) for n in range(LINES)]

    def clean_sscc(self) -> str:
        digits = re.sub(r"[\s()]", "", self.cleaned_data["sscc"])
        digits = digits[2:] if len(digits) == 20 and digits.startswith("00") else digits
        if not digits:
            return f"https://{self.acting.origin}/unit/{uuid4().hex}"
        try:
            return sscc_uri(digits)
        except IdentifierInvalid as invalid:
            raise forms.ValidationError(sentence(invalid)) from None

    def clean(self) -> JsonObject:
        cleaned = super().clean() or {}
        self.contents = [line for number in range(LINES) if (line := self._line(number))]
        if not self.contents and not self.errors:
            raise forms.ValidationError("State at least one product with its quantity.")
        return cleaned

    def _line(self, number: int) -> Quantity | None:
        product = self.cleaned_data.get(f"product_{number}")
        amount = self.cleaned_data.get(f"quantity_{number}")
        lot = (self.cleaned_data.get(f"lot_{number}") or "").strip()
        if product is None and amount is None and not lot:
            return None
        if product is None:
            self.add_error(f"product_{number}", "Choose the product of this line.")
            return None
        if not amount:
            self.add_error(f"quantity_{number}", "How much of it?")
            return None
        try:
            return Quantity(epc_class=class_of(product.uri, lot), quantity=float(amount), uom=product.uom or None)
        except IdentifierInvalid as invalid:
            self.add_error(f"lot_{number}", sentence(invalid))
            return None

    def event(self) -> JsonObject:
        order = self.cleaned_data["order"].strip()
        transactions = (
            [("po", order_uri(order, party=self.acting.party.uri, origin=self.acting.origin))] if order else []
        )
        return builders.pack_event(
            unit=self.cleaned_data["sscc"], contents=self.contents, biz_transactions=transactions, **self.common()
        )


class DispatchForm(ActForm):
    """Hand a unit over: to whom, for whom, where it goes and until when."""

    taker = forms.ModelChoiceField(Party.objects.none(), label="Handed to", empty_label="choose")
    consignee = forms.ModelChoiceField(
        Party.objects.none(), label="For, in the end", required=False, empty_label="the same"
    )
    destination = forms.ModelChoiceField(Site.objects.none(), label="Goes to", required=False, empty_label="not stated")
    promised = forms.DateTimeField(
        label="Promised for",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )
    seal = forms.ChoiceField(
        label="Seal", choices=[("intact", "sealed"), ("none", "no seal")], widget=forms.RadioSelect, initial="none"
    )
    limit = forms.FloatField(
        label="Not warmer than (°C)", required=False, min_value=-80, max_value=80, help_text="Empty: no limit agreed."
    )
    driver = forms.CharField(label="Driver", required=False, max_length=120)
    vehicle = forms.CharField(label="Vehicle", required=False, max_length=60, help_text="Such as its plate.")
    apart = forms.MultipleChoiceField(
        label="Signed apart",
        choices=list(zip(TRIP, ("Driver", "Vehicle"), strict=True)),
        widget=forms.CheckboxSelectMultiple,
        initial=TRIP,
        required=False,
        help_text="A bundle shows these only where whoever makes it chooses so; the signature holds either way.",
    )
    field_order = (
        "taker",
        "consignee",
        "destination",
        "promised",
        "seal",
        "limit",
        "driver",
        "vehicle",
        "apart",
        "place",
        "happened",
        "offset",
        "note",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = self._others()
        self.fields["taker"].queryset = others  # type: ignore[attr-defined]
        self.fields["consignee"].queryset = others  # type: ignore[attr-defined]
        self.fields["destination"].queryset = Site.objects.exclude(party=self.acting.party)  # type: ignore[attr-defined]

    def has_takers(self) -> bool:
        """Whether there is anybody to hand goods to."""
        return self._others().exists()

    def _others(self) -> QuerySet[Party]:
        """Whom goods may be handed to: the sandbox's parties trade with each other alone."""
        others, tests = Party.objects.exclude(pk=self.acting.party.pk), (SANDBOX_URI, PARTNER_URI)
        is_test = self.acting.party.uri in tests
        return others.filter(uri__in=tests) if is_test else others.exclude(uri__in=tests)

    def event(self) -> JsonObject:
        cleaned, shipment = self.cleaned_data, self.shipment
        assert shipment is not None
        promised = cleaned["promised"]
        event = builders.dispatch_event(
            units=[shipment.unit],
            giver=self.acting.party.uri,
            taker=cleaned["taker"].uri,
            final_party=(cleaned["consignee"] or cleaned["taker"]).uri,
            final_location=cleaned["destination"].uri if cleaned["destination"] else None,
            promised_time=at_offset(promised, cleaned["offset"], self.acting.now) if promised else None,
            seal=cleaned["seal"],
            max_temperature=cleaned["limit"],
            **self.common(),
        )
        trip = {name: text for name in TRIP if (text := cleaned[name.partition(":")[2]].strip())}
        return {**event, "@context": {"trip": f"https://{self.acting.origin}/trip/"}, **trip} if trip else event

    def hide(self) -> tuple[str, ...]:
        return tuple(self.cleaned_data["apart"])


class AcceptForm(ActForm):
    """Take a unit over: what was counted and what of it is damaged, line by line, and how the seal was."""

    seal = forms.ChoiceField(
        label="Seal",
        choices=[("intact", "intact"), ("broken", "broken"), ("none", "no seal")],
        widget=forms.RadioSelect,
    )
    field_order = ("seal", "place", "happened", "offset", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.shipment is not None
        self.lines = list(self.shipment.lines.all())
        self.fields["seal"].initial = "intact" if self.shipment.seal == "intact" else "none"
        for line in self.lines:
            self.fields[f"counted_{line.position}"] = forms.DecimalField(
                label="Counted",
                initial=plain(line.quantity),
                min_value=Decimal(0),
                max_digits=15,
                decimal_places=3,
            )
            self.fields[f"damaged_{line.position}"] = forms.DecimalField(
                label="Damaged", required=False, min_value=Decimal(0), max_digits=15, decimal_places=3
            )

    def plain_fields(self) -> list[forms.BoundField]:
        """All fields but those of the lines."""
        return [self[name] for name in self.fields if not re.search(r"_\d+$", name)]

    def line_fields(self) -> list[tuple[ShipmentLine, forms.BoundField, forms.BoundField]]:
        """Each line with its two fields."""
        return [(line, self[f"counted_{line.position}"], self[f"damaged_{line.position}"]) for line in self.lines]

    def clean(self) -> JsonObject:
        cleaned = super().clean() or {}
        for line in self.lines:
            counted, damaged = cleaned.get(f"counted_{line.position}"), cleaned.get(f"damaged_{line.position}")
            if counted is not None and damaged and damaged > counted:
                self.add_error(f"damaged_{line.position}", "Damaged goods are part of what was counted.")
        return cleaned

    def event(self) -> JsonObject:
        assert self.shipment is not None
        cleaned = self.cleaned_data
        counts = [(line, cleaned[f"counted_{line.position}"]) for line in self.lines]
        there = [line.epc for line, counted in counts if is_instance(line.epc) and counted]
        return builders.accept_event(
            units=[self.shipment.unit, *there],
            giver=self._giver(),
            taker=self.acting.party.uri,
            counted=quantities((line, counted) for line, counted in counts if not is_instance(line.epc)),
            mismatch=any(counted != line.quantity for line, counted in counts),
            damaged=quantities(
                (line, cleaned[f"damaged_{line.position}"])
                for line in self.lines
                if cleaned[f"damaged_{line.position}"]
            ),
            seal=cleaned["seal"],
            **self.common(),
        )

    def _giver(self) -> str:
        assert self.shipment is not None
        return Party.objects.get(pk=self.shipment.custodian or self.shipment.shipper).uri


class UnpackForm(ActForm):
    """Unpack all of a unit: its identifier is free again afterwards."""

    field_order = ("place", "happened", "offset", "note")

    def event(self) -> JsonObject:
        assert self.shipment is not None
        return builders.unpack_event(unit=self.shipment.unit, **self.common())


class AnswerForm(ActForm):
    """The giver's answer to a reported discrepancy."""

    answer = forms.ChoiceField(
        label="Your answer",
        choices=[("acknowledged", "Acknowledge: it is as they reported"), ("disputed", "Dispute: it is not")],
        widget=forms.RadioSelect,
    )
    field_order = ("answer", "note", "place", "happened", "offset")

    def event(self) -> JsonObject:
        assert self.shipment is not None
        return builders.discrepancy_event(
            units=[self.shipment.unit],
            about=self.shipment.discrepancy_event_id,
            answer=self.cleaned_data["answer"],
            **self.common(),
        )


class CorrectForm(ActForm):
    """Declare one's own latest act wrong, which undoes it. `wrong` is that event; `hidden` was signed apart in it."""

    reason = forms.ChoiceField(
        label="What is wrong",
        choices=[("did_not_occur", "It did not happen"), ("incorrect_data", "It happened, but its data are wrong")],
        widget=forms.RadioSelect,
    )
    field_order = ("reason", "offset")

    def __init__(
        self, *args: Any, wrong: JsonObject | None = None, hidden: tuple[str, ...] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.wrong, self.hidden = wrong, hidden
        for name in ("place", "happened", "note"):
            del self.fields[name]

    def event(self) -> JsonObject:
        assert self.wrong is not None
        moment = at_offset(None, self.cleaned_data["offset"], self.acting.now)
        return builders.error_declaration(self.wrong, declaration_time=moment, reason=self.cleaned_data["reason"])

    def hide(self) -> tuple[str, ...]:
        return self.hidden
