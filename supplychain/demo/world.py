"""The demo world's past and present: a trade in fresh produce, simulated day by day from a seed.

Two growers bring loose produce to a packer; a carrier takes mixed pallets to a distribution centre by night; two
station shops get roll containers each morning and write up what they sold at closing. Demand has a weekly season and
drifts; orders follow it, so every kilogram that is sold was harvested, packed and carried before. Nothing here reads a
clock or a database: the same seed and the same `now` give the same acts.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from supplychain.demo.cast import KILOGRAMS, PACKED, PRODUCTS, SHOPS
from supplychain.demo.incidents import Incidents
from supplychain.demo.present import Present
from supplychain.demo.script import Act, Load, Script, swiss_day, swiss_time
from supplychain.demo.stock import Stock, onto_units

DAYS = 400
SEED = 20_26
COLD_LIMIT = 8.0
"""Degrees Celsius that a cooled pallet may not exceed."""
PALLET, ROLL_CONTAINER, BOX_PALLET = 112, 56, 640
"""Cases on a pallet to the distribution centre, in a roll container to a shop; kilograms on a grower's pallet."""
BASE = {
    ("carrots", "zurich"): 21.0,
    ("lettuce", "zurich"): 34.0,
    ("apples", "zurich"): 27.0,
    ("pears", "zurich"): 9.0,
    ("carrots", "lausanne"): 14.0,
    ("lettuce", "lausanne"): 18.0,
    ("apples", "lausanne"): 23.0,
    ("pears", "lausanne"): 12.0,
}
"""Cases that each shop sells on an ordinary day."""
WEEK = {
    "zurich": (0.94, 0.90, 0.93, 1.02, 1.30, 1.16, 0.75),
    "lausanne": (0.90, 0.92, 0.98, 1.00, 1.18, 1.27, 0.75),
}
"""Each weekday's share of an ordinary day, from Monday."""
GROWERS = {"seeland": ("kerzers", ("carrots", "lettuce"), 32.0), "rhone": ("saxon", ("apples", "pears"), 104.0)}
"""Their site, what is packed from their produce, and the minutes of the drive to the packer."""
TO_CENTRE, TO_SHOP = 88.0, {"zurich": 62.0, "lausanne": 103.0}
"""Minutes of the drive to the distribution centre, and from it to each shop."""
SUNDAY = 6


@dataclass(frozen=True, slots=True)
class World:
    """All that happened up to `now`, in order of time, and what was tried and has to be refused."""

    acts: tuple[Act, ...]
    attempts: tuple[Act, ...]
    """Signed with the good key of a party that has no right to it."""
    forged: tuple[tuple[Act, str], ...]
    """An act as if by one party, with the key of the party that really signs it."""
    now: datetime


def simulate(now: datetime, *, days: int = DAYS, seed: int = SEED) -> World:
    """Play `days` days of trade up to `now`."""
    trade = _Trade(random.Random(seed), now, days)
    for number in range(days + 1):
        trade.play(trade.first_day + timedelta(days=number))
    attempts, forged = trade.present.play()
    acts = sorted((act for act in trade.script.acts if act.at <= now), key=lambda act: act.at)
    return World(tuple(acts), attempts, forged, now)


