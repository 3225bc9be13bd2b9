"""Templates and OpenAPI documents as `authz actions` reads them."""

from __future__ import annotations

import pytest

from authz_lib.cli.template_file import description_places, read_description
from authz_lib.errors import ConfigurationError


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "template.yaml"
        path.write_text(text)
        return path

    return write


def test_an_attribute_of_an_attribute_is_one_name(written):
    path = written("Outputs: {Url: !GetAtt Shared.Outputs.Url}")
    assert read_description(path, "template") == {
        "Outputs": {"Url": {"Fn::GetAtt": ["Shared", "Outputs.Url"]}}
    }


def test_a_status_is_a_text_as_in_json(written):
    path = written("responses: {200: {}, default: {}}")
    assert read_description(path, "template") == {"responses": {"200": {}, "default": {}}}


@pytest.mark.parametrize("again", ["200", "'200'"])
def test_a_status_that_is_there_twice_is_refused(written, again):
    path = written(f"200: a\n{again}: b")
    with pytest.raises(ConfigurationError, match=r"yaml:2:1: .* the key `200` is there twice"):
        read_description(path, "template")


def test_places_are_found_in_what_was_read(written):
    path = written("{1: a, true: b, paths: {/orders: {get: {}}}}")
    assert read_description(path, "OpenAPI document").keys() == {"1", "true", "paths"}
    place = description_places(path)
    assert place("GET /orders") == f"{path}:1:35"
    assert place("GET /other") is None
