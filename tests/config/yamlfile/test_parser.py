"""The YAML form of a configuration."""

from __future__ import annotations

import time

import pytest
import yaml

from resolver.config.convert import parse
from resolver.config.load import load_text
from resolver.config.yamlfile import comments, nodes
from tests.config.sources import MemoryFiles, blocks_of, config_of
from tests.config.sources import mistakes_in as mistakes_of


def read(text: str, **environ: str) -> list[tuple[list[str], list[object]]]:
    return blocks_of(text, "resolver.yaml", **environ)


def lines(text: str) -> list[object]:
    """The directives of the block ``.``, whose list is given."""
    ((_, directives),) = read(f".:\n{text}")
    return directives


def mistakes_in(text: str) -> list[str]:
    return mistakes_of(text, "resolver.yaml")


# --- server blocks


def test_the_example_of_the_design() -> None:
    text = """
".:53":
  - errors
  - health: {lameduck: 5s}
  - forward . 9.9.9.9 149.112.112.112: {except: [cluster.local, corp.internal], policy: sequential}
  - cache 30
"""
    forward = ["except", "cluster.local", "corp.internal"], ["policy", "sequential"]
    assert read(text) == [
        (
            [".:53"],
            [
                ["errors"],
                ["health", [["lameduck", "5s"]]],
                ["forward", ".", "9.9.9.9", "149.112.112.112", [*forward]],
                ["cache", "30"],
            ],
        )
    ]


def test_a_key_may_hold_several_zones() -> None:
    assert read('"a.org:53 b.org:53, c.org": []') == [(["a.org:53", "b.org:53", "c.org"], [])]


@pytest.mark.parametrize("body", ["", "[]", "{}", "null", "~"])
def test_a_block_may_be_empty(body: str) -> None:
    assert read(f"a.org: {body}") == [(["a.org"], [])]


@pytest.mark.parametrize("text", ["", "# nothing", "---", "{}", "[]", "null"])
def test_a_file_may_be_empty(text: str) -> None:
    assert read(text) == []


def test_the_body_of_a_block_may_be_a_mapping() -> None:
    assert read("a.org: {errors: , cache: 30}") == [(["a.org"], [["errors"], ["cache", "30"]])]


def test_a_list_at_the_top_allows_two_blocks_for_one_zone() -> None:
    text = "- a.org: [bind 127.0.0.1]\n- a.org: [bind 127.0.0.2]\n  b.org:\n"
    assert read(text) == [
        (["a.org"], [["bind", "127.0.0.1"]]),
        (["a.org"], [["bind", "127.0.0.2"]]),
        (["b.org"], []),
    ]


# --- lines


def test_scalars_are_texts_whatever_they_look_like() -> None:
    text = "- a: 30\n- b: yes\n- c: 0x1F\n- d: 1e3\n- e: 2026-01-01\n- f: 'null'\n- g: 5s\n"
    assert lines(text) == [
        ["a", "30"],
        ["b", "yes"],
        ["c", "0x1F"],
        ["d", "1e3"],
        ["e", "2026-01-01"],
        ["f", "null"],
        ["g", "5s"],
    ]


def test_a_value_is_more_arguments_and_nothing_is_none() -> None:
    assert lines("- cache 30: a.org b.org\n- loop:\n- ready: ~\n") == [
        ["cache", "30", "a.org", "b.org"],
        ["loop"],
        ["ready"],
    ]


def test_words_inside_a_text_are_cut_as_in_a_corefile() -> None:
    text = r"""
- 'answer "{{ .Name }} 60 IN TXT \"two words\""'
- "log . \"a # b\""
- regex ([^.]*)\.a\.org {1}.b.org
- hash: '"a#b"'
"""
    assert lines(text) == [
        ["answer", '{{ .Name }} 60 IN TXT "two words"'],
        ["log", ".", "a # b"],
        ["regex", r"([^.]*)\.a\.org", "{1}.b.org"],
        ["hash", "a#b"],
    ]


def test_a_quoted_word_may_hold_line_ends() -> None:
    assert lines('- "answer \\"a\\nb\\""') == [["answer", "a\nb"]]


def test_a_plain_text_over_several_lines_is_one_line() -> None:
    assert lines("- forward .\n    1.1.1.1\n    9.9.9.9\n") == [["forward", ".", "1.1.1.1", "9.9.9.9"]]


def test_a_list_below_a_directive_is_the_lines_of_its_block() -> None:
    assert lines("- acl:\n  - allow net 10.0.0.0/8\n  - block\n  - block\n") == [
        ["acl", [["allow", "net", "10.0.0.0/8"], ["block"], ["block"]]]
    ]
    assert lines("- acl: []\n") == [["acl", []]]


def test_a_mapping_below_a_directive_is_its_options() -> None:
    assert lines("- forward . 1.1.1.1: {max_fails: 3, force_tcp: , except: [a, b c]}\n- health: {}\n") == [
        ["forward", ".", "1.1.1.1", [["max_fails", "3"], ["force_tcp"], ["except", "a", "b", "c"]]],
        ["health", []],
    ]


