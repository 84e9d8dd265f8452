"""The cases, made at random, the same for the same seed."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from campaigns.bundles.acts import acts_that_are_refused, disclosures_that_are_odd
from campaigns.bundles.case import Case
from campaigns.bundles.files import bytes_of_the_file, honest, structure
from campaigns.bundles.leaves import leaves_that_are_wrong
from campaigns.bundles.readers import notes_that_are_odd, proofs, trust_that_is_odd

MAKERS: tuple[Callable[[random.Random], Case], ...] = (
    honest,
    bytes_of_the_file,
    structure,
    structure,
    acts_that_are_refused,
    acts_that_are_refused,
    leaves_that_are_wrong,
    leaves_that_are_wrong,
    notes_that_are_odd,
    disclosures_that_are_odd,
    disclosures_that_are_odd,
    trust_that_is_odd,
    proofs,
    proofs,
)


def generate(count: int, seed: int = 1) -> Iterator[Case]:
    """Yield this many cases; about one in eight is honest."""
    dice = random.Random(seed)
    for number in range(count):
        make = dice.choice(MAKERS)
        found = make(dice)
        yield replace(found, name=f"{seed}/{number} {make.__name__}: {found.name}")
