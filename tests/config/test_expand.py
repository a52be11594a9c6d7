"""Snippets, imports, their arguments and the environment."""

from __future__ import annotations

import time

import pytest

from resolver.config import expand
from resolver.config.load import load
from tests.config.sources import MemoryFiles, blocks_of, config_of, mistakes, mistakes_in, plain


def directives_of(files: dict[str, str | bytes], **environ: str) -> list[object]:
    return [one for block in config_of(files, **environ).blocks for one in plain(block.directives)]


def wrong(files: dict[str, str | bytes]) -> list[str]:
    return mistakes(lambda: config_of(files))


# --- snippets


def test_a_snippet_is_pasted_where_it_is_imported() -> None:
    text = "(shared) {\n errors\n cache 30\n}\n. {\n log\n import shared\n loop\n}\n"
    assert blocks_of(text) == [(["."], [["log"], ["errors"], ["cache", "30"], ["loop"]])]


def test_a_snippet_may_be_defined_after_its_use() -> None:
    assert blocks_of(". {\n import s\n}\n(s) {\n errors\n}\n") == [(["."], [["errors"]])]


def test_a_snippet_may_hold_options() -> None:
    text = "(s) {\n max_fails 3\n expire 10s\n}\n. {\n forward . 1.1.1.1 {\n import s\n }\n}\n"
    assert blocks_of(text) == [(["."], [["forward", ".", "1.1.1.1", [["max_fails", "3"], ["expire", "10s"]]]])]


def test_a_snippet_may_hold_server_blocks() -> None:
    text = "(s) {\n a.org, b.org:53 {\n errors\n }\n}\nimport s\n"
    assert blocks_of(text) == [(["a.org", "b.org:53"], [["errors"]])]


def test_a_line_of_such_a_snippet_without_braces_is_an_error() -> None:
    assert mistakes_in("(s) {\n errors\n}\nimport s\n") == ["2:2: errors stands outside of a server block"]


def test_snippets_may_import_snippets() -> None:
    text = "(a) {\n import b\n log\n}\n(b) {\n errors\n}\n. {\n import a\n}\n"
    assert blocks_of(text) == [(["."], [["errors"], ["log"]])]


def test_two_snippets_of_one_name_are_an_error() -> None:
    assert mistakes_in("(s) {\n}\n(s) {\n}\n") == ["3:1: snippet s is already defined at Corefile:1:1"]


def test_a_file_that_is_imported_twice_defines_its_snippets_once() -> None:
    files: dict[str, str | bytes] = {"Corefile": "import s\nimport s\n. {\n import x\n}\n", "s": "(x) {\n log\n}\n"}
    assert directives_of(files) == [["log"]]


def test_a_mistake_in_a_snippet_is_reported_once_however_often_it_is_imported() -> None:
    text = "(s) {\n import nix\n}\n. {\n import s\n import s\n}\n"
    assert len(mistakes_in(text)) == 1


# --- arguments of imports


@pytest.mark.parametrize("placeholder", ["{args[0]}", "{args.0}"])
def test_an_argument_of_an_import_takes_the_place_of_its_number(placeholder: str) -> None:
    text = f"(up) {{\n forward . {placeholder}\n}}\n. {{\n import up 9.9.9.9\n}}\n"
    assert blocks_of(text) == [(["."], [["forward", ".", "9.9.9.9"]])]


def test_arguments_stand_inside_words_too() -> None:
    text = '(up) {\n forward . "tls://{args[0]}:{args[1]}"\n}\n. {\n import up 9.9.9.9 853\n}\n'
    assert blocks_of(text) == [(["."], [["forward", ".", "tls://9.9.9.9:853"]])]


@pytest.mark.parametrize(
    ("placeholder", "expected"),
    [("{args[:]}", ["a", "b", "c"]), ("{args[1:]}", ["b", "c"]), ("{args[:2]}", ["a", "b"]), ("{args[3:]}", [])],
)
def test_a_range_of_arguments_is_as_many_words(placeholder: str, expected: list[str]) -> None:
    text = f"(s) {{\n forward {placeholder}\n}}\n. {{\n import s a b c\n}}\n"
    assert blocks_of(text) == [(["."], [["forward", *expected]])]


def test_an_argument_with_blanks_stays_one_word() -> None:
    text = '(s) {\n answer {args[0]}\n}\n. {\n import s "two words"\n}\n'
    assert blocks_of(text) == [(["."], [["answer", "two words"]])]


def test_arguments_are_handed_on_to_inner_imports() -> None:
    text = "(a) {\n import b {args[1]}\n}\n(b) {\n cache {args[0]}\n}\n. {\n import a 10 20\n}\n"
    assert blocks_of(text) == [(["."], [["cache", "20"]])]


