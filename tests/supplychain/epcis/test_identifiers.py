"""GS1 keys go from URN to Digital Link and back, and a wrong one is refused in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supplychain.epcis import IdentifierInvalid
from supplychain.epcis.identifiers import (
    canonical,
    check_digit,
    giai_uri,
    gln_uri,
    grai_uri,
    gtin_uri,
    is_uri,
    parse_identifier,
    party_uri,
    sscc_uri,
    to_urn,
)

# URN, Digital Link, digits of the company prefix
PAIRS = [
    ("urn:epc:id:sgtin:0614141.107346.2017", "https://id.gs1.org/01/10614141073464/21/2017", 7),
    ("urn:epc:id:sgtin:4012345.011111.a%2Fb", "https://id.gs1.org/01/04012345111118/21/a%2Fb", 7),
    ("urn:epc:id:sgtin:4012345.011111.1+2", "https://id.gs1.org/01/04012345111118/21/1%2B2", 7),
    ("urn:epc:id:sgtin:4012345.011111.a.%2A", "https://id.gs1.org/01/04012345111118/21/a.%2A", 7),
    ("urn:epc:class:lgtin:4012345.012345.998877", "https://id.gs1.org/01/04012345123456/10/998877", 7),
    ("urn:epc:idpat:sgtin:4012345.098765.*", "https://id.gs1.org/01/04012345987652", 7),
    ("urn:epc:id:sscc:4012345.0000000333", "https://id.gs1.org/00/040123450000003338", 7),
    ("urn:epc:id:sscc:7612345.3000004218", "https://id.gs1.org/00/376123450000042184", 7),
    ("urn:epc:id:sgln:4012345.00011.987", "https://id.gs1.org/414/4012345000115/254/987", 7),
    ("urn:epc:id:sgln:4012345.00005.0", "https://id.gs1.org/414/4012345000054", 7),
    ("urn:epc:id:sgln:401234500005..0", "https://id.gs1.org/414/4012345000054", 12),
    ("urn:epc:id:pgln:4000001.98765", "https://id.gs1.org/417/4000001987658", 7),
    ("urn:epc:id:grai:4012345.66666.87", "https://id.gs1.org/8003/0401234566666387", 7),
    ("urn:epc:idpat:grai:4012345.66666.*", "https://id.gs1.org/8003/04012345666663", 7),
    ("urn:epc:id:giai:4000001.111", "https://id.gs1.org/8004/4000001111", 7),
    ("urn:epc:id:giai:952005385.w2", "https://id.gs1.org/8004/952005385w2", 9),
    ("urn:epc:id:gsrn:4012345.9876540000", "https://id.gs1.org/8018/401234598765400000", 7),
    ("urn:epc:id:gsrnp:4012345.0000098765", "https://id.gs1.org/8017/401234500000987658", 7),
    ("urn:epc:id:gdti:4012345.00005.4987", "https://id.gs1.org/253/40123450000544987", 7),
    ("urn:epc:id:cpi:4012345.ABC.123", "https://id.gs1.org/8010/4012345ABC/8011/123", 7),
    ("urn:epc:idpat:cpi:4012345.ABC.*", "https://id.gs1.org/8010/4012345ABC", 7),
    ("urn:epc:id:sgcn:4012345.99999.44", "https://id.gs1.org/255/401234599999044", 7),
    ("urn:epc:id:ginc:4012345.333", "https://id.gs1.org/401/4012345333", 7),
    ("urn:epc:id:gsin:4012345.999987654", "https://id.gs1.org/402/40123459999876541", 7),
    ("urn:epc:id:itip:4012345.012345.01.02.999", "https://id.gs1.org/8006/040123451234560102/21/999", 7),
    ("urn:epc:idpat:itip:4012345.012345.01.02.*", "https://id.gs1.org/8006/040123451234560102", 7),
    ("urn:epc:id:upui:4012345.012345.AB12", "https://id.gs1.org/01/04012345123456/235/AB12", 7),
]


@pytest.mark.parametrize(("urn", "link", "digits"), PAIRS, ids=lambda value: str(value))
def test_a_urn_becomes_its_digital_link_and_comes_back(urn, link, digits):
    assert canonical(urn) == link
    assert canonical(link) == link
    assert to_urn(link, digits) == urn


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://id.gs1.de/01/04012345999990/21/XYZ-1234", "https://id.gs1.org/01/04012345999990/21/XYZ-1234"),
        ("https://brand.example/shop/01/04012345999990/21/7", "https://id.gs1.org/01/04012345999990/21/7"),
        ("http://brand.example/01/04012345999990/10/L/21/7?17=261231#top", "https://id.gs1.org/01/04012345999990/21/7"),
        ("https://ID.GS1.org/00/376123450000042184/", "https://id.gs1.org/00/376123450000042184"),
        ("https://id.gs1.org/01/4012345999990", "https://id.gs1.org/01/04012345999990"),
        ("https://id.gs1.org/414/4012345000054/254/0", "https://id.gs1.org/414/4012345000054"),
        ("https://id.gs1.org/01/04012345999990/10/10D9T", "https://id.gs1.org/01/04012345999990/10/10D9T"),
    ],
)
def test_links_of_any_domain_have_one_canonical_form(link, expected):
    assert canonical(link) == expected


@pytest.mark.parametrize(
    "uri",
    [
        "http://transaction.acme.com/po/12345678",
        "https://example.com/orders/401/4012345",
        "https://shop.example/01/04012345999991",  # the check digit is wrong: no key of GS1
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "urn:epc:id:gid:95100000.12345.400",
        "geo:50.94,6.92",
        "tag:example.org,2026:pallet/7",
    ],
)
def test_private_uris_stay_as_they_are(uri):
    assert canonical(uri) == uri
    assert parse_identifier(uri).is_private
    assert to_urn(uri, 7) == uri


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("376123450000042184", "is not a URI"),
        ("https://id.gs1.org/00/376123450000042185", "ends in 5 and should end in 4"),
        ("https://id.gs1.org/00/37612345000004218", "has 18 digits"),
        ("https://id.gs1.org/01/0401234599999X", "digits only"),
        ("https://id.gs1.org/99/123", "not a GS1 Digital Link"),
        ("https://id.gs1.org/01/04012345999990/254/3", r"\(254\) does not belong behind a GTIN"),
        ("https://id.gs1.org/01/04012345999990/21/" + "x" * 21, "longer than 20"),
        ("https://id.gs1.org/01/04012345999990/21/caf%C3%A9", "does not allow"),
        ("https://id.gs1.org/8003/4012345666669", "starts with 0"),
        ("https://id.gs1.org/8004/AB", "company prefix"),
        ("https://id.gs1.org/8006/040123451234560201", "piece and total"),
        ("urn:epc:id:sscc:4012345.000000033", "17 digits together"),
        ("urn:epc:id:sgtin:4012345.011111", "3 parts"),
        ("urn:epc:id:sgtin:40.01111111111.1", "company prefix of 6 to 12"),
        ("urn:epc:id:sgtin:4012345.011111.*", "not an EPC URN"),
        ("urn:epc:idpat:sgtin:4012345.011111.7", "not an EPC URN"),
        ("urn:epc:idpat:sscc:4012345.*", "not an EPC URN"),
        ("urn:epc:id:nonsense:4012345.1", "not an EPC URN"),
        ("urn:epc:id:cpi:4012345.ABC.0123", "at most 12 digits"),
    ],
)
def test_a_wrong_key_is_refused_in_words_and_left_alone_by_canonical(uri, words):
    with pytest.raises(IdentifierInvalid, match=words):
        parse_identifier(uri)
    assert canonical(uri) == uri


def test_a_uri_without_end_is_refused_at_once():
    endless = "https://a.example/" + "00/376123450000042184/" * 40_000
    with pytest.raises(IdentifierInvalid, match="more than 2000"):
        parse_identifier(endless)
    assert canonical(endless) == endless


def test_builders_check_what_they_build_from():
    assert sscc_uri("376123450000042184") == "https://id.gs1.org/00/376123450000042184"
    assert gtin_uri("4012345999990") == "https://id.gs1.org/01/04012345999990"
    assert gtin_uri("04012345999990", lot="A/1") == "https://id.gs1.org/01/04012345999990/10/A%2F1"
    assert gtin_uri("04012345999990", lot="A", serial="7") == "https://id.gs1.org/01/04012345999990/21/7"
    assert gln_uri("4012345000054") == "https://id.gs1.org/414/4012345000054"
    assert gln_uri("4012345000054", "dock-3") == "https://id.gs1.org/414/4012345000054/254/dock-3"
    assert party_uri("4012345000009") == "https://id.gs1.org/417/4012345000009"
    assert grai_uri("4012345666663", "87") == "https://id.gs1.org/8003/0401234566666387"
    assert giai_uri("4000001111") == "https://id.gs1.org/8004/4000001111"
    for refused in (
        lambda: sscc_uri("376123450000042185"),
        lambda: sscc_uri("37612345000004218"),
        lambda: gtin_uri("4012345999991"),
        lambda: gtin_uri("4012345999990", lot=""),
        lambda: gln_uri("4012345000055"),
        lambda: party_uri("GLN"),
    ):
        with pytest.raises(IdentifierInvalid):
            refused()


@pytest.mark.parametrize(
    ("uri", "label", "is_class"),
    [
        ("https://id.gs1.org/00/376123450000042184", "SSCC 376123450000042184", False),
        ("urn:epc:class:lgtin:4012345.012345.L9", "GTIN 04012345123456 lot L9", True),
        ("urn:epc:id:sgtin:4012345.011111.1", "GTIN 04012345111118 serial 1", False),
        ("https://id.gs1.org/01/04012345111118", "GTIN 04012345111118", True),
        ("https://id.gs1.org/417/4012345000009", "party GLN 4012345000009", False),
        ("urn:epc:idpat:grai:4012345.66666.*", "GRAI 4012345666663", True),
        ("urn:uuid:1", "urn:uuid:1", False),
    ],
)
def test_an_identifier_has_a_name_for_people(uri, label, is_class):
    identifier = parse_identifier(uri)
    assert (identifier.label, identifier.is_class) == (label, is_class)


def test_a_link_without_a_urn_form_says_so():
    with pytest.raises(IdentifierInvalid, match="variant"):
        to_urn("https://id.gs1.org/01/04012345999990/22/V2", 7)
    with pytest.raises(IdentifierInvalid, match="6 to 12"):
        to_urn("https://id.gs1.org/00/376123450000042184", 5)


@pytest.mark.parametrize("text", ["", "no uri", "a:", ":b", "http://a b", "urn:a%zz", "urn:a#b#c", "ürn:a", "urn:ü", 7])
def test_what_is_no_uri_is_told(text):
    assert not is_uri(text)


def digits(length):
    return st.text("0123456789", min_size=length, max_size=length)


SERIAL = st.text("!\"%&'()*+,-./0123456789:;<=>?ABCXYZ_abcxyz", min_size=1, max_size=16)
PREFIX = st.integers(6, 12)


@given(digits(17))
def test_any_single_wrong_digit_is_caught(body):
    sscc = body + check_digit(body)
    for place in range(18):
        wrong = sscc[:place] + str((int(sscc[place]) + 1) % 10) + sscc[place + 1 :]
        with pytest.raises(IdentifierInvalid):
            sscc_uri(wrong)


@given(digits(13), SERIAL, PREFIX)
def test_items_and_lots_round_trip(body, text, length):
    gtin = body + check_digit(body)
    for link in (gtin_uri(gtin), gtin_uri(gtin, lot=text), gtin_uri(gtin, serial=text)):
        assert is_uri(link)
        assert canonical(link) == link
        urn = to_urn(link, length)
        assert is_uri(urn)
        assert canonical(urn) == link
        assert to_urn(urn, length) == urn


@given(digits(12), SERIAL, PREFIX)
def test_places_and_assets_round_trip(body, text, length):
    gln = body + check_digit(body)
    for link in (gln_uri(gln), gln_uri(gln, text), party_uri(gln), grai_uri(gln), grai_uri(gln, text)):
        assert canonical(to_urn(link, length)) == canonical(link)


@given(digits(17), PREFIX)
def test_logistic_units_round_trip(body, length):
    link = sscc_uri(body + check_digit(body))
    assert canonical(to_urn(link, length)) == link


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text):
    for uri in (text, f"urn:epc:id:{text}", f"https://id.gs1.org/{text}", f"https://a.example/01/{text}"):
        try:
            identifier = parse_identifier(uri)
        except IdentifierInvalid:
            assert canonical(uri) == uri
        else:
            assert canonical(uri) == identifier.uri
            assert canonical(identifier.uri) == identifier.uri
