"""timeouts: how long connections may take."""

from __future__ import annotations

import pytest

from resolver.chain.capabilities import Listening, ListenSettings
from resolver.errors import ConfigErrors
from tests.plugins.chains import World


def listen(block: str) -> ListenSettings:
    part = World().part(f". {{\n timeouts {{\n{block}\n}}\n}}\n")
    assert isinstance(part, Listening)
    return part.listen(ListenSettings(("127.0.0.1",), sockets=3))


def test_times_are_put_into_the_settings_and_the_rest_is_kept() -> None:
    assert listen("read 15s\nwrite 30s\nidle 1m\nmaxtcpqueries 128") == ListenSettings(
        ("127.0.0.1",), 15.0, 30.0, 60.0, sockets=3, max_queries_per_connection=128
    )


def test_what_is_not_given_stays_as_it_is() -> None:
    default = ListenSettings(("127.0.0.1",), sockets=3)
    assert listen("idle 24h") == ListenSettings(("127.0.0.1",), idle_timeout=86400.0, sockets=3)
    assert listen("read 1s").write_timeout == default.write_timeout


def test_a_plain_number_is_in_seconds() -> None:
    assert listen("read 5").read_timeout == 5.0


def test_minus_one_is_no_limit() -> None:
    assert listen("maxtcpqueries -1").max_queries_per_connection == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("timeouts", "timeouts sets nothing"),
        ("timeouts {\n}", "timeouts sets nothing"),
        ("timeouts 5s", "timeouts takes no arguments"),
        ("timeouts {\n read 999ms\n}", "999ms is out of range"),
        ("timeouts {\n idle 25h\n}", "25h is out of range"),
        ("timeouts {\n write\n}", "write needs 1 argument"),
        ("timeouts {\n write soon\n}", "soon is not a duration"),
        ("timeouts {\n maxtcpqueries 0\n}", "maxtcpqueries cannot be 0"),
        ("timeouts {\n maxtcpqueries -2\n}", "-2 is out of range"),
        ("timeouts {\n maxtcpqueries many\n}", "many is not a whole number"),
        ("timeouts {\n raed 5s\n}", "did you mean read?"),
        ("timeouts {\n read 5s\n read 6s\n}", "read is already given"),
    ],
)
def test_mistakes_are_found(line: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        World().build(". {\n" + line + "\n}\n")
    assert message in str(caught.value)
