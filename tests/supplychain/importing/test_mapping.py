"""A mapping is read strictly: every fault named, with its place."""

from datetime import time, timedelta
from pathlib import Path

import pytest

from supplychain.importing.errors import MappingInvalid
from supplychain.importing.mapping import MAX_BYTES, Named, parse_mapping

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
SMALLEST = """
name = "deliveries"
[row]
key = "No."
[product]
column = "Article"
quantity = "Cases"
[destination]
column = "Shop"
[dispatch]
time = "Loaded"
"""


def faults_of(text: str) -> list[str]:
    with pytest.raises(MappingInvalid) as refused:
        parse_mapping(text.encode())
    return refused.value.faults


def test_the_smallest_mapping_is_enough():
    mapping = parse_mapping(SMALLEST.encode())
    assert mapping.key == ("No.",)
    assert mapping.product == Named("Article")
    assert mapping.delivery_time is None
    assert mapping.required == ("No.", "Article", "Cases", "Shop", "Loaded")
    assert mapping.optional == ()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_the_examples_are_read(path):
    mapping = parse_mapping(path.read_bytes())
    assert mapping.delivery_time in mapping.required
    assert set(mapping.required).isdisjoint(mapping.optional)


def test_times_and_zones_are_read():
    mapping = parse_mapping((SMALLEST + '[dates]\ntime_of_day = "07:30"\nutc_offset = "-03:30"\n').encode())
    assert mapping.dates.time_of_day == time(7, 30)
    assert mapping.dates.zone.utcoffset(None) == -timedelta(hours=3, minutes=30)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("[row]", "[rwo]"), "'rwo' is not a name that a mapping has here; did you mean row?"),
        (('key = "No."', 'keys = "No."'), "[row]: 'keys' is not a name that a mapping has here; did you mean key?"),
        (('name = "deliveries"', ""), "the mapping name: is missing"),
        (('"deliveries"', '"My Deliveries"'), "name: is a small letter"),
        (('quantity = "Cases"', "quantity = 3"), "[product] quantity: must be a text"),
        (('quantity = "Cases"', ""), "[product] quantity: is missing"),
        (('time = "Loaded"', "time = []"), "[dispatch] time: must be a text or a list of texts"),
        (('column = "Shop"', 'column = "Shop"\nas = "gtin"'), "[destination] as: is one of name, gln, uri"),
        (('column = "Article"', 'column = "Article"\nuom = "kilo"'), "[product] uom: 'kilo' is not a unit code"),
        (('column = "Article"', 'column = "Article"\nas = "uri"\nlot = "Lot"'), "[product] lot: does not go with"),
        (("[row]", '[dates]\nformats = "%d"\n[row]'), "[dates] formats: '%d' does not give a whole date"),
        (("[row]", '[dates]\ntime_of_day = "25:00"\n[row]'), "[dates] time_of_day: is written"),
        (("[row]", '[dates]\nutc_offset = "CET"\n[row]'), "[dates] utc_offset: is written"),
        (("[row]", '[file]\nencoding = "klingon"\n[row]'), "[file] encoding: 'klingon' is not the name"),
        (("[row]", '[file]\nencoding = "rot13"\n[row]'), "[file] encoding: 'rot13' is not the name"),
        (("[row]", '[file]\ndelimiter = ";;"\n[row]'), "[file] delimiter: is one character"),
        (("[row]", "[file]\nheader = true\n[row]"), "[file] header: is the number of the row"),
        (("[row]", '[numbers]\ndecimal = ";"\n[row]'), "[numbers] decimal: is"),
        (("[row]", '[documents]\norder = "PO"\n[row]'), "[documents]: 'order' is not a name"),
        (("[row]", "[delivery]\n[row]"), "[delivery] time: is missing"),
        (('name = "deliveries"', 'name = "deliveries"\nunit = 4'), "[unit]: must be a table"),
    ],
)
def test_one_fault_gets_one_message_that_names_its_place(change, fault):
    text = SMALLEST.replace(*change)
    assert text != SMALLEST
    assert any(found.startswith(fault) or fault in found for found in faults_of(text)), faults_of(text)


def test_all_faults_are_told_at_once():
    assert len(faults_of('nmae = "x"\n[row]\n[dispatch]\n')) >= 5


@pytest.mark.parametrize("text", [b"\xff\xfe", b"= nothing", b'name = "a"\nname = "b"', b"#" * (MAX_BYTES + 1)])
def test_what_is_no_toml_is_refused(text):
    with pytest.raises(MappingInvalid):
        parse_mapping(text)
