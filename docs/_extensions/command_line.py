"""Sphinx extension: the directive `command-line` describes each command of `authz`.

It asks the parsers themselves, so no option can be forgotten.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING

from sphinx.util.docutils import SphinxDirective

from authz_lib.cli import main as entry_point

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docutils import nodes
    from sphinx.application import Sphinx

__all__ = ["command_line", "parsers"]

_COLUMNS = 80


def parsers() -> Iterator[argparse.ArgumentParser]:
    """The parser of each command, and of each command below it."""
    for name, command in entry_point._SUBCOMMANDS.items():
        parser = argparse.ArgumentParser(prog=f"authz {name}", description=command.summary)
        # No module: it is of the other distribution of this repository.
        import_module(command.module or "authz_local.command").add_arguments(parser)
        yield from _with_those_below(parser)


def _with_those_below(
    parser: argparse.ArgumentParser,
) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {each.dest: each.help for each in action._choices_actions}
            for name, below in action.choices.items():
                below.description = below.description or helps.get(name)
                yield from _with_those_below(below)


def command_line() -> str:
    """The text of the page, in Markdown."""
    return "\n\n".join(_section(parser) for parser in parsers())


def _section(parser: argparse.ArgumentParser) -> str:
    words = parser.prog.split()
    formatter = parser._get_formatter()
    formatter._width = _COLUMNS  # type: ignore[attr-defined]
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups, prefix="")
    usage = formatter.format_help().strip()
    summary = _sentence(parser.description or "")
    rows = [_row(action) for action in parser._actions if _is_described(action)]
    heads = ["| word | meaning | default |", "|---|---|---|"]
    table = "\n".join([*heads, *rows]) if rows else ""
    heading = "#" * len(words)
    return f"{heading} `{parser.prog}`\n\n{summary}\n\n```text\n{usage}\n```\n\n{table}"


def _is_described(action: argparse.Action) -> bool:
    """Whether a word has a row: commands below have sections of their own."""
    return action.dest != "help" and not isinstance(action, argparse._SubParsersAction)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _row(action: argparse.Action) -> str:
    name = ", ".join(f"`{option}`" for option in action.option_strings)
    if action.choices is not None:
        values = ", ".join(f"`{choice}`" for choice in action.choices)
    elif action.nargs == 0:
        values = ""
    else:
        values = f"`{action.metavar or action.dest.upper()}`"
    word = " ".join(filter(None, [name, values]))
    default = "" if action.default in (None, False, []) else f"`{action.default}`"
    if action.option_strings and action.required:
        default = "required"
    meaning = (action.help or "").replace("|", "\\|").replace("%%", "%")
    return f"| {word} | {meaning} | {default} |"


class CommandLineDirective(SphinxDirective):
    """The sections of all commands."""

    def run(self) -> list[nodes.Node]:
        """What the parsers say."""
        return self.parse_text_to_nodes(command_line(), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """The directive."""
    app.add_directive("command-line", CommandLineDirective)
    return {"parallel_read_safe": True}
