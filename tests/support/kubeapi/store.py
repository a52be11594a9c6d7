"""The objects behind the fake API: versions, a bounded history, and those who wait for the next change."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Json = dict[str, Any]
Selects = Callable[[Json], bool]


class Change(NamedTuple):
    """What happened to an object at a version: the object before (None when added) and after (None when deleted)."""

    version: int
    plural: str
    old: Json | None
    new: Json | None


@dataclass
class Store:
    """Objects by plural and ``namespace/name``. ``oldest`` is the version from which on changes are remembered."""

    version: int = 1000
    oldest: int = 1000
    objects: dict[str, dict[str, Json]] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def apply(self, plural: str, item: Json) -> int:
        """Add or replace an object; the new version."""
        item = copy.deepcopy(item)
        item["metadata"].setdefault("managedFields", [{"manager": "test", "fieldsV1": {"f:spec": {}}}])
        return self._put(plural, key_of(item), item)

    def delete(self, plural: str, key: str) -> int:
        """Take an object away; the new version."""
        return self._put(plural, key, None)

    def forget(self) -> None:
        """Remember no change any more, as after a compaction: watches from an older version are too old."""
        self.history.clear()
        self.oldest = self.version

    def bump(self) -> None:
        """Time goes on: something that nobody here watches has changed."""
        self.version += 1
        self._wake()

    def select(self, plural: str, selects: Selects) -> list[Json]:
        """The selected objects, in the order of their keys."""
        return [item for _, item in sorted(self.objects.get(plural, {}).items()) if selects(item)]

    def events(self, plural: str, selects: Selects, since: int) -> list[tuple[int, str, Json]]:
        """Version, type and object of each change behind a version, as a watch with this selector sees it."""
        found = []
        for change in self.history:
            if change.plural == plural and change.version > since:
                was = change.old is not None and selects(change.old)
                seen = change.new is not None and selects(change.new)
                if was or seen:
                    kind = "MODIFIED" if was and seen else "ADDED" if seen else "DELETED"
                    found.append((change.version, kind, _shown(change, seen=seen)))
        return found

    def _put(self, plural: str, key: str, item: Json | None) -> int:
        self.version += 1
        objects = self.objects.setdefault(plural, {})
        old = objects.pop(key, None)
        if item is not None:
            item["metadata"]["resourceVersion"] = str(self.version)
            objects[key] = item
        self.history.append(Change(self.version, plural, old, item))
        self._wake()
        return self.version

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


def _shown(change: Change, *, seen: bool) -> Json:
    """What leaves the selection is shown as it was, with the version of its leaving."""
    item = copy.deepcopy((change.new if seen else change.old) or {})
    item["metadata"]["resourceVersion"] = str(change.version)
    return item


def key_of(item: Json) -> str:
    """``namespace/name`` or ``name``."""
    metadata = item["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def selector(namespace: str, query: Mapping[str, str]) -> Selects:
    """What a request narrows: namespace, ``a=b`` and ``a!=b`` of labels, ``metadata.name=x`` and the like of fields."""
    labels = _pairs(query.get("labelSelector", ""))
    fields = _pairs(query.get("fieldSelector", ""))

    def selects(item: Json) -> bool:
        metadata = item["metadata"]
        if namespace and metadata.get("namespace") != namespace:
            return False
        has = all((metadata.get("labels", {}).get(name) == value) is wanted for name, wanted, value in labels)
        return has and all((_at(item, name) == value) is wanted for name, wanted, value in fields)

    return selects


def _pairs(text: str) -> list[tuple[str, bool, str]]:
    found = []
    for part in filter(None, text.split(",")):
        name, _, value = part.replace("==", "=").partition("=")
        found.append((name.removesuffix("!"), not name.endswith("!"), value))
    return found


def _at(item: Json, path: str) -> object:
    value: Any = item
    for step in path.split("."):
        value = value.get(step, "") if isinstance(value, dict) else ""
    return value


def line(kind: str, item: Json) -> bytes:
    """An event of a watch."""
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"
