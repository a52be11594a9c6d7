"""Telling apart what a client wanted and the search suffix that it put behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final, NamedTuple

from resolver.wire.constants import MAX_NAME
from resolver.wire.names import ROOT, is_below, suffixes

_SVC: Final = b"\3svc"
_UNDERSCORE: Final = 0x5F


class Place(Enum):
    """Where a name stands; the values are those of the label ``result``."""

    CLUSTER = "cluster"
    SEARCH = "search"
    EXTERNAL = "external"


class Found(NamedTuple):
    """A name taken apart: ``front`` without a final root octet and ``suffix`` with it are the name.

    ``cut`` is the topmost name that is not there either unless the cluster itself has names like this one, None where
    the suffix is none of the cluster's. ``namespace`` is that of the client's namespace, ROOT behind other suffixes.
    """

    front: bytes
    suffix: bytes
    cut: bytes | None
    zone: bytes
    namespace: bytes = ROOT


class Candidate(NamedTuple):
    """A name that the client would ask for next, where it stands, and after how many questions its turn comes."""

    name: bytes
    place: Place
    turn: int


class Reader:
    """Takes names apart. ``zones`` are those of the cluster, all names in lower case.

    A front part has at least ``min_labels`` labels, none of which begins with an underscore. Where there are
    ``external`` names, it is one of them or below one, or it is complete with the cluster's zone.
    """

    def __init__(self, zones: Iterable[bytes], external: Iterable[bytes], min_labels: int) -> None:
        self.zones = tuple(zones)
        outside = frozenset(external)
        self.known = outside.union(self.zones) if outside else outside
        self.min_labels = min_labels
        self._tails = tuple([(_SVC + zone, zone) for zone in self.zones])

    def behind_namespace(self, name: bytes) -> Found | None:
        """What stands before ``NAMESPACE.svc.ZONE``: the first name that a Pod asks for."""
        for tail, zone in self._tails:
            if not name.endswith(tail):
                continue
            starts = _labels_before(name, tail)
            if starts is None or len(starts) <= self.min_labels:
                return None
            at = starts[-1]
            front, suffix = name[:at], name[at:]
            if not self._may_be_outside(front, starts[:-1]):
                return None
            return Found(front, suffix, name[starts[-2] :], zone, suffix)
        return None

    def behind(self, name: bytes, tail: bytes, zone: bytes = ROOT) -> Found | None:
        """What stands before a suffix, if it may be a front part; ``zone`` is set for a suffix of the cluster's."""
        if not name.endswith(tail):
            return None
        starts = _labels_before(name, tail)
        if starts is None or len(starts) < self.min_labels:
            return None
        front = name[: len(name) - len(tail)]
        if not self._may_be_outside(front, starts):
            return None
        return Found(front, tail, name[starts[-1] :] if zone != ROOT else None, zone)

    def behind_any(self, name: bytes, search: Iterable[bytes]) -> Found | None:
        """What stands before any suffix of a Pod's search path, the longest first."""
        found = self.behind_namespace(name)
        if found is not None:
            return found
        for tail, zone in self._tails:
            found = self.behind(name, tail, zone) or self.behind(name, zone, zone)
            if found is not None:
                return found
        return next(filter(None, (self.behind(name, suffix) for suffix in search)), None)

    def candidates(self, found: Found, front: bytes, search: Iterable[bytes]) -> Iterator[Candidate]:
        """The names that the client would ask for after the first, in its order, those out that would be too long.

        ``front`` is the front part as the client wrote it. A name that is known to be outside is looked for there only,
        and one that is complete with the cluster's zone in no domain of the nodes.
        """
        is_complete = any(is_below(found.front + ROOT, zone) for zone in self.zones)
        path = [(_SVC + found.zone, Place.CLUSTER), (found.zone, Place.CLUSTER)]
        path += [(suffix, Place.SEARCH) for suffix in search]
        for turn, (suffix, place) in enumerate(path, 1):
            left_out = self.known or (place is Place.SEARCH and is_complete)
            if not left_out and len(front) + len(suffix) <= MAX_NAME:
                yield Candidate(front + suffix, place, turn)
        yield Candidate(front + ROOT, Place.CLUSTER if is_complete else Place.EXTERNAL, len(path) + 1)

    def _may_be_outside(self, front: bytes, starts: list[int]) -> bool:
        if any(front[at + 1] == _UNDERSCORE for at in starts):
            return False
        return not self.known or not self.known.isdisjoint(suffixes(front + ROOT))


def _labels_before(name: bytes, tail: bytes) -> list[int] | None:
    """Where the labels before ``tail`` begin; None where the tail begins within a label."""
    end = len(name) - len(tail)
    starts, at = [], 0
    while at < end:
        starts.append(at)
        at += 1 + name[at]
    return starts if at == end else None
