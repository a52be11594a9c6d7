"""multisocket: several sockets on one port."""

from __future__ import annotations

import os

import pytest

from resolver.chain.capabilities import Listening, ListenSettings
from resolver.errors import ConfigErrors
from resolver.plugins import multisocket
from tests.plugins.chains import World


def sockets(line: str) -> int:
    part = World().part(". {\n " + line + "\n}\n")
    assert isinstance(part, Listening)
    return part.listen(ListenSettings()).sockets


@pytest.mark.parametrize("number", [1, 5, 1024])
def test_the_number_is_asked_of_the_listeners(number: int) -> None:
    assert sockets(f"multisocket {number}") == number


def test_the_default_is_the_number_of_processors() -> None:
    assert sockets("multisocket") == len(os.sched_getaffinity(0))


def test_a_large_machine_does_not_exceed_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(5000)))
    assert multisocket.usable_processors() == 1024


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("multisocket 0", "0 is out of range"),
        ("multisocket 1025", "1025 is out of range"),
        ("multisocket -1", "-1 is out of range"),
        ("multisocket many", "many is not a whole number"),
        ("multisocket 1 2", "multisocket takes at most 1 argument"),
        ("multisocket {\n x\n}", "multisocket takes no block"),
        ("multisocket 2\nmultisocket 2", "multisocket may stand only once"),
    ],
)
def test_mistakes_are_found(line: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        World().build(". {\n" + line + "\n}\n")
    assert message in str(caught.value)
