"""root: where relative file names start."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import ConfigErrors
from tests.plugins.chains import World


def test_other_directives_of_the_block_start_from_there(tmp_path: Path) -> None:
    block = World().build(". {\n hosts names\n root data\n}\n", tmp_path)
    assert block.root == tmp_path / "data"
    hosts = next(part for part in block.parts if part.name == "hosts")
    assert hosts.settings.path == tmp_path / "data" / "names"  # type: ignore[attr-defined]


def test_an_absolute_path_stands_for_itself(tmp_path: Path) -> None:
    assert World().build(". {\n root /srv/zones\n}\n", tmp_path).root == Path("/srv/zones")


async def test_a_directory_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    world = World()
    await world.build(". {\n root later\n}\n", tmp_path).parts[0].start()
    assert "later does not exist" in world.lines[0]


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigErrors, match="file is not a directory"):
        World().build(". {\n root file\n}\n", tmp_path)


@pytest.mark.parametrize("line", ["root", "root a b", "root a {\n }", "root a\n root b"])
def test_one_directory_is_given(line: str) -> None:
    with pytest.raises(ConfigErrors, match="root"):
        World().build(". {\n " + line + "\n}\n")
