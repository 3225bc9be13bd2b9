"""The checks of `LambdaAuthorizer`'s arguments that concern several of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from authz_lib._support.checks import require_method
from authz_lib.authorizer.schema_check import attribute_problems, schema_problems
from authz_lib.decisions.point import DecisionPoint
from authz_lib.decisions.vocabulary import Vocabulary
from authz_lib.entities import EntityUid
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from authz_lib.actions.map import ActionMap
    from authz_lib.authorizer.cache_key import Coverage

__all__ = ["check_actions", "check_context_names", "check_decides"]

_ESCAPES = frozenset({"__entity", "__extn"})  # Cedar JSON reads more than a name in them


def check_actions(
    actions: ActionMap | None,
    decisions: object,
    application: EntityUid | None,
    attributes: Mapping[str, str] | None = None,
) -> None:
    """Refuse a map, an application or their absence that leaves a route without a question.

    Args:
        actions: the map.
        decisions: who is asked.
        application: the resource of actions that are on no particular one.
        attributes: the declared attributes of callers, with their types.

    Raises:
        ConfigurationError: the message names the argument or the route; where the decision point
            has a schema, also the line or the attribute that the schema does not know.
    """
    if application is not None and not isinstance(application, EntityUid):
        raise ConfigurationError(
            '`application` must be an `EntityUid`, such as `EntityUid("Application", "shop")`'
        )
    if actions is not None and not callable(getattr(actions, "resolve", None)):
        raise ConfigurationError(
            '`actions` must be an `ActionMap`, such as `ActionMap.load("actions.json")`'
        )
    if actions is None:
        if decisions is not None:
            raise ConfigurationError(
                "`decisions` without `actions` have no question: pass the `ActionMap`"
            )
        return
    if not actions.entries:
        raise ConfigurationError("`actions` is empty: every route would be refused")
    if decisions is None:
        return
    for entry in actions.entries if application is None else ():
        if not entry.public and (entry.resource_id_label is None or entry.resource_type is None):
            raise ConfigurationError(
                f"`{entry.method} {entry.route}` is on no particular resource: pass `application`, "
                "the entity that "
                "stands for the whole"
            )
    if isinstance(decisions, DecisionPoint):
        _check_schema(actions, decisions, application, attributes or {})


def _check_schema(
    actions: ActionMap,
    decisions: DecisionPoint,
    application: EntityUid | None,
    attributes: Mapping[str, str],
) -> None:
    names = decisions.schema_names
    if names is None:
        return
    vocabulary = decisions.vocabulary
    first, *more = [
        *schema_problems(
            actions.entries,
            names,
            action_type=vocabulary.action_type,
            principal_type=vocabulary.principal_type,
            application_type=None if application is None else application.type,
        ),
        *attribute_problems(
            # A vocabulary of one's own may make other attributes of them.
            attributes if type(vocabulary) is Vocabulary else {},
            names,
            vocabulary.principal_type,
        ),
        None,
    ]
    if first is not None:
        count = f" (and {len(more) - 1} more)" if len(more) > 1 else ""
        raise ConfigurationError(f"{first}{count}")


def check_context_names(context: object) -> None:
    """Refuse names that Cedar reads as something else."""
    if context is None:
        return
    if not isinstance(context, Mapping):
        raise ConfigurationError(
            "`context` must be a mapping from a name to an input of the request"
        )
    if not all(type(name) is str and name and name not in _ESCAPES for name in context):
        raise ConfigurationError(
            "a name in `context` must be text, and neither `__entity` nor `__extn`"
        )


def check_decides(decisions: object, coverage: Coverage) -> None:
    """Refuse what cannot be asked: one question per request, or one batch for the whole table."""
    asked = "batch_is_authorized" if coverage == "every-route" else "is_authorized"
    require_method(
        decisions, "decisions", asked, such_as="that of a decision point, `VerifiedPermissions`"
    )
