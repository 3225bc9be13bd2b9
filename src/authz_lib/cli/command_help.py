"""What `--help` of a command says beside its words: what it is for, examples, exit codes."""

from __future__ import annotations

import argparse
import textwrap
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EXIT_CODES", "add_command", "add_json_option", "give_help"]

_WIDTH: Final = 80
EXIT_CODES: Final = {"0": "fine", "1": "the answer is no", "2": "it could not be asked"}
"""What every command ends with, in its most general words."""


def give_help(
    parser: argparse.ArgumentParser,
    text: str,
    *,
    examples: Sequence[str],
    exit_codes: dict[str, str] | None = None,
    details: str = "",
) -> None:
    """Give a command its help.

    Args:
        parser: the command's own.
        text: what it is for, one or a few sentences.
        examples: command lines, as they are typed.  Behind `` # `` stands what one does.
        exit_codes: what the codes mean, where it is not `EXIT_CODES`.
        details: printed as it is, behind the options.
    """
    codes = EXIT_CODES | (exit_codes or {})
    parts = [
        *([details.rstrip()] if details else []),
        "\n".join(["examples:", *_aligned(examples)]),
        "\n".join(["exit codes:", *(f"{code:>5}  {meaning}" for code, meaning in codes.items())]),
    ]
    parser.description = textwrap.fill(text, _WIDTH)
    parser.epilog = "\n\n".join(parts)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def _aligned(examples: Sequence[str]) -> list[str]:
    """The examples, and what each does in a column of its own or on the line before."""
    lines = []
    for example in examples:
        command, _, meaning = example.partition(" # ")
        lines += [f"  # {meaning}"] if meaning else []
        lines.append(f"  {command}")
    return lines


def add_command(commands: Any, name: str, summary: str, **given: Any) -> argparse.ArgumentParser:
    """A command below another one: its line in the list, and its own help (see `give_help`)."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary)
    give_help(parser, f"{summary[:1].upper()}{summary[1:]}.", **given)
    return parser


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """The option ``--json``; where there is a ``--format``, it is short for ``--format json``."""
    has_format = any("--format" in action.option_strings for action in parser._actions)  # noqa: SLF001
    kind: dict[str, Any] = (
        {"dest": "format", "action": "store_const", "const": "json"}
        if has_format
        else {"action": "store_true"}
    )
    parser.add_argument("--json", help="print one JSON document, for machines", **kind)
