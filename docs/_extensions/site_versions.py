"""The version switch of the sidebar."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SiteVersion", "versions_of"]


class SiteVersion(NamedTuple):
    """A published version of these pages."""

    name: str
    url: str


def versions_of(text: str) -> list[SiteVersion]:
    """The versions in a text such as ``1.1=/1.1/ 1.0=/1.0/``, in its order.

    Raises:
        ValueError: a word is no `name=URL`.
    """
    versions = []
    for word in text.split():
        name, separator, url = word.partition("=")
        if not (name and separator and url):
            raise ValueError(f"`{word}` is not of the form `name=URL`")
        versions.append(SiteVersion(name, url))
    return versions
