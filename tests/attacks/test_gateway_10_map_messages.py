"""Gateway 10: what is wrong with a line of a map names the line and the forms that there are."""

from __future__ import annotations

import pytest

from authz_lib import ActionMap
from authz_lib.errors import ConfigurationError


@pytest.mark.parametrize(
    ("more", "named"), [({"method": "ANY"}, "`PATCH`"), ({"comment": ""}, "`resource_id_label`")]
)
def test_the_line_and_the_forms_are_named(more, named):
    line = {"method": "GET", "route": "/orders", "action": "List", **more}
    with pytest.raises(ConfigurationError, match=r"actions\[0\]") as caught:
        ActionMap.from_document({"version": 1, "actions": [line]})
    assert named in str(caught.value)