def test_arguments_do_not_reach_into_inner_imports_by_themselves() -> None:
    text = "(a) {\n import b\n}\n(b) {\n cache {args[0]}\n}\n. {\n import a 10\n}\n"
    assert mistakes_in(text) == ["2:9: import gives no argument 0, which Corefile:5:8 needs"]


def test_a_missing_argument_is_an_error_of_the_import() -> None:
    text = "(s) {\n cache {args[1]}\n}\n. {\n import s 10\n}\n"
    assert mistakes_in(text) == ["5:9: import gives no argument 1, which Corefile:2:8 needs"]


def test_a_placeholder_without_a_number_is_an_error() -> None:
    text = "(s) {\n cache {args[]}\n}\n. {\n import s 10\n}\n"
    assert mistakes_in(text) == ["2:8: an argument needs a number (write {args[0]}, or {args[:]} for all)"]


def test_outside_of_imports_such_placeholders_are_plain_text() -> None:
    assert blocks_of(". {\n log . {args[0]}\n}\n") == [(["."], [["log", ".", "{args[0]}"]])]


def test_the_place_of_an_argument_is_where_it_was_given() -> None:
    config = config_of({"Corefile": "(s) {\n cache {args[0]} x\n}\n. {\n import s 10\n}\n"})
    first, second = config.blocks[0].directives[0].args
    assert (first.at.line, second.at.line) == (5, 2)


def test_imported_files_take_arguments_too() -> None:
    assert directives_of({"Corefile": ". {\n import up 9.9.9.9\n}\n", "up": "forward . {args[0]}\n"}) == [
        ["forward", ".", "9.9.9.9"]
    ]


# --- files


def test_a_file_is_found_beside_the_file_that_imports_it() -> None:
    files: dict[str, str | bytes] = {
        "/etc/dns/Corefile": ". {\n import parts/a.conf\n}\n",
        "/etc/dns/parts/a.conf": "errors\nimport b.conf\n",
        "/etc/dns/parts/b.conf": "import /srv/c.conf\n",
        "/srv/c.conf": "cache 30\n",
    }
    config = config_of(files, "/etc/dns/Corefile")
    assert plain(config.blocks[0].directives) == [["errors"], ["cache", "30"]]
    assert config.files == tuple(files)
    assert config.blocks[0].directives[1].name.at.file == "/srv/c.conf"


def test_a_file_may_hold_options() -> None:
    files: dict[str, str | bytes] = {"Corefile": ". {\n forward . 1.1.1.1 {\n  import o\n }\n}\n", "o": "max_fails 3\n"}
    assert directives_of(files) == [["forward", ".", "1.1.1.1", [["max_fails", "3"]]]]


def test_at_the_top_a_file_brings_server_blocks_and_snippets() -> None:
    files: dict[str, str | bytes] = {
        "Corefile": "import more\n. {\n import s\n}\n",
        "more": "(s) {\n log\n}\na.org {\n errors\n}\n",
    }
    config = config_of(files)
    assert [block.keys[0].text for block in config.blocks] == ["a.org", "."]
    assert directives_of(files) == [["errors"], ["log"]]


def test_an_imported_block_without_braces_ends_with_its_file() -> None:
    files: dict[str, str | bytes] = {"Corefile": "import a\nimport b\n", "a": "a.org\nlog\n", "b": "b.org\nerrors\n"}
    assert [[key.text for key in block.keys] for block in config_of(files).blocks] == [["a.org"], ["b.org"]]


def test_a_brace_that_is_left_open_does_not_reach_out_of_its_file() -> None:
    files: dict[str, str | bytes] = {"Corefile": ". {\n import a\n}\n", "a": "hosts {\n"}
    assert wrong(files) == ["1:7: brace is never closed"]


def test_a_pattern_brings_all_files_that_match_in_order() -> None:
    files: dict[str, str | bytes] = {
        "d/Corefile": ". {\n import *.conf\n}\n",
        "d/b.conf": "log\n",
        "d/a.conf": "errors\n",
        "d/c.txt": "nonsense",
    }
    config = config_of(files, "d/Corefile")
    assert plain(config.blocks[0].directives) == [["errors"], ["log"]]
    assert [(one.pattern, one.matches) for one in config.globs] == [("d/*.conf", ("d/a.conf", "d/b.conf"))]


def test_a_pattern_that_matches_nothing_is_no_error() -> None:
    assert directives_of({"Corefile": ". {\n import zones/*\n log\n}\n"}) == [["log"]]


def test_a_pattern_may_have_its_wildcards_in_the_middle_of_a_path() -> None:
    files: dict[str, str | bytes] = {"Corefile": ". {\n import zones/*/plugins\n}\n"}
    files |= {"zones/b/plugins": "log\n", "zones/a/plugins": "errors\n"}
    assert directives_of(files) == [["errors"], ["log"]]


