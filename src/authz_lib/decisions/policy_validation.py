"""What a schema has against policies, each with its place."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Any

from authz_lib._support.own_stack import map_on_own_stack
from authz_lib._support.text_place import place_in_file
from authz_lib.decisions.cedar_places import place_of_fault
from authz_lib.decisions.cedar_text import load_cedarpy, parse_schema, policies_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.decisions.policy_files import PolicySource, PolicySources

__all__ = ["validation_errors"]


def validation_errors(sources: PolicySources, schema: Any = None) -> list[str]:
    """What the schema has against the policies, each with its place; nothing without a schema.

    Args:
        sources: the policies, and the schema's text.
        schema: the same schema, where it is parsed already.

    Raises:
        ConfigurationError: the schema does not parse.
    """
    if sources.schema is None:
        return []
    if schema is None:
        schema = parse_schema(sources.schema, sources.schema_file)
    of_file: defaultdict[str, dict[str, PolicySource]] = defaultdict(dict)
    for policy in sources.policies:
        of_file[policy.file][f"policy{policy.position}"] = policy
    validate = load_cedarpy().validate_policies

    def errors_of(file: tuple[str, str]) -> list[str]:
        name, text = file
        return [
            _placed(error, name, text, of_file[name]) for error in validate(text, schema).errors
        ]

    return [*chain.from_iterable(map_on_own_stack(errors_of, sources.texts.items()))]


def _placed(error: Any, name: str, text: str, by_number: Mapping[str, PolicySource]) -> str:
    """An error of Cedar's validator, with its place and the policy's own id."""
    place, problem = name, str(error.error).splitlines()[0]
    if policy := by_number.get(error.policy_id):
        # Its own id comes first, and is no word of the statement.
        said = problem.replace(f"`{error.policy_id}`", "", 1)
        piece = policy.piece
        offset = place_of_fault(text, piece.start, piece.end, said, policies_to_json)
        place = place_in_file(name, text, offset)
        problem = problem.replace(f"`{error.policy_id}`", f"`{policy.id}`", 1)
    return f"{place}: {problem}"
