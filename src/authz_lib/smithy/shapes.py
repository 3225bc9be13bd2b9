"""The shapes of a Smithy JSON AST, with ``apply`` statements and mixins applied.

See https://smithy.io/2.0/spec/json-ast.html and https://smithy.io/2.0/spec/mixins.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from authz_lib._support.json_file import in_one_line
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib._support.strict_json import JSONObject

__all__ = ["Shapes", "members", "named", "shape_name", "targets", "traits"]

MIXIN = "smithy.api#mixin"
_VERSIONS = frozenset({"1", "1.0", "2", "2.0"})
_PRELUDE = "smithy.api#"
_MAX_DEPTH = 50
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHAPE_ID = re.compile(rf"[A-Za-z_][A-Za-z0-9_.]*#{_NAME.pattern}(?:\${_NAME.pattern})?")


def shape_name(shape_id: str) -> str:
    """The name behind the namespace: ``com.example#Order`` is ``Order``."""
    return shape_id.rpartition("#")[2]


def _object(value: Any, where: str) -> JSONObject:
    if not isinstance(value, dict):
        raise ConfigurationError(f"the model is broken: {where} must be an object")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise ConfigurationError(f"the model is broken: {where} must be a list")
    return value


def targets(shape: JSONObject, member: str, shape_id: str) -> list[str]:
    """The shape ids in a list of ``{"target": id}``."""
    where = f"`{member}` of `{shape_id}`"
    found = []
    for reference in _list(shape.get(member, []), where):
        target = _object(reference, f"each of {where}").get("target")
        if not isinstance(target, str) or not _SHAPE_ID.fullmatch(target):
            raise ConfigurationError(
                f"the model is broken: each of {where} must have a `target`, a shape id"
            )
        found.append(target)
    return found


def traits(shape: JSONObject, shape_id: str) -> JSONObject:
    """The traits of a shape or member."""
    return _object(shape.get("traits", {}), f"`traits` of `{shape_id}`")


def named(shape: JSONObject, what: str, shape_id: str) -> JSONObject:
    """An object of a shape whose keys are names: ``members``, ``properties``, ``identifiers``."""
    found = _object(shape.get(what, {}), f"`{what}` of `{shape_id}`")
    for name in found:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"the model is broken: `{what}` of `{shape_id}` has a name that is not one"
            )
    return found


def members(shape: JSONObject, shape_id: str) -> Iterator[tuple[str, JSONObject]]:
    """The members of a structure: name and member shape."""
    for name, member in named(shape, "members", shape_id).items():
        yield name, _object(member, f"`{shape_id}${name}`")


