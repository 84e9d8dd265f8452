"""What goes wrong in the demo world: shortages, damage, a warm truck, a miscount, and how people answer it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, timedelta

from supplychain.demo.cast import DISHONEST
from supplychain.demo.script import Act, Load, Script, swiss_day

SHORT, DAMAGED, MISCOUNTED, WATCHED = 0.012, 0.006, 0.0018, 0.42
"""How often an acceptance is short, finds damage, or is miscounted; how many pallets carry a logger."""
BREACH_DAYS_AGO, DISPUTE_DAYS_AGO = 9, 30


class Incidents:
    """Writes acceptances, mostly good ones, and what follows from the others."""

    def __init__(self, rng: random.Random, script: Script, *, last_day: date) -> None:
        self.rng, self.script, self.last_day = rng, script, last_day
        self._breached = self._disputed = False
        self._spoiled: dict[str, str] = {}

    def on_the_road(self, unit: str, left_at: datetime, taken_at: datetime) -> None:
        """Write the logger's readings of a cooled pallet that carries one; once, the cooling fails."""
        fails = not self._breached and (self.last_day - swiss_day(left_at)).days == BREACH_DAYS_AGO
        if not fails and self.rng.random() > WATCHED:
            return
        self._breached = self._breached or fails
        steps = 8
        readings = []
        for step in range(steps):
            warmth = 1.35 * max(0, step - 2) if fails else 0.0
            at = left_at + (taken_at - left_at) * ((step + 1) / (steps + 1))
            readings.append((at, 4.2 + warmth + self.rng.gauss(0, 0.45)))
        note = None
        if fails:
            note = "Cooling unit stopped behind Solothurn and did not start again."
            self._spoiled[unit] = "Warm on arrival; leaves limp."
        self.script.observe("alpentrans", readings[-1][0], unit, step="transporting", readings=readings, note=note)

    def accept(
        self, by: str, at: datetime, unit: str, loads: list[Load], *, giver: str, site: str
    ) -> tuple[list[Load], datetime]:
        """Accept one unit; return what of it can be used, and when that was settled."""
        chance = self.rng.random()
        if unit in self._spoiled or chance < DAMAGED:
            return self._accept_damaged(by, at, unit, loads, giver, site), at
        must_dispute = giver == DISHONEST and not self._disputed and self._days_ago(at) <= DISPUTE_DAYS_AGO
        if chance < DAMAGED + SHORT or must_dispute:
            return self._accept_short(by, at, unit, loads, giver, site), at
        if chance < DAMAGED + SHORT + MISCOUNTED:
            return loads, self._miscount(by, at, unit, loads, giver, site)
        seal = "intact" if giver == DISHONEST else None
        self.script.accept(by, at, unit, giver=giver, site=site, counted=loads, seal=seal)
        return loads, at

    def _days_ago(self, at: datetime) -> int:
        return (self.last_day - swiss_day(at)).days

    def _accept_short(self, by: str, at: datetime, unit: str, loads: list[Load], giver: str, site: str) -> list[Load]:
        counted = self._less(loads)
        act = self.script.accept(by, at, unit, giver=giver, site=site, counted=counted, mismatch=True)
        self._answer(act, unit, giver)
        return [load for load in counted if load.amount]

    def _less(self, loads: list[Load]) -> list[Load]:
        """The same loads, of one of which some are missing."""
        number = self.rng.randrange(len(loads))
        missing = min(loads[number].amount, max(1, round(loads[number].amount * self.rng.uniform(0.04, 0.2))))
        return [replace(load, amount=load.amount - missing * (n == number)) for n, load in enumerate(loads)]

    def _answer(self, act: Act, unit: str, giver: str) -> None:
        """The giver answers some hours later; the dishonest one disputes, once, what is plainly so."""
        at = act.at + timedelta(minutes=self.rng.uniform(95, 900))
        recent = self._days_ago(act.at) <= DISPUTE_DAYS_AGO
        if giver == DISHONEST and not self._disputed and recent:
            self._disputed = True
            note = "Our driver saw it complete at the ramp."
            self.script.answer(giver, at, unit, about=act, answer="disputed", note=note)
        else:
            self.script.answer(giver, at, unit, about=act, answer="acknowledged")

    def _accept_damaged(self, by: str, at: datetime, unit: str, loads: list[Load], giver: str, site: str) -> list[Load]:
        note = self._spoiled.pop(unit, None)
        broken = [replace(load, amount=max(1, load.amount // 2)) for load in loads] if note else self._broken(loads)
        act = self.script.accept(by, at, unit, giver=giver, site=site, counted=loads, damaged=broken, note=note)
        self._answer(act, unit, giver)
        self.script.destroy(by, at + timedelta(minutes=self.rng.uniform(90, 240)), broken, site)
        lost = {load.lot: load.amount for load in broken}
        left = [replace(load, amount=load.amount - lost.get(load.lot, 0)) for load in loads]
        return [load for load in left if load.amount]

    def _broken(self, loads: list[Load]) -> list[Load]:
        load = self.rng.choice(loads)
        return [replace(load, amount=max(1, round(load.amount * self.rng.uniform(0.03, 0.15))))]

    def _miscount(self, by: str, at: datetime, unit: str, loads: list[Load], giver: str, site: str) -> datetime:
        """Count wrong, notice it, declare the acceptance in error and accept anew."""
        wrong = self.script.accept(by, at, unit, giver=giver, site=site, counted=self._less(loads), mismatch=True)
        noticed_at = at + timedelta(minutes=self.rng.uniform(4, 15))
        settled_at = noticed_at + timedelta(minutes=3)
        right = self.script.accept(
            by, settled_at, unit, giver=giver, site=site, counted=loads, note="Counted again: it is complete."
        )
        self.script.declare_wrong(wrong, noticed_at, instead=[right.event_id])
        return settled_at