def test_an_option_may_be_given_several_times() -> None:
    assert lines("- tsig: {secret: [[a, b], [c d]]}\n") == [["tsig", [["secret", "a", "b"], ["secret", "c", "d"]]]]
    assert lines("- tls: {acme: [{domain: a}, {domain: b}]}\n") == [
        ["tls", [["acme", [["domain", "a"]]], ["acme", [["domain", "b"]]]]]
    ]


def test_options_may_have_blocks_of_their_own() -> None:
    assert lines("- tls:\n    acme x:\n      domain: a\n      email: [b]\n") == [
        ["tls", [["acme", "x", [["domain", "a"], ["email", "b"]]]]]
    ]


def test_a_text_after_a_bar_is_a_block_in_the_words_of_a_corefile() -> None:
    text = """
- hosts: |
    # comment
    192.0.2.1 a.org   # more

    192.0.2.1 a.org
    fallthrough
- tls:
    acme: |
      domain a {
        b
      }
"""
    assert lines(text) == [
        ["hosts", [["192.0.2.1", "a.org"], ["192.0.2.1", "a.org"], ["fallthrough"]]],
        ["tls", [["acme", [["domain", "a", [["b"]]]]]]],
    ]


def test_a_whole_server_block_may_be_such_a_text() -> None:
    assert read("a.org: |\n  cache 30\n  hosts {\n    fallthrough\n  }\n") == [
        (["a.org"], [["cache", "30"], ["hosts", [["fallthrough"]]]])
    ]


# --- what is filled in


def test_snippets_are_imported_with_arguments() -> None:
    text = """
snippets:
  up:
    - errors
    - forward . {args[0]}: {max_fails: 3}
  options: {expire: 10s}
a.org:
  - import up 9.9.9.9
  - forward b 1.1.1.1: [import options]
  - import: up 1.1.1.1
"""
    up = [["errors"], ["forward", ".", "9.9.9.9", [["max_fails", "3"]]]]
    assert read(text.replace("forward . {args[0]}", "'forward . {args[0]}'")) == [
        (
            ["a.org"],
            [
                *up,
                ["forward", "b", "1.1.1.1", [["expire", "10s"]]],
                ["errors"],
                ["forward", ".", "1.1.1.1", [["max_fails", "3"]]],
            ],
        )
    ]


def test_files_are_imported_at_the_top() -> None:
    for text in ("import: [a.yaml, b]\n", "- import: a.yaml\n- import b\n", "import a.yaml:\nimport b:\n"):
        config = config_of({"c.yaml": text, "a.yaml": "a.org:\n", "b": "b.org {\n}\n"}, "c.yaml")
        assert [block.keys[0].text for block in config.blocks] == ["a.org", "b.org"]


def test_variables_are_filled_in() -> None:
    assert read('"{$ZONE}:53": ["log {%WHAT%}"]', ZONE="a.org", WHAT="x y") == [(["a.org:53"], [["log", "x y"]])]


def test_a_zone_may_have_the_name_of_a_key_of_ours() -> None:
    assert read("'\"snippets\"': [log]") == [(["snippets"], [["log"]])]


def test_anchors_and_aliases_share_lines() -> None:
    text = "a.org: &same [errors, cache: {prefetch: 10}]\nb.org: *same\n"
    blocks = read(text)
    assert blocks[0][1] == blocks[1][1] == [["errors"], ["cache", [["prefetch", "10"]]]]


# --- places


def test_words_know_where_they_stand() -> None:
    text = """# a comment
".:53":
  - cache 30 a.org
  - forward . 'é' "b c": {max_fails: 3}
  - hosts: |
      192.0.2.1 a.org
"""
    block = load_text(text, name="r.yaml", environ={}, files=MemoryFiles()).blocks[0]
    cache, forward, hosts = block.directives
    assert (block.keys[0].at.line, block.keys[0].at.column) == (2, 2)
    assert [(one.at.line, one.at.column, one.width) for one in cache.args] == [(3, 11, 2), (3, 14, 5)]
    assert [(one.at.line, one.at.column) for one in forward.args] == [(4, 13), (4, 15), (4, 19)]
    assert forward.options[0].args[0].at.column == 38
    assert (hosts.options[0].args[0].at.line, hosts.options[0].args[0].at.column) == (6, 17)


def test_an_anchor_is_not_part_of_the_word() -> None:
    block = load_text(".:\n- log: &a  'b'\n", name="r.yaml", environ={}, files=MemoryFiles()).blocks[0]
    assert block.directives[0].args[0].at.column == 13


def test_a_text_with_escapes_is_placed_as_a_whole() -> None:
    block = load_text('.:\n- "log \\x61"\n', name="r.yaml", environ={}, files=MemoryFiles()).blocks[0]
    (argument,) = block.directives[0].args
    assert (argument.text, argument.at.column, argument.width) == ("a", 3, 10)


