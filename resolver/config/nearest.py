"""The hint for a name that is not known: the known one that looks most like it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence such as ``did you mean cache?``, empty where nothing is near."""
    close = difflib.get_close_matches(name.lower()[:64], list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else ""
