"""Reading a configuration from disk, and noticing that it has changed."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from resolver.config.load import digest_now, load, load_text
from resolver.config.model import Config
from resolver.errors import ConfigError
from tests.config.sources import MemoryFiles, mistakes, plain


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        folder.joinpath(name).write_text(text)


def names(config: Config) -> list[str]:
    return [key.text for block in config.blocks for key in block.keys]


@pytest.mark.parametrize("name", ["Corefile", "dns.conf", "resolver.txt"])
def test_a_file_is_a_corefile(tmp_path: Path, name: str) -> None:
    tmp_path.joinpath(name).write_text("a.org {\n log\n}\n")
    assert names(load(str(tmp_path / name), environ={})) == ["a.org"]


@pytest.mark.parametrize("name", ["resolver.yaml", "resolver.yml", "RESOLVER.YAML"])
def test_a_file_whose_name_says_so_is_yaml(tmp_path: Path, name: str) -> None:
    tmp_path.joinpath(name).write_text("a.org: [log]\n")
    assert names(load(str(tmp_path / name), environ={})) == ["a.org"]


def test_a_corefile_may_import_yaml_and_the_other_way_round(tmp_path: Path) -> None:
    write(tmp_path, Corefile=". {\n import lines.yaml\n}\nimport blocks.yaml\n")
    tmp_path.joinpath("lines.yaml").write_text("- errors\n- cache: 30\n")
    tmp_path.joinpath("blocks.yaml").write_text("import: more.conf\na.org: [import lines.conf]\n")
    tmp_path.joinpath("lines.conf").write_text("log\n")
    tmp_path.joinpath("more.conf").write_text("b.org {\n loop\n}\n")
    config = load(str(tmp_path / "Corefile"), environ={})
    assert names(config) == [".", "b.org", "a.org"]
    assert [plain(block.directives) for block in config.blocks] == [
        [["errors"], ["cache", "30"]],
        [["loop"]],
        [["log"]],
    ]


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    missing = tmp_path / "Corefile"
    with pytest.raises(ConfigError) as caught:
        load(str(missing), environ={})
    assert str(caught.value) == f"cannot read {missing}: No such file or directory"
    assert mistakes(lambda: load(str(tmp_path), environ={})) == [f"cannot read {tmp_path}: Is a directory"]


def test_a_path_with_a_nul_is_no_file(tmp_path: Path) -> None:
    write(tmp_path, Corefile='. {\n import "a\0b"\n import "a\0*"\n}\n')
    found = mistakes(lambda: load(str(tmp_path / "Corefile"), environ={}))
    assert all("cannot import" in mistake for mistake in found)


def test_a_text_that_is_no_file_is_a_configuration_too() -> None:
    config = load_text(".:53 {\n forward . 1.1.1.1\n}\n", environ={}, files=MemoryFiles())
    assert names(config) == [".:53"]
    assert config.files == ()
    assert digest_now(config, files=MemoryFiles()) == config.digest


def test_reading_a_corefile_does_not_load_the_yaml_library() -> None:
    code = (
        "import sys; from resolver.config.load import load_text;"
        "load_text('. {\\n}', environ={}); sys.exit('yaml' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- patterns on disk


def test_a_pattern_finds_files_but_neither_directories_nor_hidden_ones(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.joinpath("folder").mkdir(parents=True)
    write(parts, b="log\n", a="errors\n", **{".hidden": "nonsense {", "..data": "nonsense {"})
    write(tmp_path, Corefile=". {\n import parts/*\n}\n")
    config = load(str(tmp_path / "Corefile"), environ={})
    assert plain(config.blocks[0].directives) == [["errors"], ["log"]]
    assert config.files == (str(tmp_path / "Corefile"), str(parts / "a"), str(parts / "b"))


def test_links_like_those_of_a_config_map_are_followed(tmp_path: Path) -> None:
    tmp_path.joinpath("..2026").mkdir()
    write(tmp_path / "..2026", Corefile=". {\n log\n}\n")
    tmp_path.joinpath("..data").symlink_to("..2026")
    tmp_path.joinpath("Corefile").symlink_to("..data/Corefile")
    assert names(load(str(tmp_path / "Corefile"), environ={})) == ["."]


# --- noticing changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, Corefile=". {\n import one\n import parts.*\n}\n", one="errors\n")
    tmp_path.joinpath("parts.a").write_text("log\n")
    return tmp_path


def loaded(folder: Path) -> Config:
    return load(str(folder / "Corefile"), environ={})


def test_the_digest_of_a_single_file_is_its_sha_512(tmp_path: Path) -> None:
    write(tmp_path, Corefile=". {\n}\n")
    assert loaded(tmp_path).digest == hashlib.sha512(b". {\n}\n").hexdigest()


def test_nothing_has_changed_while_all_files_are_the_same(folder: Path) -> None:
    config = loaded(folder)
    assert digest_now(config) == config.digest
    assert loaded(folder).digest == config.digest


@pytest.mark.parametrize("name", ["Corefile", "one", "parts.a"])
def test_a_change_in_any_file_is_a_change(folder: Path, name: str) -> None:
    config = loaded(folder)
    folder.joinpath(name).write_text(folder.joinpath(name).read_text() + "# more\n")
    assert digest_now(config) != config.digest
    assert digest_now(config) == loaded(folder).digest


def test_a_new_file_that_matches_a_pattern_is_a_change(folder: Path) -> None:
    config = loaded(folder)
    folder.joinpath("parts.b").write_text("loop\n")
    assert digest_now(config) != config.digest


@pytest.mark.parametrize("name", ["Corefile", "one", "parts.a"])
def test_a_file_that_is_gone_is_a_change(folder: Path, name: str) -> None:
    config = loaded(folder)
    folder.joinpath(name).unlink()
    assert digest_now(config) != config.digest


def test_text_that_moves_from_one_file_to_the_next_is_a_change(folder: Path) -> None:
    folder.joinpath("one").write_text("errors\nlog\n")
    folder.joinpath("parts.a").write_text("")
    before = loaded(folder)
    folder.joinpath("one").write_text("errors\n")
    folder.joinpath("parts.a").write_text("log\n")
    assert digest_now(before) != before.digest


def test_a_configuration_survives_being_sent_to_another_process() -> None:
    config = load_text('a.test "b c" {\n cache 30 {\n  prefetch 2\n }\n forward . {$UP}\n}\n', environ={})
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301  made in the same line
