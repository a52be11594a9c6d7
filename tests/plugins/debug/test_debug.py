"""debug: details for the whole process."""

from __future__ import annotations

import pytest

from resolver.errors import ConfigErrors
from tests.plugins.chains import World, question


async def test_details_are_written_while_any_block_has_the_directive() -> None:
    world = World()
    speaker = world.host.log.named("forward")
    first, second = (world.part(". {\n debug\n}\n") for _ in range(2))
    speaker.debug("before")
    await first.start()
    speaker.debug("on")
    await second.start()
    await first.stop()
    speaker.debug("still on")
    await second.stop()
    speaker.debug("after")
    assert world.lines == ["[DEBUG] plugin/forward: on", "[DEBUG] plugin/forward: still on"]


async def test_stopping_what_never_started_changes_nothing() -> None:
    world = World()
    running, checked = (world.part(". {\n debug\n}\n") for _ in range(2))
    await running.start()
    await checked.stop()
    assert world.host.log.level == "DEBUG"


async def test_it_takes_no_part_in_answering() -> None:
    block = World().build(". {\n debug\n}\n")
    assert (await block.resolve(question("a"))).rcode == 5
    with_whoami = World().build(". {\n debug\n whoami\n}\n")
    assert (await with_whoami.resolve(question("a"))).source == "whoami"


@pytest.mark.parametrize("line", ["debug on", "debug {\n x\n }", "debug\n debug"])
def test_the_directive_takes_nothing(line: str) -> None:
    with pytest.raises(ConfigErrors, match="debug"):
        World().build(". {\n " + line + "\n}\n")
