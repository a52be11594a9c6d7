"""Corefile to YAML and back: the same model, the same comments."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from resolver.config.convert import convert, parse
from resolver.config.corefile import write as corefile
from resolver.config.load import load_text
from resolver.config.model import Config
from resolver.config.syntax import Block, Line, Tree
from resolver.config.yamlfile import write as yaml_write
from resolver.errors import ConfigError, ConfigErrors
from tests.config.sources import MemoryFiles, mistakes, plain
from tests.config.trees import a_word, remarks, said, trees

CASES = sorted(Path(__file__).parents[1].joinpath("parity", "cases").glob("*/*.yaml"))


def to_yaml(text: str) -> str:
    return convert(text, "Corefile")


def to_corefile(text: str) -> str:
    return convert(text, "resolver.yaml")


# --- how it looks


def test_a_corefile_becomes_the_yaml_that_a_person_would_write() -> None:
    text = """
# everything else
.:53 {
    errors
    health {
        lameduck 5s
    }
    forward . 9.9.9.9 149.112.112.112 {
        except cluster.local corp.internal
        policy sequential
        max_concurrent 10000
        force_tcp
        tls_servername dns.quad9.net
    } # not the local ones
    hosts {
        192.0.2.1 www.example.org # the web
        fallthrough
    }
    prometheus :9153
    cache 30
}
"""
    assert (
        to_yaml(text)
        == """# everything else
".:53":
  - errors
  - health: {lameduck: 5s}
  - forward . 9.9.9.9 149.112.112.112:
      except: [cluster.local, corp.internal]
      policy: sequential
      max_concurrent: 10000
      force_tcp:
      tls_servername: dns.quad9.net
  # not the local ones
  - hosts:
      - 192.0.2.1 www.example.org # the web
      - fallthrough
  - prometheus :9153
  - cache 30
"""
    )


def test_yaml_becomes_the_corefile_that_a_person_would_write() -> None:
    text = """
snippets:
  up: [errors, "forward . {args[0]}"] # shared
import: zones/*
# ours
"a.org, b.org:53":
  - import up 9.9.9.9
  - template IN A .: {answer: '"{{ .Name }} 60 IN A 192.0.2.1"'} # one
  - cache:
      # long
      success: [9984, 3600]
      denial: 100
"""
    assert (
        to_corefile(text)
        == """(up) { # shared
    errors
    forward . {args[0]}
}

import zones/*

# ours
a.org b.org:53 {
    import up 9.9.9.9
    template IN A . { # one
        answer "{{ .Name }} 60 IN A 192.0.2.1"
    }
    cache {
        # long
        success 9984 3600
        denial 100
    }
}
"""
    )


def test_two_blocks_for_one_zone_need_a_list() -> None:
    text = "a.org {\n    bind 127.0.0.1\n}\n\na.org {\n    bind 127.0.0.2\n}\n"
    assert to_yaml(text) == "- a.org:\n    - bind 127.0.0.1\n\n- a.org:\n    - bind 127.0.0.2\n"
    assert to_corefile(to_yaml(text)) == text


def test_comments_at_the_end_of_blocks_stay_there() -> None:
    text = ". {\n    a {\n        b 1\n        # in a\n    }\n    # in the block\n}\n\n# behind\n"
    assert to_corefile(to_yaml(text)) == text


def test_very_long_lines_stay_within_the_limits_of_yaml_keys() -> None:
    zones = " ".join(f"zone{number}.example.org" for number in range(200))
    text = (
        f"{zones} {{ # many\n    forward {zones} {{\n        {'x' * 2000} {{\n            y\n        }}\n    }}\n}}\n"
    )
    assert to_corefile(to_yaml(text)) == text


def test_what_other_readers_of_yaml_take_for_something_else_is_in_quotes() -> None:
    document = yaml.safe_load(to_yaml(". {\n a {\n x yes\n n null\n }\n}\n"))
    assert document == {".": [{"a": {"x": "yes", "n": "null"}}]}


def test_nothing_becomes_nothing() -> None:
    assert to_yaml("") == ""
    assert to_corefile("") == ""
    assert to_corefile(to_yaml("# only a remark\n")) == "# only a remark\n"


# --- mistakes


def test_a_file_with_mistakes_is_not_converted() -> None:
    assert mistakes(lambda: to_yaml(". {\n hosts{\n }\n")) == [
        "1:3: brace is never closed",
        "2:2: hosts{ ends in a brace (put a blank before the brace)",
    ]
    assert len(mistakes(lambda: to_corefile("a: [[b], [c]]"))) == 2


def test_a_word_that_no_corefile_can_hold_is_refused() -> None:
    for text in ("a b\\", 'a \\"b'):
        with pytest.raises(ConfigError, match="cannot hold this word"):
            corefile.write((Block((a_word("."),), (Line((a_word("x"), a_word(text))),)),))


def test_a_block_that_yaml_cannot_hold_is_refused() -> None:
    option = Line((a_word("o"),), (Line((a_word("x"), a_word("\x01 ", quoted=True))), Line((a_word("x"),))))
    tree: Tree = (Block((a_word("."),), (Line((a_word("d"),), (option,)),)),)
    with pytest.raises(ConfigError, match="YAML cannot hold"):
        yaml_write.write(tree)


# --- properties


@given(trees())
def test_a_corefile_that_was_written_says_what_its_tree_says(tree: Tree) -> None:
    read = parse(corefile.write(tree), "Corefile")
    assert said(read) == said(tree)
    assert remarks(read) == remarks(tree)


@given(trees())
def test_yaml_that_was_written_says_what_its_tree_says(tree: Tree) -> None:
    text = written_as_yaml(tree)
    if text is not None:
        read = parse(text, "resolver.yaml")
        assert said(read) == said(tree)
        assert remarks(read) == remarks(tree)


@given(trees(st.nothing()))
def test_yaml_without_comments_on_lines_of_their_own_comes_back_letter_by_letter(tree: Tree) -> None:
    first = written_as_yaml(tree)
    if first is not None:
        assert to_yaml(to_corefile(first)) == first


def written_as_yaml(tree: Tree) -> str | None:
    try:
        return yaml_write.write(tree)
    except ConfigError:
        return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.stem}")
def test_the_corefiles_of_the_parity_corpus_come_back_from_yaml(case: Path) -> None:
    document = yaml.safe_load(case.read_text())
    files = MemoryFiles(document.get("files", {}))
    text = document["corefile"].replace("{PORT}", "1053").replace("{DIR}", "/srv")
    try:
        config = load_text(text, environ={}, files=files)
    except ConfigErrors:
        return
    written = to_yaml(text)
    back = to_corefile(written)
    assert to_yaml(back) == written
    for copy, name in ((written, "resolver.yaml"), (back, "Corefile")):
        assert model(load_text(copy, name=name, environ={}, files=files)) == model(config)


def test_the_corpus_is_there() -> None:
    assert len(CASES) > 300


def model(config: Config) -> list[object]:
    return [([key.text for key in block.keys], plain(block.directives)) for block in config.blocks]