def test_only_one_part_of_a_pattern_may_have_wildcards() -> None:
    assert wrong({"Corefile": "import */zones/*\n"}) == ["1:8: only one part of a file pattern may have wildcards"]


def test_a_pattern_with_too_many_matches_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expand, "MAX_MATCHES", 1)
    assert wrong({"Corefile": "import z*\n", "za": "", "zb": ""}) == ["1:8: pattern matches more than 1 files"]


def test_a_file_that_is_missing_is_named() -> None:
    assert wrong({"Corefile": ". {\n import parts/x.conf\n}\n"}) == [
        "2:9: cannot import parts/x.conf: No such file or directory (there is no snippet of this name either)"
    ]


@pytest.mark.parametrize("line", ["import", 'import ""', "import {$UNSET}"])
def test_an_import_needs_a_target(line: str) -> None:
    (mistake,) = mistakes_in(f". {{\n {line}\n}}\n")
    assert "import needs the name of a snippet, a file or a file pattern" in mistake


def test_mistakes_of_all_files_are_reported_together() -> None:
    files: dict[str, str | bytes] = {
        "Corefile": ". {\n import a\n hosts {}\n}\nimport b\n",
        "a": "hosts{\n}\n",
        "b": "}\n",
    }
    found = wrong(files)
    assert len(found) == 3
    assert any("hosts{ ends" in mistake for mistake in found)


# --- limits


def test_a_snippet_that_imports_itself_is_an_error() -> None:
    text = "(a) {\n import b\n}\n(b) {\n import a\n}\n. {\n import a\n}\n"
    assert mistakes_in(text) == ["5:9: import goes round in a circle: (a) -> (b) -> (a)"]


def test_files_that_import_each_other_are_an_error() -> None:
    files: dict[str, str | bytes] = {"Corefile": "import a\n", "a": "import b\n", "b": "import Corefile\n"}
    assert wrong(files) == ["1:8: import goes round in a circle: Corefile -> a -> b -> Corefile"]


def test_a_pattern_that_matches_its_own_file_is_an_error() -> None:
    assert "circle" in wrong({"x.conf": "import *.conf\n", "Corefile": "import x.conf\n"})[0]


def test_the_depth_of_imports_is_limited() -> None:
    files: dict[str, str | bytes] = {f"f{number}": f"import f{number + 1}\n" for number in range(100)}
    (mistake,) = wrong({"Corefile": "import f0\n", **files})
    assert "imports stand more than 64 deep in each other" in mistake


def test_the_number_of_imports_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expand, "MAX_IMPORTS", 3)
    text = "(s) {\n}\n. {\n" + " import s\n" * 3 + "}\n"
    assert blocks_of(text)
    assert "more than 3 imports" in mistakes_in(text.replace("}\n. {", "}\n. {\n import s"))[0]


def test_snippets_that_multiply_each_other_come_to_an_end() -> None:
    levels = [f"(s{number}) {{\n" + f" import s{number + 1}\n" * 10 + "}\n" for number in range(12)]
    text = "".join(levels) + "(s12) {\n errors\n}\n. {\n import s0\n}\n"
    assert any(f"more than {expand.MAX_IMPORTS} imports" in mistake for mistake in mistakes_in(text))


def test_the_words_of_all_imports_together_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expand, "MAX_WORDS", 1000)
    text = "(s) {\n" + " a b c d e f g h i j\n" * 20 + "}\n. {\n" + " import s\n" * 9 + "}\n"
    assert any("more than 1000 words" in mistake for mistake in mistakes_in(text))


def test_reading_ends_at_a_limit_however_much_would_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expand, "MAX_WORDS", 50_000)
    text = "(s) {\n" + " a b\n" * 20_000 + "}\n. {\n" + " import s\n" * 5000 + "}\n"
    start = time.process_time()
    assert any("more than 50000 words" in mistake for mistake in mistakes_in(text))
    assert time.process_time() - start < 10


def test_arguments_that_double_at_every_import_come_to_an_end() -> None:
    levels = [f"(s{number}) {{\n import s{number + 1} {{args[:]}} {{args[:]}}\n}}\n" for number in range(60)]
    text = "".join(levels) + "(s60) {\n x {args[:]}\n}\n. {\n import s0 a\n}\n"
    assert any("more than 1000000 words" in mistake for mistake in mistakes_in(text))


def test_arguments_that_double_inside_a_word_come_to_an_end() -> None:
    levels = [f'(s{number}) {{\n import s{number + 1} "x{{args[:]}}{{args[:]}}"\n}}\n' for number in range(60)]
    text = "".join(levels) + "(s60) {\n x {args[:]}\n}\n. {\n import s0 a\n}\n"
    assert any("more than 65536 characters when it is filled in" in mistake for mistake in mistakes_in(text))


