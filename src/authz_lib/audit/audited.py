"""The audit: reads files, lists their entry points, applies the rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from authz_lib._support.json_file import in_one_line
from authz_lib.audit.conditions import Guard
from authz_lib.audit.entry_points import Inventory, inventory_of
from authz_lib.audit.files import template_files
from authz_lib.audit.ignores import apply_ignores, read_ignores
from authz_lib.audit.rule import AuditFinding
from authz_lib.audit.rules import AUDIT_RULES
from authz_lib.audit.rules._map_routes import deployed_routes
from authz_lib.audit.source import read_source
from authz_lib.audit.stack_values import UNKNOWN, parameter_text
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from authz_lib.actions.map import ActionMap
    from authz_lib.audit.rule import AuditRule, Sight
    from authz_lib.audit.stack_values import StackValues

__all__ = ["Audit", "AuditedFile", "audit_files"]

_MAX_NESTED: Final = 8
_MAX_FILES: Final = 500


@dataclass(frozen=True, slots=True)
class AuditedFile:
    """One file that was audited.

    Attributes:
        name: of the file, as it was given.
        inventory: what it deploys.
        findings: what the rules found, by line.
    """

    name: str
    inventory: Inventory
    findings: tuple[AuditFinding, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """What was audited.

    Attributes:
        files: each file that could be read.
        problems: one line for each file that could not.
    """

    files: tuple[AuditedFile, ...]
    problems: tuple[str, ...] = ()


def audit_files(
    paths: Sequence[Path],
    *,
    parameters: Mapping[str, str] | None = None,
    actions: ActionMap | None = None,
) -> Audit:
    """Audit some files.

    What is checked: who is let in to each entry point, as the templates deploy it.  What is
    **not**: what a Lambda authorizer decides, what another account or the console has changed, and
    what the application itself asks.

    Args:
        paths: templates of SAM or CloudFormation, OpenAPI documents, or folders of the CDK.
        parameters: values of parameters, which decide conditions.
        actions: what the application says of its routes.

    Raises:
        ConfigurationError: a parameter is known to no file, or a folder is none of the CDK.

    >>> import json
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> url = {"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "NONE"}}
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "template.json")
    ...     size = path.write_text(json.dumps({"Resources": {"Report": url}}))
    ...     (file,) = audit_files([path]).files
    >>> [(finding.rule, finding.line) for finding in file.findings]
    [('open-function-url', 1)]
    """
    given = dict(parameters or {})
    found: list[tuple[str, Inventory]] = []
    problems: list[str] = []
    for path in template_files(paths):
        try:
            found += _with_nested(path, given, actions, (), str(path))
        except ConfigurationError as error:
            problems.append(str(error))
        if len(found) > _MAX_FILES:
            raise ConfigurationError(f"more than {_MAX_FILES} files are nested")
    _require_known(given, [inventory for _, inventory in found], problems)
    if actions is not None and found:
        served = tuple(route for _, one in found for route in deployed_routes(one))
        is_whole = all(point.is_seen for _, one in found for point in one.entry_points)
        name, first = found[0]
        found[0] = (name, replace(first, deployed=served if is_whole else None))
    files = tuple(
        AuditedFile(name, inventory, tuple(findings_of(inventory))) for name, inventory in found
    )
    return Audit(files, tuple(problems))


def _with_nested(
    path: Path,
    parameters: Mapping[str, Any],
    actions: ActionMap | None,
    above: tuple[Path, ...],
    name: str,
) -> Iterator[tuple[str, Inventory]]:
    real = path.resolve()
    if real in above or len(above) > _MAX_NESTED:
        raise ConfigurationError(f"`{path.name}` is a nested stack of itself")
    inventory = inventory_of(read_source(path), parameters, actions)
    yield name, inventory
    for logical_id, nested in inventory.template.nested.items():
        passed = _passed(inventory, logical_id)
        yield from _with_nested(nested, passed, actions, (*above, real), str(nested))


def _passed(inventory: Inventory, logical_id: str) -> dict[str, Any]:
    """The values that a stack hands to one that it nests; `UNKNOWN` where they may be several."""
    values = inventory.template.values
    written = inventory.template.properties(logical_id).get("Parameters")
    sides = [side for _, side in values.branches(written, Guard()) if isinstance(side, dict)]
    names = {str(name) for side in sides for name in side}
    return {name: _handed(values, [side.get(name, UNKNOWN) for side in sides]) for name in names}


def _handed(values: StackValues, written: Sequence[Any]) -> Any:
    found = [parameter_text(plain) for one in written for _, plain in values.texts(one, Guard())]
    return found[0] if len(found) == 1 and isinstance(found[0], str) else UNKNOWN


def _require_known(
    parameters: Mapping[str, str], found: Sequence[Inventory], problems: Sequence[str]
) -> None:
    for name in parameters:
        is_known = any(one.template.values.is_parameter(name) for one in found)
        if not is_known and not problems:
            raise ConfigurationError(f"no file has the parameter {in_one_line(name)}")


def findings_of(
    inventory: Inventory, rules: Sequence[AuditRule] = AUDIT_RULES
) -> list[AuditFinding]:
    """What the rules find, with the ignores of the template, by line."""
    found = [_finding(rule, sight) for rule in rules for sight in rule.check(inventory)]
    origins = inventory.template.origins
    explained = apply_ignores(dict.fromkeys(found), read_ignores(origins), origins)
    return sorted(explained, key=lambda one: (one.line, one.rule, one.resource, one.message))


def _finding(rule: AuditRule, sight: Sight) -> AuditFinding:
    entry = sight.entry
    details: dict[str, Any] = {}
    if entry is not None:
        details = {
            "place": entry.place,
            "gateway": entry.gateway,
            "condition": str(entry.guard) or None,
        }
    return AuditFinding(
        rule.id,
        sight.severity or rule.severity,
        rule.confidence,
        sight.resource,
        sight.line,
        sight.message,
        on_purpose=sight.on_purpose,
        fix=sight.fix,
        **details,
    )
