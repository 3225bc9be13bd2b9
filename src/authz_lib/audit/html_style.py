"""The style of the page: dark and light by what the reader prefers, black on white on paper."""

from __future__ import annotations

from typing import Final

__all__ = ["HTML_STYLE"]

HTML_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c1c1e; --paper: #fff; --line: #d4d4d8;
  --open: #b3261e; --seen: #8a5a00; --purpose: #1d5fa8; --closed: #1b6e3c; --soft: #f4f4f5; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececee; --paper: #17171a; --line: #3a3a40;
  --open: #ff8a80; --seen: #ffc46b; --purpose: #8ab8ff; --closed: #7ddb9f; --soft: #232328; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { margin-top: 0; } h2 { margin-bottom: .25rem; } h3 { margin: 0; font-size: 1rem; }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
.cards { display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; list-style: none; }
.cards li { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem 1rem; }
.cards b { font-size: 1.5rem; }
.open h2, li.open b { color: var(--open); } .not-seen h2, li.not-seen b { color: var(--seen); }
.on-purpose h2, li.on-purpose b { color: var(--purpose); }
.closed h2, li.closed b { color: var(--closed); }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .5rem; text-align: left;
  vertical-align: top; }
article { border-left: .3rem solid var(--line); background: var(--soft); margin: .75rem 0;
  padding: .5rem .75rem; }
article p { margin: .25rem 0 0; }
article.high { border-color: var(--open); } article.medium { border-color: var(--seen); }
article.low { border-color: var(--purpose); } .problem { color: var(--open); font-weight: 600; }
@media print { :root { --ink: #000; --paper: #fff; --soft: #fff; --line: #999; --open: #a00;
  --seen: #740; --purpose: #036; --closed: #040; }
  main { max-width: none; padding: 0; } tr, article { break-inside: avoid; }
  thead { display: table-header-group; } h2 { break-after: avoid; } }
"""
