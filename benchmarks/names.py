"""Query files: one "NAME TYPE" a line, all names under bench.test."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ZONE = "bench.test"


def cached(count: int) -> Iterator[str]:
    return (f"n{index}.{ZONE}" for index in range(count))


def new(prefix: str, count: int) -> Iterator[str]:
    """Names that occur once only; a prefix is used for one file alone."""
    return (f"{prefix}{index}.{ZONE}" for index in range(count))


def mixed(prefix: str, known: int, count: int) -> Iterator[str]:
    """Nine names out of the ``known`` cached ones, then a new one."""
    repeats = itertools.cycle(cached(known))
    for index in range(count):
        yield f"{prefix}{index}.{ZONE}" if index % 10 == 9 else next(repeats)


def in_zones(zones: int) -> Iterator[str]:
    """One name in each of ``zones`` stub zones."""
    return (f"host.z{index}.{ZONE}" for index in range(zones))


def shuffled(names: Iterable[str], limit: int) -> list[str]:
    """``limit`` of the names in an order that is the same in every run, unlike the order in which they were cached."""
    every = list(names)
    chooser = random.Random(1035)
    return chooser.sample(every, min(limit, len(every)))


def respelled(known: Sequence[str], kind: int) -> Iterator[str]:
    """The names over and over, each time in other letters: as new to a server as a name can be that it knows.

    What a ``kind`` of 0 gives never comes with 1.
    """
    for count in itertools.count():
        bits = (count // len(known) + 1) * 2 + kind
        name = known[count % len(known)]
        yield "".join(letter.upper() if bits >> place & 1 else letter for place, letter in enumerate(name))


def write(path: Path, names: Iterable[str]) -> Path:
    with path.open("w") as file:
        file.writelines(f"{name} A\n" for name in names)
    return path


def question(name: str, identity: int = 0) -> bytes:
    """A query for A with recursion desired, in wire form (RFC 1035 section 4.1)."""
    header = identity.to_bytes(2, "big") + b"\x01\x00\x00\x01" + bytes(6)
    labels = b"".join(bytes([len(label)]) + label for label in name.encode("ascii").split(b"."))
    return header + labels + b"\x00\x00\x01\x00\x01"
