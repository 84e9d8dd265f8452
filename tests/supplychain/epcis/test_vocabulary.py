"""A word of CBV 2.0 is one word in all its forms; near misses are met with the word that was meant."""

import pytest

from supplychain.epcis.units import convert, is_foreign_unit, suggest_unit, units_of
from supplychain.epcis.vocabulary import (
    BUSINESS_STEPS,
    BUSINESS_TRANSACTION_TYPES,
    COMPONENTS,
    DISPOSITIONS,
    ERROR_REASONS,
    MEASUREMENT_TYPES,
    SENSOR_ALERTS,
    SOURCE_DESTINATION_TYPES,
)

ALL = [
    (BUSINESS_STEPS, 41),
    (DISPOSITIONS, 33),
    (BUSINESS_TRANSACTION_TYPES, 13),
    (SOURCE_DESTINATION_TYPES, 3),
    (ERROR_REASONS, 2),
    (COMPONENTS, 14),
    (SENSOR_ALERTS, 2),
    (MEASUREMENT_TYPES, 72),
]


@pytest.mark.parametrize(("vocabulary", "count"), ALL, ids=lambda value: getattr(value, "title", ""))
def test_every_word_is_known_in_every_form(vocabulary, count):
    assert len(set(vocabulary.words)) == count
    for word in vocabulary.words:
        assert vocabulary.resolve(word) == word
        assert vocabulary.resolve(vocabulary.uri(word)) == word
        assert all(vocabulary.resolve(prefix + word) == word for prefix in vocabulary.prefixes)


@pytest.mark.parametrize(
    "form",
    [
        "shipping",
        "cbv:BizStep-shipping",
        "https://ref.gs1.org/cbv/BizStep-shipping",
        "urn:epcglobal:cbv:bizstep:shipping",
    ],
)
def test_the_four_forms_of_shipping_are_one_word(form):
    assert BUSINESS_STEPS.resolve(form) == "shipping"


@pytest.mark.parametrize("uri", ["http://epcis.example.org/bizstep/x", "ext1:summarising_discharge", "cbv:my_own"])
def test_words_of_others_stay_as_they_are(uri):
    assert BUSINESS_STEPS.resolve(uri) == uri
    assert BUSINESS_STEPS.uri(uri) == uri


@pytest.mark.parametrize(
    "word",
    [
        "Shipping",
        "transforming",
        "https://ref.gs1.org/cbv/BizStep-sending",
        "urn:epcglobal:cbv:bizstep:x",
        "cbv:BizStep-",
        "no uri:",
        "",
    ],
)
def test_what_is_neither_is_not_known(word):
    assert BUSINESS_STEPS.resolve(word) is None


@pytest.mark.parametrize(
    ("vocabulary", "written", "meant"),
    [
        (BUSINESS_STEPS, "Shipping", "shipping"),
        (BUSINESS_STEPS, "shiping", "shipping"),
        (BUSINESS_STEPS, "urn:epcglobal:cbv:bizstep:recieving", "receiving"),
        (BUSINESS_STEPS, "Retail Selling", "retail_selling"),
        (BUSINESS_STEPS, "staging-outbound", "staging_outbound"),
        (DISPOSITIONS, "in_transport", "in_transit"),
        (DISPOSITIONS, "InTransit", "in_transit"),
        (SOURCE_DESTINATION_TYPES, "owner_party", "owning_party"),
        (MEASUREMENT_TYPES, "temperature", "Temperature"),
        (MEASUREMENT_TYPES, "gs1:RelativeHumidty", "RelativeHumidity"),
        (BUSINESS_STEPS, "quux", None),
        (BUSINESS_STEPS, "", None),
    ],
)
def test_a_near_miss_is_met_with_what_was_meant(vocabulary, written, meant):
    assert vocabulary.suggest(written) == meant


@pytest.mark.parametrize(
    ("value", "code", "to", "expected"),
    [
        (5, "FAH", "CEL", -15),
        (278.15, "KEL", "CEL", 5),
        (5, "CEL", "KEL", 278.15),
        (-40, "CEL", "FAH", -40),
        (2, "TNE", "KGM", 2000),
        (100, "KMH", "MTS", 27.7778),
        (1, "BAR", "PAL", 100000),
        (7, "KGM", "KGM", 7),
    ],
)
def test_units_are_converted(value, code, to, expected):
    assert convert(value, code, to) == pytest.approx(expected, abs=1e-3)


def test_units_of_different_measures_are_not_converted():
    assert convert(5, "CEL", "KGM") is None
    assert convert(5, "XXX", "KGM") is None


def test_a_unit_belongs_to_its_measure():
    assert is_foreign_unit("Temperature", "KGM")
    assert not is_foreign_unit("Temperature", "CEL")
    assert not is_foreign_unit("Temperature", "ZZZ")  # not listed here: let through
    assert not is_foreign_unit("Dimensionless", "C35")
    assert "MTR" in units_of("Altitude")


@pytest.mark.parametrize(("written", "meant"), [("°C", "CEL"), ("kg", "KGM"), ("pcs", "H87"), ("KGMM", "KGM")])
def test_a_unit_as_people_write_it_is_understood(written, meant):
    assert suggest_unit(written) == meant