def test_variables_cannot_make_the_configuration_larger_than_its_limit() -> None:
    text = ". {\n" + " log {$A}\n" * 300 + "}\n"
    assert any("larger than 16 MiB in all" in mistake for mistake in mistakes_in(text, A="x" * 60_000))


def test_no_file_is_read_behind_the_limit_of_all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expand, "MAX_TOTAL", 1024)
    files = MemoryFiles({"Corefile": "import f*\n", **{f"f{number:03}": "#" * 500 for number in range(100)}})
    assert mistakes(lambda: load("Corefile", environ={}, files=files))
    assert files.reads == ["Corefile", "f000", "f001", "f002"]


def test_the_size_of_a_file_is_limited() -> None:
    files: dict[str, str | bytes] = {"Corefile": "import big\n", "big": b"#" * (1024 * 1024 + 1)}
    assert wrong(files) == ["1:8: big is larger than 1024 KiB"]


def test_the_size_of_all_files_together_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expand, "MAX_TOTAL", 1024 * 1024)
    files: dict[str, str | bytes] = {f"f{number}": b"#" * (1024 * 512) for number in range(3)}
    assert wrong({"Corefile": "import f*\n", **files}) == ["1:8: the configuration is larger than 1 MiB in all"]


def test_a_file_that_is_not_utf_8_is_refused_at_the_bad_octet() -> None:
    assert wrong({"Corefile": ". {\n  é ".encode() + b"\xff\n}\n"}) == ["2:5: the file is not UTF-8 text"]


# --- environment


@pytest.mark.parametrize("placeholder", ["{$ZONE}", "{%ZONE%}"])
def test_variables_are_filled_in_everywhere(placeholder: str) -> None:
    text = f'{placeholder}:53 {{\n {placeholder} x{placeholder}y "{placeholder} z"\n}}\n'
    expected = [(["a.org:53"], [["a.org", "xa.orgy", "a.org z"]])]
    assert blocks_of(text, ZONE="a.org") == expected


def test_a_variable_that_is_not_set_is_empty() -> None:
    assert blocks_of("a.org{$NIX}:53 {\n log {$NIX}\n}\n") == [(["a.org:53"], [["log", ""]])]


def test_a_mistake_in_a_word_names_the_variable_that_is_not_set() -> None:
    config = config_of({"Corefile": ". {\n cache {$NIX} {%NADA%}s\n}\n"})
    first, second = config.blocks[0].directives[0].args
    assert str(first.error("is not a number")) == "Corefile:2:8: is not a number (the environment has no NIX)"
    assert second.error("bad").hint == "the environment has no NADA"


def test_a_key_that_is_empty_because_of_a_variable_is_left_out() -> None:
    assert blocks_of("a.org {$MORE} {\n}\n") == [(["a.org"], [])]


def test_a_block_whose_keys_are_all_empty_is_an_error() -> None:
    assert mistakes_in("{$NIX} {\n}\n") == ["1:1: a server block needs a zone (the environment has no NIX)"]


def test_a_line_whose_name_is_empty_is_an_error() -> None:
    assert mistakes_in(". {\n {$NIX} 30\n}\n") == [
        "2:2: a line must begin with the name of a directive or option (the environment has no NIX)"
    ]


def test_what_a_variable_holds_is_not_looked_at_again() -> None:
    text = "(s) {\n log {$A} {args[0]}\n}\n. {\n import s {$A}\n}\n"
    assert blocks_of(text, A="{$B}{args[0]}", B="no") == [(["."], [["log", "{$B}{args[0]}", "{$B}{args[0]}"]])]


def test_a_variable_with_braces_or_blanks_changes_no_structure() -> None:
    assert blocks_of(". {\n log {$A}\n}\n", A="{\n} x {") == [(["."], [["log", "{\n} x {"]])]


@pytest.mark.parametrize("text", ["{$}", "{$A", "{%A}", "{%%}", "{A}"])
def test_what_only_looks_like_a_variable_is_plain_text(text: str) -> None:
    assert blocks_of(f". {{\n log {text} x\n}}\n", A="no") == [(["."], [["log", text, "x"]])]


def test_variables_name_imports_too() -> None:
    assert blocks_of("(s) {\n log\n}\n. {\n import {$WHICH}\n}\n", WHICH="s") == [(["."], [["log"]])]


def test_a_word_that_variables_make_huge_is_an_error() -> None:
    text = ". {\n log " + "{$A}" * 100 + "\n}\n"
    assert "more than 65536 characters when it is filled in" in mistakes_in(text, A="x" * 1000)[0]
