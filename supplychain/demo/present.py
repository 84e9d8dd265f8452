"""The last hours of the demo world, so that every state of a shipment is there to see, and what was tried in vain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from supplychain.demo.cast import PACKED, PRODUCTS
from supplychain.demo.script import Act, Load, Script
from supplychain.demo.stock import Stock

_COLD_LIMIT = 8.0


class Present:
    """Puts goods aside some days ago, and plays what is going on with them right now."""

    def __init__(self, script: Script, now: datetime) -> None:
        self.script, self.now = script, now
        self._for_centre: list[Load] = []
        self._for_shops: list[Load] = []

    def reserve(self, centre: Stock, packhouse: Stock) -> None:
        """Put goods aside, once: what lies at the distribution centre, and what was packed for it."""
        if self._for_shops:
            return
        for product in PACKED:
            self._for_shops += centre.take(product, 24)
            self._for_centre += packhouse.take(product, 40)

    def play(self) -> tuple[tuple[Act, ...], tuple[tuple[Act, str], ...]]:
        """Play the last hours; return what will be tried and refused: without right, and with a forged signature."""
        self._packed_and_waiting()
        self._handed_to_the_carrier()
        self._on_the_road(70, promised_in=95, readings=(4.1, 4.4, 4.0))
        self._on_the_road(125, promised_in=40, readings=(4.6, 7.9, 11.3), note="Door seal torn; driver informed.")
        late = self._on_the_road(
            380, promised_in=-95, readings=(4.3, 4.9, 5.2), note="Standing: A1 closed at Kirchberg."
        )
        self._to_the_packer(35, promised_in=80)
        unit = self._to_shop("lausanne", 290, promised_in=-50)
        self._at_the_ramp("zurich")
        self._accepted("zurich", 130, accepted=26)
        self._accepted("zurich", 118, accepted=9, missing=2)
        return self._tried_in_vain(late, unit)

    def _ago(self, minutes: float) -> datetime:
        return self.now - timedelta(minutes=minutes)

    def _some(self, stock: list[Load], cases: int) -> list[Load]:
        """A few cases of each lot that was put aside."""
        taken: list[Load] = []
        for number, load in enumerate(stock):
            part = min(cases, load.amount)
            if part > 0:
                taken.append(Load(load.product, load.lot, part))
                stock[number] = Load(load.product, load.lot, load.amount - part)
        return taken or [self._loose()]

    def _loose(self, product: str = "lettuce-loose") -> Load:
        return Load(product, PRODUCTS[product].lot(f"KE{self._ago(600):%y%m%d}P"), 180)

    # what is going on

    def _packed_and_waiting(self) -> None:
        for minutes in (52, 31):
            unit = self.script.new_unit("mittelland")
            self.script.pack("mittelland", self._ago(minutes), unit, self._some(self._for_centre, 6), "lyss")

    def _pack_for_carrier(self, minutes: float, promised_in: float) -> tuple[str, Callable[..., None]]:
        script, unit = self.script, self.script.new_unit("mittelland")
        script.pack("mittelland", self._ago(minutes + 60), unit, self._some(self._for_centre, 6), "lyss")

        def dispatch(by: str, at: datetime, to: str) -> None:
            script.dispatch(
                by,
                at,
                unit,
                to=to,
                site="lyss",
                final_party="aare",
                final_site="oensingen",
                promised=self._ago(-promised_in),
                limit=_COLD_LIMIT,
            )

        return unit, dispatch

    def _handed_to_the_carrier(self) -> None:
        _, dispatch = self._pack_for_carrier(14, promised_in=150)
        dispatch("mittelland", self._ago(14), "alpentrans")

    def _on_the_road(
        self, minutes: float, *, promised_in: float, readings: tuple[float, ...], note: str | None = None
    ) -> str:
        """A pallet between the packer and the distribution centre that left `minutes` ago."""
        unit, dispatch = self._pack_for_carrier(minutes + 20, promised_in)
        dispatch("mittelland", self._ago(minutes + 20), "alpentrans")
        self.script.accept("alpentrans", self._ago(minutes + 14), unit, giver="mittelland", site="lyss", seal="intact")
        dispatch("alpentrans", self._ago(minutes), "aare")
        step = minutes / (len(readings) + 1)
        times = [self._ago(minutes - step * (number + 1)) for number in range(len(readings))]
        self.script.observe(
            "alpentrans",
            times[-1],
            unit,
            step="transporting",
            readings=list(zip(times, readings, strict=True)),
            note=note,
        )
        return unit

    def _to_the_packer(self, minutes: float, *, promised_in: float) -> None:
        script, unit = self.script, self.script.new_unit("seeland")
        script.pack("seeland", self._ago(minutes + 40), unit, [self._loose(), self._loose("carrots-loose")], "kerzers")
        script.dispatch(
            "seeland",
            self._ago(minutes),
            unit,
            to="mittelland",
            site="kerzers",
            final_party="mittelland",
            final_site="lyss",
            promised=self._ago(-promised_in),
        )

    def _to_shop(self, shop: str, minutes: float, *, promised_in: float) -> str:
        script, unit = self.script, self.script.new_unit("aare")
        self._loads = self._some(self._for_shops, 5)
        script.pack("aare", self._ago(minutes + 30), unit, self._loads, "oensingen")
        script.dispatch(
            "aare",
            self._ago(minutes),
            unit,
            to="limmat",
            site="oensingen",
            final_party="limmat",
            final_site=shop,
            promised=self._ago(-promised_in),
            documents=[("po", script.new_document("limmat"))],
        )
        return unit

    def _at_the_ramp(self, shop: str) -> None:
        unit = self._to_shop(shop, 84, promised_in=20)
        self.script.observe("aare", self._ago(11), unit, step="arriving", site=shop, note="At the ramp.")

    def _accepted(self, shop: str, minutes: float, *, accepted: float, missing: int = 0) -> None:
        unit = self._to_shop(shop, minutes, promised_in=25 - accepted)
        first, *others = self._loads
        counted = [Load(first.product, first.lot, max(0, first.amount - missing)), *others]
        self.script.accept(
            "limmat",
            self._ago(accepted),
            unit,
            giver="aare",
            site=shop,
            counted=counted,
            mismatch=bool(missing),
        )

    # what was tried in vain

    def _tried_in_vain(self, late: str, foreign: str) -> tuple[tuple[Act, ...], tuple[tuple[Act, str], ...]]:
        """The late carrier says that its goods were taken: in its own name, of goods it never had, and as another."""
        aside = Script(self.script.rng, self.now)
        own = aside.accept("alpentrans", self._ago(6), late, giver="alpentrans", site="oensingen")
        never = aside.accept("alpentrans", self._ago(5), foreign, giver="aare", site="lausanne")
        forged = aside.accept("aare", self._ago(4), late, giver="alpentrans", site="oensingen", seal="intact")
        return (own, never), ((forged, "alpentrans"),)