# --- mistakes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.org: [", "this is not YAML"),
        ("a: b: c", "this is not YAML"),
        ("\x01", "this is not YAML"),
        ("\t- a", "this is not YAML"),
        ("log", "1:1: a configuration is a mapping of server blocks"),
        ("- log", "1:3: only an import may stand here without a value (a server block needs a colon)"),
        ("- [a]", "1:3: a list stands where a server block is expected"),
        ("a.org: log", "1:8: a block is a list, a mapping or a text after |"),
        ("a.org: >\n  log\n", "1:8: a block is a list, a mapping or a text after |"),
        ("a.org:\n- [log]", "2:3: a list stands where a line is expected"),
        ("a.org:\n- ''", "2:3: a line needs a name"),
        ('"": [log]', '1:1: a server block needs a zone (write "." for all names)'),
        ('"a.org,": [log]', "1:1: a zone must follow the comma"),
        ('"(s)": [log]', "1:1: snippets stand under a key of their own (write snippets: {s: ...})"),
        ("snippets: [log]", "1:11: snippets is a mapping of names to lists of lines"),
        ("snippets: {a b: [log]}", "1:12: the name of a snippet is one word"),
        ("a.org import: []", "1:1: import must begin a line"),
        ("import: {a: b}", "1:9: import takes names of files and snippets"),
        ("a.org:\n- import s: {a: b}", "2:3: import takes no block"),
        ("a.org: []\na.org: []", "2:1: key a.org is already given in line 1 (use a list to give it twice)"),
        ("a.org:\n- f: {x: 1, x: 2}", "2:13: key x is already given in line 2"),
        ("a.org:\n- f: {x: [a, [b]]}", "2:11: a list has arguments, or lists and mappings, not both"),
        ("a.org:\n- f: {x: [{a: b}, c]}", "2:19: a list has arguments, or lists and mappings, not both"),
        ("a.org:\n- f: {x: [[[a]]]}", "2:12: an argument must be a text"),
        ("a.org:\n- ? [a]\n  : b", "a key must be a text"),
        ("a.org:\n- hosts {", "2:9: a brace cannot stand in a line of YAML"),
        ('a.org:\n- "log a#b"', "a word with # needs quotes of its own"),
        ('a.org:\n- "log\\ncache"', "a line has a line break in it"),
        ('a.org:\n- log "a', "2:7: quote is never closed"),
        ("a.org:\n- hosts: |\n    a {\n", "3:7: brace is never closed"),
        ("a.org: !!str log", "YAML tags are not read here"),
        ("a.org: !python/object:os.system x", "YAML tags are not read here"),
        ("%YAML 1.2\n---\na.org: []", "YAML directives are not read here"),
        ("a.org: []\n---\nb.org: []", "a configuration is one YAML document"),
        ("a.org: *x", "alias x"),
        ("a.org: &x [*x]", "alias x"),
        ("x: &x {}\na.org: {<<: *x}", "YAML merge keys are not read here (use a snippet and import it)"),
    ],
)
def test_a_mistake_is_reported_at_its_place(text: str, expected: str) -> None:
    found = mistakes_in(text)
    assert any(expected in mistake for mistake in found), found


def test_all_mistakes_are_reported() -> None:
    found = mistakes_in("a.org:\n- [x]\n- ok\n- f: {a: [b, {c: d}]}\nb.org: text\n'(s)': []\n")
    assert [mistake.split(":")[0] for mistake in found] == ["2", "4", "5", "6"]


# --- limits


def test_the_depth_of_yaml_is_limited() -> None:
    for text in ("[" * 100_000, "{a: " * 50_000, "- " * 50_000):
        start = time.process_time()
        assert mistakes_in(text)
        assert time.process_time() - start < 5


def test_aliases_that_multiply_each_other_come_to_an_end() -> None:
    levels = ["l0: &l0 {a: , b: , c: }"]
    levels += [f"l{one}: &l{one} {{a: *l{one - 1}, b: *l{one - 1}, c: *l{one - 1}}}" for one in range(1, 30)]
    start = time.process_time()
    assert any("aliases of this file make it too large" in mistake for mistake in mistakes_in("\n".join(levels)))
    assert time.process_time() - start < 30


def test_a_long_text_that_is_repeated_by_aliases_comes_to_an_end() -> None:
    text = "a.org:\n- &long '" + "x y " * 50_000 + "'\n" + "- *long\n" * 1000
    start = time.process_time()
    assert any("too large" in mistake for mistake in mistakes_in(text))
    assert time.process_time() - start < 30


def test_without_libyaml_the_same_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """# about
snippets: {s: [errors]} # more
".:53":
  - forward . 'é' "b c": {max_fails: 3, force_tcp: , except: [a, b]}
  - hosts: |
      192.0.2.1 a.org
  # last
"""
    fast = parse(text, "resolver.yaml")
    for module in (nodes, comments):
        monkeypatch.setattr(module, "LOADER", yaml.SafeLoader)
    assert parse(text, "resolver.yaml") == fast
    assert mistakes_in("a: [") == ["1:5: this is not YAML: expected the node content, but found '<stream end>'"]
    assert mistakes_in("a: \x01")[0].startswith("1:1: this is not YAML")
