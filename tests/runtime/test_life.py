"""Reloads that go wrong in ways that nobody foresaw."""

from __future__ import annotations

from io import StringIO

from resolver.config.model import Config
from resolver.runtime.options import Options
from resolver.runtime.process import Process
from resolver.telemetry.log import Log


class Odd(Process):
    """A process that stumbles over every configuration."""

    async def apply(self, config: Config) -> None:
        raise RuntimeError("odd")


async def test_an_unforeseen_error_is_a_refused_reload_said_and_counted_once() -> None:
    output = StringIO()
    process = Odd(Options(text=". {\n    whoami\n}\n", log=Log(output)))
    for _ in range(3):
        await process.reload()
    assert output.getvalue().splitlines() == [
        "[ERROR] reload: RuntimeError: odd",
        "[ERROR] reload failed: the old configuration goes on serving",
    ]
    failed = next(one for one in process.host.registry.families() if one.name == "coredns_reload_failed_total")
    assert failed.cell().value == 1


async def test_no_reload_begins_once_the_end_has() -> None:
    output = StringIO()
    process = Odd(Options(text=". {\n    whoami\n}\n", log=Log(output)))
    process.host.stopping = True
    await process.reload()
    assert output.getvalue() == ""
