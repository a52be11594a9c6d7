"""From values to the text of a line, with what is left out left out and what is hashed hashed."""

from __future__ import annotations

import json
from collections.abc import Mapping

from resolver.plugins.audit.hashing import Hasher

_encode = json.JSONEncoder(separators=(",", ":")).encode


class Shape:
    """What a line may say in the clear."""

    __slots__ = ("_hashed", "_hasher", "_omitted")

    def __init__(self, hasher: Hasher | None, hashed: frozenset[str], omitted: frozenset[str]) -> None:
        self._hasher = hasher
        self._hashed = hashed
        self._omitted = omitted

    def shows(self, field: str) -> bool:
        """Whether lines have the field."""
        return field not in self._omitted

    def members(self, values: Mapping[str, object]) -> str:
        """The members of a JSON object, each with a comma in front; those without a value are left out."""
        omitted, hashed = self._omitted, self._hashed
        kept = {
            field: self._hash(value) if field in hashed else value
            for field, value in values.items()
            if field not in omitted and value is not None and value != "" and value != []
        }
        return "," + _encode(kept)[1:-1] if kept else ""

    def _hash(self, value: object) -> object:
        if self._hasher is None:
            return value
        if isinstance(value, list):
            return [self._hasher.hash(str(one)) for one in value]
        return self._hasher.hash(str(value))
