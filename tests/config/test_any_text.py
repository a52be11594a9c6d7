"""Any text is a configuration or our error, and nothing else, in bounded time."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from resolver.config.convert import convert, parse
from resolver.config.load import load, load_text
from resolver.config.model import Config
from resolver.errors import ConfigError, ConfigErrors
from tests.config.sources import MemoryFiles
from tests.config.trees import remarks, said

_STRUCTURE = ["{", "}", "\n", " ", " {\n", "\n}\n", '"', "\\", "#", ",", "\t", "\r\n", "{}", '\\"', "\ufeff", "\0"]
_WORDS = [
    "(s)",
    "import",
    " s",
    "a.org",
    ". {\n",
    "{$A}",
    "{args[0]}",
    "{args[:]}",
    "import a\n",
    "import *\n",
    "{%B%}",
]
COREFILE_PIECES = st.sampled_from([*_STRUCTURE, *_WORDS])
_YAML_MARKS = [": ", ":\n", "\n", "  ", "- ", "{", "}", "[", "]", ", ", "|\n", ">\n", "#", " # c", '"', "'", "\\", "? "]
_YAML_WORDS = [
    "a.org",
    "&a ",
    "*a",
    "import",
    "snippets",
    "---\n",
    "~",
    "<<",
    "!x ",
    "x",
    "\t",
    "{$A}",
    "%",
    "\ufeff",
    "\r\n",
]
YAML_PIECES = st.sampled_from([*_YAML_MARKS, *_YAML_WORDS])
corefiles = st.one_of(st.text(max_size=60), st.lists(COREFILE_PIECES, max_size=40).map("".join))
yamls = st.one_of(st.text(max_size=60), st.lists(YAML_PIECES, max_size=40).map("".join))

COREFILE = """# a remark
(up) { # more
    forward . {args[0]} "{$A}" {
        except a.org, b.org # these
    }
}
import a
a.org:53, b.org {
    import up 9.9.9.9
    hosts {
        192.0.2.1 a.org
        # last
    }
    template IN A . {
        answer "{{ .Name }} 60 IN A \\"1\\""
    }
}
"""


def read(text: str, name: str) -> Config | None:
    files = MemoryFiles({"a": "x.org {\n}\n", "b.conf": text[:20]})
    try:
        return load_text(text, name=name, environ={"A": "one", "B": "{"}, files=files)
    except ConfigErrors as errors:
        assert errors.errors  # noqa: PT017  an error without a mistake would be none
        return None


def converted(text: str, name: str) -> str | None:
    try:
        return convert(text, name)
    except (ConfigError, ConfigErrors):
        return None


@given(corefiles)
def test_any_text_is_a_corefile_or_our_error(text: str) -> None:
    config = read(text, "Corefile")
    if config is not None:
        assert all(block.keys for block in config.blocks)


@given(yamls)
def test_any_text_is_yaml_or_our_error(text: str) -> None:
    config = read(text, "resolver.yaml")
    if config is not None:
        assert all(block.keys for block in config.blocks)


def damaged(text: str) -> st.SearchStrategy[str]:
    """The text with a piece of it cut out, doubled or replaced."""
    places = st.tuples(st.integers(0, len(text)), st.integers(0, 20), st.text(max_size=3))
    return places.map(lambda cut: text[: cut[0]] + cut[2] + text[cut[0] + cut[1] - 5 :])


@given(damaged(COREFILE))
def test_any_damage_to_a_corefile_is_read_or_reported(text: str) -> None:
    read(text, "Corefile")


@given(damaged(convert(COREFILE, "Corefile")))
def test_any_damage_to_yaml_is_read_or_reported(text: str) -> None:
    read(text, "resolver.yaml")


@given(st.one_of(corefiles, damaged(COREFILE)))
def test_any_corefile_that_parses_can_come_back_from_yaml(text: str) -> None:
    written = converted(text, "Corefile")
    if written is not None:
        before, after = parse(text, "Corefile"), parse(written, "resolver.yaml")
        assert said(after) == said(before)
        assert len(remarks(after)) == len(remarks(before))


@given(st.one_of(yamls, damaged(convert(COREFILE, "Corefile"))))
def test_any_yaml_that_parses_can_become_a_corefile(text: str) -> None:
    written = converted(text, "resolver.yaml")
    if written is not None:
        assert said(parse(written, "Corefile")) == said(parse(text, "resolver.yaml"))


@pytest.mark.parametrize(("name", "text"), [("Corefile", "a.org {\n}\n"), ("resolver.yaml", "a.org: []\n")])
def test_a_byte_order_mark_is_skipped(name: str, text: str) -> None:
    config = load(name, environ={}, files=MemoryFiles({name: "\ufeff" + text}))
    assert [key.text for key in config.blocks[0].keys] == ["a.org"]
    assert config.blocks[0].keys[0].at.column == 1
    assert converted("\ufeff" + text, name) == converted(text, name)


@pytest.mark.parametrize("name", ["Corefile", "resolver.yaml"])
@given(content=st.binary(max_size=40))
def test_any_octets_are_a_configuration_or_our_error(name: str, content: bytes) -> None:
    try:
        load(name, environ={}, files=MemoryFiles({name: content}))
    except (ConfigError, ConfigErrors):
        return


def test_yaml_written_here_is_plain_yaml() -> None:
    document = yaml.safe_load(convert(COREFILE, "Corefile"))
    assert list(document) == ["snippets", "import", "a.org:53 b.org"]


def test_the_corefile_of_the_project_is_read() -> None:
    path = Path(__file__).parents[2] / "config" / "Corefile"
    if path.exists():
        assert load(str(path), environ={}).blocks
