"""The parameters of SimpleEventQuery are known by name, and by the way their names are made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supplychain.epcis import QueryInvalid, parse_query


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("eventType", ["ObjectEvent"]),
        ("GE_recordTime", "2026-01-01T00:00:00Z"),
        ("EQ_bizStep", ["shipping", "https://ref.gs1.org/cbv/BizStep-receiving", "urn:x:own"]),
        ("EQ_persistentDisposition_set", ["damaged"]),
        ("EQ_bizTransaction_po", ["urn:x:1"]),
        ("EQ_source_owning_party", ["https://id.gs1.org/417/4012345000009"]),
        ("MATCH_anyEPC", ["urn:epc:idpat:sgtin:4012345.*.*"]),
        ("EQ_quantity", [7]),
        ("GT_quantity_KGM", 7.5),
        ("LE_value_CEL", 8),
        ("GE_percRank", 50),
        ("EQ_ILMD_ex:grade", ["A"]),
        ("GT_INNER_ILMD_ex:weight", 5),
        ("LT_ERROR_DECLARATION_ex:at", "2026-01-01T00:00:00Z"),
        ("EQ_SENSORREPORT_ex:note", ["x"]),
        ("EXISTS_errorDeclaration", None),
        ("EXISTS_INNER_ex:field", None),
        ("HASATTR_bizLocation", ["urn:x:1"]),
        ("EQATTR_bizLocation_urn:x:country", ["DE"]),
        ("EQ_readPoint_ex:dock", ["3"]),
        ("EQ_booleanValue", True),
        ("orderBy", "eventTime"),
        ("orderDirection", "ASC"),
        ("maxEventCount", 10),
    ],
)
def test_a_parameter_of_the_standard_is_read(name, value):
    assert parse_query({name: value}) == {name: value}


@pytest.mark.parametrize(
    ("query", "pointer", "offered"),
    [
        ({"GE_eventtime": "2026-01-01T00:00:00Z"}, "/GE_eventtime", "GE_eventTime"),
        ({"EQ_bizstep": ["shipping"]}, "/EQ_bizstep", "EQ_bizStep"),
        ({"EQ_bizStep": "shipping"}, "/EQ_bizStep", None),
        ({"EQ_bizStep": ["shiping"]}, "/EQ_bizStep/0", "shipping"),
        ({"EQ_disposition": [7]}, "/EQ_disposition/0", None),
        ({"eventCountLimit": 0}, "/eventCountLimit", None),
        ({"eventCountLimit": True}, "/eventCountLimit", None),
        ({"GE_value_CEL": "8"}, "/GE_value_CEL", None),
        ({"orderBy": "colour"}, "/orderBy", None),
        ({"EXISTS_": None}, "/EXISTS_", "EXISTS_ilmd"),
        ({"EQ_ILMD_grade": ["A"]}, "/EQ_ILMD_grade", None),
        ({"a/b": 1}, "/a~1b", None),
        ([], "", None),
    ],
)
def test_a_parameter_that_is_none_or_wrong_is_named(query, pointer, offered):
    with pytest.raises(QueryInvalid) as refused:
        parse_query(query)
    (fault,) = refused.value.faults
    assert (fault.pointer, fault.did_you_mean) == (pointer, offered)


@given(
    st.dictionaries(
        st.text(max_size=12) | st.just("EQ_ex:a"), st.none() | st.text() | st.floats() | st.lists(st.text())
    )
)
def test_any_object_is_a_query_or_refused_as_one(query):
    try:
        assert set(parse_query(query)) == set(query) - {"@context"}
    except QueryInvalid as refused:
        assert refused.faults