class Shapes:
    """Every shape of an AST by its id, with ``apply`` statements and mixins applied.

    Raises:
        ConfigurationError: the AST is broken.

    >>> read_only = {"smithy.api#mixin": {}, "smithy.api#readonly": {}}
    >>> ast = {"smithy": "2.0", "shapes": {
    ...     "ns#Read": {"type": "operation", "traits": read_only},
    ...     "ns#Get": {"type": "operation", "mixins": [{"target": "ns#Read"}]}}}
    >>> Shapes(ast).get("ns#Get", "operation")["traits"]
    {'smithy.api#readonly': {}}
    """

    def __init__(self, ast: JSONObject) -> None:
        version = _object(ast, "its root").get("smithy")
        if not isinstance(version, str) or version not in _VERSIONS:
            raise ConfigurationError(
                "the model is no Smithy JSON AST: its member `smithy` must be `1.0` or `2.0`"
            )
        self._raw: dict[str, JSONObject] = {}
        # By shape and by member: the traits that are applied to a member of a mixin.
        self._of_mixed_members: dict[str, dict[str, JSONObject]] = {}
        applied: dict[str, JSONObject] = {}
        for shape_id, shape in _object(ast.get("shapes", {}), "`shapes`").items():
            if not _SHAPE_ID.fullmatch(shape_id):
                raise ConfigurationError(
                    "the model is broken: a name in `shapes` is not a shape id"
                )
            kind = _object(shape, f"`{shape_id}`").get("type")
            if not isinstance(kind, str):
                raise ConfigurationError(f"the model is broken: `{shape_id}` must have a `type`")
            if kind == "apply":
                applied[shape_id] = traits(shape, shape_id)
            else:
                self._raw[shape_id] = shape
        for shape_id, more in applied.items():
            self._apply(shape_id, more)
        self._done: dict[str, JSONObject] = {}

    def ids(self, kind: str) -> Iterator[str]:
        """The ids of all shapes of a type, without mixins, in the order of the file."""
        for shape_id, shape in self._raw.items():
            if shape["type"] == kind and MIXIN not in traits(shape, shape_id):
                yield shape_id

    def __contains__(self, shape_id: object) -> bool:
        return shape_id in self._raw

    def require(self, shape_id: str, *, wanted_by: str) -> None:
        """Refuse a reference to nothing; shapes of Smithy's prelude are in no model.

        Raises:
            ConfigurationError: there is no such shape.
        """
        if shape_id not in self._raw and not shape_id.startswith(_PRELUDE):
            raise ConfigurationError(
                f"the model is broken: `{wanted_by}` refers to {in_one_line(shape_id)}, which is "
                "not in it"
            )

    def get(self, shape_id: str, kind: str | None, *, wanted_by: str | None = None) -> JSONObject:
        """The shape.

        Args:
            shape_id: which.
            kind: the type that it must have; None for any.
            wanted_by: the shape that refers to it, for the message.

        Raises:
            ConfigurationError: there is no such shape, or it is of another type.
        """
        shape = self._resolve(shape_id, wanted_by, 0)
        if kind is not None and shape["type"] != kind:
            raise ConfigurationError(
                f"the model is broken: `{shape_id}` is of type {in_one_line(shape['type'])}, "
                f"not `{kind}`"
            )
        return shape

    def _apply(self, shape_id: str, more: JSONObject) -> None:
        owner, _, member = shape_id.partition("$")
        shape = self._raw.get(owner)
        if shape is None:
            return  # a shape of the prelude, or of a part of the model that was left out
        if member:
            own = dict(members(shape, owner))
            if member not in own:  # a mixin brings it
                self._of_mixed_members.setdefault(owner, {})[member] = {"traits": more}
                return
            target = own[member]
            own[member] = {**target, "traits": _merged(traits(target, shape_id), more, shape_id)}
            self._raw[owner] = {**shape, "members": own}
            return
        self._raw[owner] = {**shape, "traits": _merged(traits(shape, owner), more, owner)}

    def _resolve(self, shape_id: str, wanted_by: str | None, depth: int) -> JSONObject:
        done = self._done.get(shape_id)
        if done is not None:
            return done
        shape = self._raw.get(shape_id)
        if shape is None:
            reference = (
                f"`{wanted_by}` refers to `{shape_id}`, which" if wanted_by else f"`{shape_id}`"
            )
            raise ConfigurationError(f"the model is broken: {reference} is not in it")
        if depth > _MAX_DEPTH:
            raise ConfigurationError(
                f"the model is broken: the mixins of `{shape_id}` are circular or nest too deep"
            )
        whole: JSONObject = {}
        for mixin_id in targets(shape, "mixins", shape_id):
            whole = _mixed(whole, self._without_local(mixin_id, shape_id, depth))
        whole = _mixed(whole, shape)
        brought = _object(whole.get("members", {}), f"`members` of `{shape_id}`")
        more = {
            name: own
            for name, own in self._of_mixed_members.get(shape_id, {}).items()
            if name in brought
        }
        whole = self._done[shape_id] = _mixed(whole, {"members": more}) if more else whole
        return whole

    def _without_local(self, mixin_id: str, shape_id: str, depth: int) -> JSONObject:
        mixin = self._resolve(mixin_id, shape_id, depth + 1)
        found = traits(mixin, mixin_id)
        options = _object(found.get(MIXIN, {}), f"the mixin trait of `{mixin_id}`")
        local = {
            MIXIN,
            *(
                str(name)
                for name in _list(options.get("localTraits", []), f"`localTraits` of `{mixin_id}`")
            ),
        }
        return {
            **mixin,
            "traits": {name: value for name, value in found.items() if name not in local},
        }


def _mixed(base: JSONObject, shape: JSONObject) -> JSONObject:
    """A shape with a mixin applied: lists are joined, objects are merged, else the shape counts.

    A member of both has the traits of both.
    """
    whole = dict(base)
    for name, value in shape.items():
        if isinstance(value, list) and isinstance(whole.get(name), list):
            whole[name] = whole[name] + [item for item in value if item not in whole[name]]
        elif isinstance(value, dict) and isinstance(whole.get(name), dict):
            whole[name] = {**whole[name], **value}
            if name == "members":
                whole[name] |= {
                    key: _both(base[name][key], own)
                    for key, own in value.items()
                    if key in base[name]
                }
        else:
            whole[name] = value
    return whole


def _both(mixed: Any, own: Any) -> Any:
    """A member of a mixin, merged with the shape's own member of that name."""
    if not isinstance(mixed, dict) or not isinstance(own, dict):
        return own
    found, more = mixed.get("traits", {}), own.get("traits", {})
    merged = {**found, **more} if isinstance(found, dict) and isinstance(more, dict) else more
    return {**mixed, **own, "traits": merged}


def _merged(own: JSONObject, more: JSONObject, shape_id: str) -> JSONObject:
    """Traits after ``apply``: lists are joined.  Two other values of one trait are an error."""
    whole = dict(own)
    for name, value in more.items():
        if name not in whole or whole[name] == value:
            whole[name] = value
        elif isinstance(whole[name], list) and isinstance(value, list):
            whole[name] = whole[name] + value
        else:
            raise ConfigurationError(
                f"the model is broken: `{shape_id}` has two values of the trait {in_one_line(name)}"
            )
    return whole
