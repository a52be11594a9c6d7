"""The wording of messages: how a text is shown in one, and the hint for a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SHOWN = 80


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence such as ``did you mean cache?``, empty where nothing is near."""
    close = difflib.get_close_matches(name.lower()[:64], list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else ""


def shown(text: str) -> str:
    """A text as it stands in a message: in quotes where it is empty or odd, cut where it is long."""
    if len(text) > _SHOWN:
        text = text[:_SHOWN] + "..."
    return text if text and text.isprintable() else repr(text)
