"""Values and entities come back from both wire forms as they went, and Cedar itself reads them."""

from __future__ import annotations

from types import MappingProxyType

import cedarpy
from hypothesis import given
from hypothesis import strategies as st

from authz_lib.entities import (
    Entity,
    EntityUid,
    freeze_value,
    value_from_avp,
    value_from_cedar_json,
    value_to_avp,
    value_to_cedar_json,
)

text = st.text(st.characters(codec="utf-8"), max_size=12)
uids = st.builds(EntityUid, st.sampled_from(["User", "Group", "Shop::Order"]), text.filter(bool))
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    text,
    uids,
    st.decimals(-(10**14), 10**14, places=4),
    st.timedeltas().map(lambda value: value - value % type(value)(milliseconds=1)),
    st.datetimes(timezones=st.timezones()).map(
        lambda value: value.replace(microsecond=value.microsecond // 1000 * 1000)
    ),
    st.ip_addresses(),
)
keys = text.filter(lambda key: key not in {"__entity", "__extn", "__expr"})
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=8,
)


def _as_sets(value):
    """A set is a tuple, whose order and duplicates mean nothing.

    Types count: `1 == True` in Python.
    """
    if type(value) is tuple:
        return frozenset(map(_as_sets, value))
    if type(value) is MappingProxyType:
        return frozenset((key, _as_sets(item)) for key, item in value.items())
    return type(value), value


@given(values)
def test_values_round_trip(value):
    from authz_lib.errors import InvalidRequestError

    try:
        frozen = freeze_value(value)
    except InvalidRequestError:  # a datetime whose UTC lies outside the years 1 to 9999
        return
    assert _as_sets(freeze_value(frozen)) == _as_sets(frozen)
    assert _as_sets(value_from_avp(value_to_avp(frozen))) == _as_sets(frozen)
    assert _as_sets(value_from_cedar_json(value_to_cedar_json(frozen))) == _as_sets(frozen)


@given(
    st.builds(
        Entity,
        uids,
        attrs=st.dictionaries(keys, scalars.filter(lambda v: not hasattr(v, "tzinfo")), max_size=4),
        parents=st.lists(uids, max_size=3),
        tags=st.dictionaries(keys, text, max_size=2),
    )
)
def test_entities_round_trip_and_cedar_reads_them(entity):
    assert Entity.from_avp(entity.to_avp()) == entity
    assert Entity.from_cedar_json(entity.to_cedar_json()) == entity
    if entity.uid not in entity.parents:
        assert len(cedarpy.Entities.from_json_str(f"[{entity.canonical_text}]")) == 1
