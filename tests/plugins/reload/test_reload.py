"""reload: how often the configuration is to be looked at."""

from __future__ import annotations

import pytest

from resolver.chain.capabilities import Reloading
from resolver.errors import ConfigErrors
from tests.plugins.chains import World


@pytest.mark.parametrize(
    ("line", "interval", "jitter"),
    [
        ("reload", 30.0, 15.0),
        ("reload 10s", 10.0, 5.0),
        ("reload 2s 1s", 2.0, 1.0),
        ("reload 1m 0s", 60.0, 0.0),
        ("reload 1m 2s", 60.0, 2.0),
        ("reload 10s 20s", 10.0, 5.0),
    ],
)
def test_interval_and_jitter(line: str, interval: float, jitter: float) -> None:
    part = World().part(f". {{\n {line}\n}}")
    assert isinstance(part, Reloading)
    assert (part.interval, part.jitter) == (interval, jitter)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("reload 1s", ":2:9: the interval 1s is too short (at least 2s)"),
        ("reload 1999ms 0s", ":2:9: the interval 1999ms is too short (at least 2s)"),
        ("reload 10s 500ms", ":2:13: the jitter 500ms is too short (0s or at least 1s)"),
        ("reload soon", ":2:9: soon is not a duration (write it like 5s, 1m30s or 100ms)"),
        ("reload 1s 2s 3s", ":2:15: reload takes at most 2 arguments, not 3"),
        ("reload {\n }", ":2:2: reload takes no block"),
        ("reload\n reload", ":3:2: reload may stand only once in a server block"),
    ],
)
def test_mistakes_are_shown_where_they_are(line: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        World().part(f". {{\n {line}\n}}")
    assert str(caught.value).endswith(message)
