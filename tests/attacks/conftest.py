"""The attacks and faults that once worked, each against public names.

One file for each entry, named after it. Each has tests that fail on commit 0a5d560, where the names
are the same:

    git worktree add ../base 0a5d560
    PYTHONPATH=../base/src uv run --no-sync --group tests pytest tests/attacks
"""
