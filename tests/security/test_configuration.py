"""A configuration that is wrong, or meant to hurt, ends in a message and in bounded time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from resolver.config.load import load, load_text
from resolver.errors import ConfigError, ConfigErrors
from tests.plugins.chains import World, question
from tests.runtime.serving import refused

RUNAWAY = ["(a+)+$", "(a|aa)+$", "(.*a){20}$", "([a-z]+)*x", "(a?){30}a{30}"]
BROKEN = [". {", ". {\n cache {", ". {\n cache {\n", ".:53 {\n forward . {\n", "}", "{", "(x) {", '. {\n "', "import ("]


@pytest.mark.parametrize("text", BROKEN)
def test_an_unclosed_brace_is_refused(text: str) -> None:
    """CoreDNS 7571: the parser went round for ever."""
    begun = time.monotonic()
    with pytest.raises((ConfigError, ConfigErrors)):
        load_text(text, environ={})
    assert time.monotonic() - begun < 2


def test_files_that_import_each_other_are_refused(tmp_path: Path) -> None:
    """CoreDNS 7567."""
    (tmp_path / "a").write_text("import b\n")
    (tmp_path / "b").write_text("import a\n")
    with pytest.raises((ConfigError, ConfigErrors)):
        load(str(tmp_path / "a"), environ={})


def test_snippets_that_import_each_other_are_refused() -> None:
    with pytest.raises((ConfigError, ConfigErrors)):
        load_text("(a) {\n import b\n}\n(b) {\n import a\n}\n. {\n import a\n}\n", environ={})


def test_imports_that_double_each_time_are_refused_before_they_fill_the_memory() -> None:
    snippets = ["(s0) {\n whoami\n}"] + [f"(s{n}) {{\n import s{n - 1}\n import s{n - 1}\n}}" for n in range(1, 40)]
    begun = time.monotonic()
    with pytest.raises((ConfigError, ConfigErrors)):
        load_text("\n".join([*snippets, ". {\n import s39\n}"]), environ={})
    assert time.monotonic() - begun < 10


def test_braces_in_braces_are_refused_at_some_depth() -> None:
    with pytest.raises((ConfigError, ConfigErrors)):
        load_text(". {\n" + "a {\n" * 5000 + "}\n" * 5000 + "}\n", environ={})


@pytest.mark.parametrize("pattern", RUNAWAY)
async def test_regular_expressions_cannot_run_away(pattern: str) -> None:
    """Python's engine tries every way to match; one query must not keep all others waiting."""
    world = World()
    try:
        block = world.build(f". {{\n rewrite name regex {pattern} other.example.org\n whoami\n}}")
    except (ConfigError, ConfigErrors):
        return  # the engine that has no bound refuses it
    begun = time.monotonic()
    await block.resolve(question(".".join(["a" * 60] * 4) + "."))
    assert time.monotonic() - begun < 0.5


def test_the_server_says_what_is_wrong_and_ends(tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(". {\n forward . 192.0.2.1\n")
    code, said, complained = refused(tmp_path, "-conf", "conf")
    assert code != 0
    assert "conf:" in said + complained
