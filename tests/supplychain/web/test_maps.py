"""Maps: the borders that are kept, what a picture shows of them, and whose shipments it draws."""

import json
from datetime import timedelta

import pytest

from supplychain.epcis.events import Quantity
from supplychain.management.commands import borders as making
from supplychain.models import Site
from supplychain.web import borders, maps
from supplychain.web.borders import Box
from tests.cast import APPLES_LOT, sscc

BERN, LYON, TURIN, SYDNEY = (46.95, 7.45), (45.76, 4.84), (45.07, 7.69), (-33.87, 151.21)
ALPS = Box(5.5, 45.0, 11.0, 48.0)


def is_in(land, position):
    """Ray casting: whether a position lies within a country as it is drawn."""
    lat, lon = position
    inside = False
    for ring in land.rings:
        for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True):
            if (y1 > lat) != (y2 > lat) and lon < x1 + (lat - y1) / (y2 - y1) * (x2 - x1):
                inside = not inside
    return inside


@pytest.mark.parametrize(
    ("position", "country"),
    [
        (BERN, "Switzerland"),
        (LYON, "France"),
        (TURIN, "Italy"),
        (SYDNEY, "Australia"),
        ((47.14, 9.52), "Liechtenstein"),
    ],
)
def test_a_town_lies_in_its_country_and_in_no_other(position, country):
    lat, lon = position
    around = borders.within(Box(lon - 2, lat - 2, lon + 2, lat + 2))
    assert [each.name for each in around if is_in(each, position)] == [country]


def test_what_is_cut_lies_within_the_view_and_the_large_are_named():
    seen = {each.name: each for each in borders.within(ALPS)}
    assert {"Switzerland", "France", "Italy", "Germany", "Austria", "Liechtenstein"} == set(seen)
    for land in seen.values():
        assert all(5.5 <= x <= 11 and 45 <= y <= 48 for ring in land.rings for x, y in ring)
    assert seen["Liechtenstein"].label is None and is_in(seen["Switzerland"], seen["Switzerland"].label[::-1])


def test_the_open_sea_has_no_land():
    assert borders.within(Box(-40, 30, -35, 35)) == ()


def test_the_file_is_small_and_names_its_source():
    assert borders.FILE.stat().st_size < 250_000
    assert "Natural Earth" in json.loads(borders.FILE.read_text())["source"]


def test_a_line_that_two_countries_share_is_kept_once_and_simplified():
    square = {  # west | east, with a shared line of eleven points between them, one a hair beside it
        "transform": {"scale": [0.001, 0.001], "translate": [10.0, 50.0]},
        "arcs": [
            [[1000, 0], *[[0, 100]] * 4, [5, 100], [-5, 100], *[[0, 100]] * 4],
            [[1000, 1000], [-1000, 0], [0, -1000], [1000, 0]],
            [[1000, 0], [1000, 0], [0, 1000], [-1000, 0]],
        ],
        "objects": {
            "countries": {
                "geometries": [
                    {"type": "Polygon", "arcs": [[0, 1]], "properties": {"name": "West"}},
                    {"type": "MultiPolygon", "arcs": [[[2, -1]]], "properties": {"name": "East"}},
                ]
            }
        },
    }
    made = making.made_of(square)
    assert made["countries"] == [["West", [[0, 1]]], ["East", [[2, ~0]]]]
    assert made["lines"][0] == [1100, 5000, 0, 100]
    assert making.decoded([[1, 2], [3, -4]], square["transform"]) == [(10.001, 50.002), (10.004, 49.998)]


def test_names_that_would_cover_each_other_are_left_out_and_said_where_one_points():
    crowd = [maps.Spot((47.0 + n / 1000, 7.0), f"Warehouse number {n} of a long street", "stop") for n in range(9)]
    picture = maps.drawn([*crowd, maps.Spot((46.0, 8.0), "Far", "stop")], []).wide
    named = [dot for dot in picture.dots if dot.label]
    assert 1 < len(named) < 6 and len(picture.dots) == 10
    assert all(dot.words for dot in picture.dots)


def test_a_map_of_one_place_has_surroundings_and_nothing_is_no_map():
    picture = maps.drawn([maps.Spot(BERN, "Bern", "here")], []).narrow
    assert (picture.dots[0].x, picture.dots[0].y) == (165, 140) and picture.kilometres == 10
    assert maps.drawn([], []) is None


def test_places_far_from_each_other_keep_their_distance_on_the_picture():
    picture = maps.drawn([maps.Spot(BERN, "Bern", "home"), maps.Spot(LYON, "Lyon", "stop")], []).wide
    bern, lyon = picture.dots
    pixels = ((bern.x - lyon.x) ** 2 + (bern.y - lyon.y) ** 2) ** 0.5
    assert pixels / picture.bar * picture.kilometres == pytest.approx(241, rel=0.02)  # great circle: 241 km


@pytest.fixture
def placed(world, people):
    """The packer's and the carrier's sites have positions; something late is on its way between them."""
    for hand, (lat, lon) in ((world.packer, BERN), (world.carrier, TURIN)):
        Site.objects.update_or_create(
            uri=hand.site,
            defaults={"party": hand.party, "name": f"{hand.party.name}'s dock", "latitude": lat, "longitude": lon},
        )
    unit = sscc(1)
    world.packer.pack(unit, Quantity(APPLES_LOT, 5))
    due = world.now - timedelta(days=400)
    world.packer.dispatch(unit, world.carrier, final_location=world.carrier.site, promised_time=due)
    return world.shipment(unit)


def test_the_tower_draws_the_lanes_of_what_the_party_may_see(people, sign_in, placed):
    text = sign_in(people.packer).get("/").content.decode()
    assert text.count("Packer&#x27;s dock to Carrier&#x27;s dock: 1 on the move, 1 late</title>") == 2  # both sizes
    assert '<polyline class="way warn"' in text and "Natural Earth" in text and "Table of the lanes" in text
    stranger = sign_in(people.stranger).get("/").content.decode()
    assert "Nothing is on its way" in stranger and "dock" not in stranger


def test_a_lane_without_a_position_stands_in_the_table_alone(people, sign_in, placed):
    Site.objects.update(latitude=None)
    text = sign_in(people.packer).get("/").content.decode()
    assert "Carrier&#x27;s dock" in text and '<svg class="map' not in text


def test_the_shipments_page_draws_its_way_and_what_is_ahead(world, people, sign_in, placed):
    client, address = sign_in(people.packer), f"/shipments/{placed.pk}/"
    text = client.get(address).content.decode()
    assert text.count("still ahead</title>") == 2 and 'class="spot here"' in text
    world.carrier.accept(placed.unit, world.packer, Quantity(APPLES_LOT, 5))
    text = client.get(address).content.decode()
    assert "still ahead</title>" not in text and text.count("the way so far</title>") == 2
    Site.objects.update(latitude=None)
    assert '<svg class="map' not in client.get(address).content.decode()
