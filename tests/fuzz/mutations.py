"""What the fuzzer makes of a valid input: a text, bytes or a document that is a little wrong."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

__all__ = ["mutated"]

MAX_CHARACTERS = 20_000
SCRAPS = [
    *"\"'\\/{}[]()<>,;:.=&%?#*+-_~|@!$^` \t\r\n\0\x7f\x85\u00a0\u2028\ud800\U0001f600\u0130\ufeff",
    *["%2F", "%252F", "%", "%zz", "..", "//", "&&", "||", "://", "\\u0000", "\\ud800", "\\x"],
    *["null", "true", "NaN", "1e999", "-0", "9" * 30, "9" * 400, "__entity", "__extn", "Bearer "],
    *["&a ", "*a", "<<: ", "!!int ", "- ", "? ", "if ", "has ", "like ", "Set<", "<![CDATA["],
    *["\r\n\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 5\r\n", "arn:aws:", "{id+}"],
]
VALUES: list[Any] = [
    *[None, True, False, 0, -1, 1, 2**63, -(2**63) - 1, 10**40, 0.5, 1e308, "", " ", "x", "\ud800"],
    *["\0", "é", "1", "true", "null", "a" * 3000, ",", "*", "..", "a/b", [], {}, [[]], [None]],
    *[["x", "x"], {"": ""}, {"a": {"b": []}}, {"__entity": {"type": "User", "id": "x"}}],
    {"__extn": {"fn": "ip", "arg": "1.2.3.4"}},
]


def mutated(seed: Any, random: Random) -> Any:
    """One to four changes of a seed, which stays as it is."""
    if isinstance(seed, dict | list):
        document = copy.deepcopy(seed)
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            document = _changed(document, random)
        return document
    text = seed.decode("latin-1") if isinstance(seed, bytes) else seed
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        text = _edited(text, random)[:MAX_CHARACTERS]
    return text.encode("latin-1", "replace") if isinstance(seed, bytes) else text


def _edited(text: str, random: Random) -> str:
    at = random.randint(0, len(text))
    end = min(len(text), at + random.choice((1, 1, 2, 5, 20, 200)))
    match random.randrange(9):
        case 0:
            return text[:at] + text[end:]
        case 1 | 2:
            return text[:at] + random.choice(SCRAPS) + text[at:]
        case 3 | 4:
            return text[:at] + random.choice(SCRAPS) + text[end:]
        case 5:
            return text[:at] + text[at:end] * random.choice((2, 3, 50)) + text[end:]
        case 6:
            return text[:at] + random.choice(SCRAPS) * random.choice((10, 100, 1000)) + text[at:]
        case 7:
            other = random.randint(0, len(text))
            return text[:at] + text[other : other + (end - at)] + text[end:]
        case _:
            return text[:at] + chr(random.choice((random.randrange(128), random.randrange(0xD000))))


def _places(node: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    pending = [node]
    while pending:
        holder = pending.pop()
        members = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, child in members:
            found.append((holder, key))
            if isinstance(child, dict | list):
                pending.append(child)
    return found


def _changed(document: Any, random: Random) -> Any:
    places = _places(document, []) if isinstance(document, dict | list) else []
    if not places or random.randrange(200) == 0:
        return copy.deepcopy(random.choice(VALUES))
    holder, key = random.choice(places)
    value = holder[key]
    match random.randrange(9):
        case 0:
            del holder[key]
        case 1 | 2:
            holder[key] = copy.deepcopy(random.choice(VALUES))
        case 4 if isinstance(holder, dict):
            name = random.choice([_edited(str(key), random)[:100], "", "x"])
            holder[name] = holder.pop(key)
        case 5:
            other, name = random.choice(places)
            holder[key] = copy.deepcopy(other.get(name) if isinstance(other, dict) else other[:1])
        case 6 if isinstance(holder, list):
            holder[key:key] = [copy.deepcopy(value)] * random.choice((1, 2, 50))
        case 7:
            holder[key] = _nested(value, random)
        case _ if isinstance(value, str):
            holder[key] = _edited(value, random)[:MAX_CHARACTERS]
        case _:
            holder[key] = json.dumps(value, default=str)
    return document


def _nested(value: Any, random: Random) -> Any:
    for _ in range(random.choice((1, 5, 40, 80, 120))):  # not more: `deepcopy` calls itself
        value = [value] if random.randrange(2) else {random.choice(["x", "set"]): value}
    return value
