"""The words of Cedar: entity ids, entities and typed values, and how they are written on a wire.

A value is given in plain Python where that is unambiguous, and is frozen when it is taken in:

===================================  ===================  =====================================
Python                               Cedar                what is refused
===================================  ===================  =====================================
``bool``, ``int``, ``str``           Bool, Long, String   an int past 64 bits, a lone surrogate
`EntityUid`                          an entity reference
mapping, list / tuple / set          record, set          reserved keys, more than 32 levels
``ipaddress`` objects, `CedarIp`     ipaddr               scope ids
``decimal.Decimal``, `CedarDecimal`  decimal              more than four decimal places
aware ``datetime``, `CedarDatetime`  datetime             naive ones, parts of a millisecond
``timedelta``, `CedarDuration`       duration             parts of a millisecond
===================================  ===================  =====================================

``None`` and ``float`` do not exist in Cedar.

The keys ``__entity``, ``__extn`` and ``__expr`` are refused at every depth.  In Cedar's JSON they
would turn data that a caller sent into a reference to an entity of the caller's choice.

See the Cedar guide, "Entities and context syntax", and ``AttributeValue`` in the Verified
Permissions API reference.
"""

from __future__ import annotations

from authz_lib.entities.entity import Entity
from authz_lib.entities.uid import TYPE_NAME, EntityUid
from authz_lib.entities.values import (
    CedarDatetime,
    CedarDecimal,
    CedarDuration,
    CedarIp,
    CedarValue,
    freeze_record,
    freeze_value,
)
from authz_lib.entities.wire import (
    JSONValue,
    canonical_json,
    uid_to_avp,
    value_from_avp,
    value_from_cedar_json,
    value_to_avp,
    value_to_cedar_json,
)

__all__ = [
    "TYPE_NAME",
    "CedarDatetime",
    "CedarDecimal",
    "CedarDuration",
    "CedarIp",
    "CedarValue",
    "Entity",
    "EntityUid",
    "JSONValue",
    "canonical_json",
    "freeze_record",
    "freeze_value",
    "uid_to_avp",
    "value_from_avp",
    "value_from_cedar_json",
    "value_to_avp",
    "value_to_cedar_json",
]