class _Trade:
    """The state of the trade between two days."""

    def __init__(self, rng: random.Random, now: datetime, days: int) -> None:
        self.rng = rng
        self.script = Script(rng, now)
        self.today = swiss_day(now)
        self.first_day = self.today - timedelta(days=days)
        self.packhouse, self.centre = Stock(), Stock()
        self.shelves = {shop: Stock() for shop in SHOPS}
        self.drift = dict.fromkeys(BASE, 0.0)
        self.incidents = Incidents(rng, self.script, last_day=self.today)
        self.present = Present(self.script, now)

    def play(self, day: date) -> None:
        """Play one day from its first truck to closing time."""
        for shop in SHOPS:
            self._supply(shop, day)
        if day.weekday() != SUNDAY:
            for grower in GROWERS:
                self._harvest(grower, day)
            self._send_to_centre(day)
        for shop in SHOPS:
            self._sell(shop, day)

    # demand

    def _expected(self, product: str, shop: str, day: date) -> float:
        return BASE[product, shop] * WEEK[shop][day.weekday()] * math.exp(self.drift[product, shop])

    def _wanted(self, product: str, shop: str, day: date) -> int:
        """What customers want today: around the expectation, a little more spread than pure chance."""
        series = product, shop
        self.drift[series] = 0.985 * self.drift[series] + self.rng.gauss(0, 0.022)
        mean = self._expected(product, shop, day) * math.exp(self.rng.gauss(0, 0.10))
        return max(0, round(self.rng.gauss(mean, math.sqrt(mean))))

    def _cover(self, product: str, day: date, days: float) -> float:
        """What both shops together are expected to sell in the `days` days from `day` on."""
        whole = [day + timedelta(days=n) for n in range(math.ceil(days))]
        return sum(
            self._expected(product, shop, each) * min(1.0, days - number)
            for shop in SHOPS
            for number, each in enumerate(whole)
        )

    # the growers

    def _harvest(self, grower: str, day: date) -> None:
        site, products, drive = GROWERS[grower]
        cover = 3.5 if day.weekday() == SUNDAY - 1 else 2.5
        wanted: dict[str, int] = {}
        for product in products:
            there = self.centre.held(product, with_coming=True) + self.packhouse.held(product)
            wanted[product] = max(0, math.ceil(self._cover(product, day + timedelta(days=1), cover) * 1.15 - there))
        harvest = []
        for product, cases in wanted.items():
            if not cases:
                continue
            loose = PRODUCTS[PRODUCTS[product].source]
            kilograms = math.ceil(cases * KILOGRAMS[product] * self.rng.uniform(1.01, 1.05))
            harvest.append(Load(loose.key, loose.lot(f"{site[:2].upper()}{day:%y%m%d}"), kilograms))
        arrived: list[Load] = []
        started = swiss_time(day, self.rng.uniform(310, 345))
        for number, loads in enumerate(onto_units(harvest, BOX_PALLET) if harvest else ()):
            packed_at = started + timedelta(minutes=14 * number)
            arrived += self._bring(grower, site, drive, packed_at, loads)
        self._repack(products, arrived, day)

    def _bring(self, grower: str, site: str, drive: float, at: datetime, loads: list[Load]) -> list[Load]:
        """Bring one pallet to the packer; what of it can be used."""
        script, unit = self.script, self.script.new_unit(grower)
        script.pack(grower, at, unit, loads, site)
        sent_at = at + timedelta(minutes=self.rng.uniform(25, 60))
        script.dispatch(
            grower,
            sent_at,
            unit,
            to="mittelland",
            site=site,
            final_party="mittelland",
            final_site="lyss",
            promised=_quarter(sent_at + timedelta(minutes=drive * 1.2 + 25)),
            documents=[("desadv", script.new_document(grower))],
        )
        taken_at = sent_at + self._drive(drive)
        usable, done_at = self.incidents.accept("mittelland", taken_at, unit, loads, giver=grower, site="lyss")
        script.unpack("mittelland", done_at + timedelta(minutes=self.rng.uniform(12, 50)), unit, "lyss")
        return usable

    def _repack(self, products: Sequence[str], arrived: list[Load], day: date) -> None:
        """Turn what arrived of a grower into cases."""
        if not arrived:
            return
        outputs = []
        for product in products:
            kilograms = sum(load.amount for load in arrived if load.product == PRODUCTS[product].source)
            cases = math.floor(kilograms / KILOGRAMS[product] / 1.005)
            if cases:
                outputs.append(Load(product, PRODUCTS[product].lot(f"L{day:%y%m%d}"), cases))
        if not outputs:
            return
        merged: dict[tuple[str, str], float] = {}
        for load in arrived:
            merged[load.product, load.lot] = merged.get((load.product, load.lot), 0) + load.amount
        inputs = [Load(product, lot, amount) for (product, lot), amount in merged.items()]
        self.script.transform("mittelland", swiss_time(day, self.rng.uniform(760, 800)), inputs, outputs, "lyss")
        self.packhouse.add(outputs)

    # the packer, the carrier and the distribution centre

    def _send_to_centre(self, day: date) -> None:
        if day >= self.today - timedelta(days=4):
            self.present.reserve(self.centre, self.packhouse)
        loads = [load for product in PACKED for load in self.packhouse.take(product, self.packhouse.held(product))]
        if not loads:
            return
        order = self.script.new_document("aare")
        for number, contents in enumerate(onto_units(loads, PALLET)):
            at = swiss_time(day, 830 + 22 * number + self.rng.uniform(0, 12))
            self._carry(at, contents, order)

    def _carry(self, at: datetime, loads: list[Load], order: str) -> None:
        """Take one pallet from the packer to the distribution centre, through the carrier's hands."""
        script, unit, rng = self.script, self.script.new_unit("mittelland"), self.rng
        script.pack("mittelland", at, unit, loads, "lyss")
        handed_at = at + timedelta(minutes=rng.uniform(40, 75))
        left_at = handed_at + timedelta(minutes=rng.uniform(12, 25))
        promised = _quarter(left_at + timedelta(minutes=TO_CENTRE * 1.3 + 20))
        legs = (("mittelland", handed_at, "alpentrans"), ("alpentrans", left_at, "aare"))
        for giver, sent_at, taker in legs:
            script.dispatch(
                giver,
                sent_at,
                unit,
                to=taker,
                site="lyss",
                final_party="aare",
                final_site="oensingen",
                promised=promised,
                limit=COLD_LIMIT,
                documents=[("po", order)] if giver == "mittelland" else (),
            )
            if taker == "alpentrans":
                accepted_at = handed_at + timedelta(minutes=rng.uniform(4, 9))
                script.accept("alpentrans", accepted_at, unit, giver="mittelland", site="lyss", seal="intact")
        taken_at = left_at + self._drive(TO_CENTRE)
        self.incidents.on_the_road(unit, left_at, taken_at)
        usable, done_at = self.incidents.accept("aare", taken_at, unit, loads, giver="alpentrans", site="oensingen")
        free_at = done_at + timedelta(minutes=rng.uniform(20, 70))
        script.unpack("aare", free_at, unit, "oensingen")
        self.centre.add(usable, at=free_at)

    # the shops

    def _supply(self, shop: str, day: date) -> None:
        """Fill the shelves before opening: order what is expected and a reserve, less what is left."""
        at = swiss_time(day, 225 if shop == "lausanne" else 245)
        self.centre.settle(at)
        loads = []
        for product in PACKED:
            target = self._expected(product, shop, day) * 1.12 + math.sqrt(BASE[product, shop])
            wanted = math.ceil(target - self.shelves[shop].held(product))
            loads += self.centre.take(product, max(0, wanted))
        if not loads:
            return
        order = self.script.new_document("limmat")
        for number, contents in enumerate(onto_units(loads, ROLL_CONTAINER)):
            self._deliver(shop, at + timedelta(minutes=9 * number + self.rng.uniform(0, 5)), contents, order)

    def _deliver(self, shop: str, at: datetime, loads: list[Load], order: str) -> None:
        script, unit = self.script, self.script.new_unit("aare")
        script.pack("aare", at, unit, loads, "oensingen")
        sent_at = at + timedelta(minutes=self.rng.uniform(20, 40))
        script.dispatch(
            "aare",
            sent_at,
            unit,
            to="limmat",
            site="oensingen",
            final_party="limmat",
            final_site=shop,
            promised=_quarter(sent_at + timedelta(minutes=TO_SHOP[shop] * 1.2 + 20)),
            documents=[("po", order), ("desadv", script.new_document("aare"))],
        )
        taken_at = sent_at + self._drive(TO_SHOP[shop])
        usable, done_at = self.incidents.accept("limmat", taken_at, unit, loads, giver="aare", site=shop)
        script.unpack("limmat", done_at + timedelta(minutes=self.rng.uniform(15, 55)), unit, shop)
        self.shelves[shop].add(usable)

    def _sell(self, shop: str, day: date) -> None:
        sold: list[Load] = []
        for product in PACKED:
            sold += self.shelves[shop].take(product, self._wanted(product, shop, day))
        if sold:
            self.script.sell("limmat", swiss_time(day, self.rng.uniform(1262, 1280)), sold, shop)

    def _drive(self, minutes: float) -> timedelta:
        """How long a drive takes: mostly a little over the usual time, now and then far longer."""
        taken = minutes * math.exp(self.rng.gauss(0.05, 0.09))
        if self.rng.random() < 0.095:
            taken += 20 + self.rng.expovariate(1 / 75)
        return timedelta(minutes=taken)


def _quarter(moment: datetime) -> datetime:
    """The next full quarter of an hour: promises are round."""
    minutes = -(-moment.minute // 15) * 15
    return moment.replace(minute=0, second=0, microsecond=0) + timedelta(minutes=minutes)
