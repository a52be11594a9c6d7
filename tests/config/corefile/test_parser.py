"""The grammar of a Corefile: blocks, nested blocks, snippets, and what is said about mistakes."""

from __future__ import annotations

import time

import pytest

from resolver.config.corefile.parser import MAX_DEPTH, parse_file
from resolver.config.problems import Problems
from resolver.config.syntax import Block, Comment, Line, Snippet, Tree
from tests.config.sources import blocks_of, mistakes_in


def tree_of(text: str) -> Tree:
    problems = Problems()
    tree = parse_file(text, "Corefile", problems)
    problems.raise_any()
    return tree


# --- server blocks


def test_a_block_has_keys_and_directives() -> None:
    text = """
    .:53 {
        errors
        forward . 1.1.1.1 9.9.9.9
    }
    """
    assert blocks_of(text) == [([".:53"], [["errors"], ["forward", ".", "1.1.1.1", "9.9.9.9"]])]


def test_zones_of_a_block_are_separated_by_blanks_and_commas() -> None:
    keys = ["a.org", "b.org", "c.org", "d.org"]
    assert blocks_of("a.org, b.org c.org,d.org {\n}\n") == [(keys, [])]
    assert blocks_of("a.org , b.org,c.org ,d.org {\n}\n") == [(keys, [])]


def test_zones_know_their_place_on_both_sides_of_a_comma() -> None:
    (block,) = tree_of("a.org,b.org:5300 {\n}\n")
    assert isinstance(block, Block)
    assert [(key.at.column, key.width) for key in block.keys] == [(1, 5), (7, 10)]


def test_the_list_of_zones_goes_on_in_the_next_line_after_a_comma() -> None:
    assert blocks_of("a.org,\nb.org,\n\nc.org {\n}\n") == [(["a.org", "b.org", "c.org"], [])]


def test_the_brace_of_a_server_block_may_stand_on_a_line_of_its_own() -> None:
    assert blocks_of("a.org,\nb.org\n{\nerrors\n}\n") == [(["a.org", "b.org"], [["errors"]])]


def test_the_first_line_of_a_block_may_follow_its_brace() -> None:
    assert blocks_of(". { hosts { ttl 5\n }\n log\n}\n") == [(["."], [["hosts", [["ttl", "5"]]], ["log"]])]


def test_an_empty_block_is_a_block() -> None:
    assert blocks_of(". {\n}\na.org { }\n") == [(["."], []), (["a.org"], [])]


def test_a_file_with_one_block_may_leave_out_the_braces() -> None:
    text = "a.org\nhosts h.list {\n  fallthrough\n}\nerrors\n"
    assert blocks_of(text) == [(["a.org"], [["hosts", "h.list", [["fallthrough"]]], ["errors"]])]


def test_a_zone_alone_is_an_empty_block() -> None:
    assert blocks_of("a.org") == [(["a.org"], [])]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing here", "\ufeff"])
def test_a_file_without_words_has_no_blocks(text: str) -> None:
    assert blocks_of(text) == []


def test_option_blocks_may_be_nested() -> None:
    text = """. {
        tls {
            acme {
                domain a.org
            }
        }
    }"""
    assert blocks_of(text) == [(["."], [["tls", [["acme", [["domain", "a.org"]]]]]])]


def test_an_empty_option_block_differs_from_none() -> None:
    assert blocks_of(". {\n a {\n }\n b { }\n c\n}") == [(["."], [["a", []], ["b", []], ["c"]])]


def test_quoted_braces_are_words() -> None:
    assert blocks_of('. {\n answer "{" "}"\n}') == [(["."], [["answer", "{", "}"]])]


def test_braces_inside_words_are_part_of_them() -> None:
    text = ". {\n log . {combined}\n answer {{ .Name }}\n match ^ip-[0-9]{1,3}$ x\n a [^}] b\n}"
    assert blocks_of(text) == [
        (
            ["."],
            [
                ["log", ".", "{combined}"],
                ["answer", "{{", ".Name", "}}"],
                ["match", "^ip-[0-9]{1,3}$", "x"],
                ["a", "[^}]", "b"],
            ],
        )
    ]


# --- comments


def test_comments_are_kept_where_they_stand() -> None:
    tree = tree_of(
        """# top
        (s) { # snippet
            errors # kept
        }
        . { # block
            # own line
            forward . 1.1.1.1 { # behind a brace
                max_fails 3
                # last in the options
            } # behind the end
            # last
        }
        # end
        """
    )
    top, snippet, block, end = tree
    assert top == Comment(" top", top.at) if isinstance(top, Comment) else False
    assert isinstance(snippet, Snippet)
    assert snippet.comment == " snippet"
    assert isinstance(snippet.body[0], Line)
    assert snippet.body[0].comment == " kept"
    assert isinstance(block, Block)
    assert block.comment == " block"
    own, forward, behind, last = block.body
    assert isinstance(forward, Line)
    assert forward.comment == " behind a brace"
    assert [node.text for node in (own, behind, last) if isinstance(node, Comment)] == [
        " own line",
        " behind the end",
        " last",
    ]
    assert forward.block is not None
    assert isinstance(forward.block[-1], Comment)
    assert isinstance(end, Comment)


def test_comments_between_zones_stand_before_the_block() -> None:
    comment, other, block = tree_of("a.org, # why\n# because\nb.org {\n}\n")
    assert isinstance(comment, Comment)
    assert isinstance(other, Comment)
    assert isinstance(block, Block)
    assert [key.text for key in block.keys] == ["a.org", "b.org"]


# --- mistakes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (". {\n errors\n", ["1:3: brace is never closed"]),
        (
            ". {\n hosts {\n  192.0.2.1 a\n",
            ["1:3: brace is never closed", "2:8: brace is never closed"],
        ),
        (
            ". {\n    hosts {\n        fallthrough\n    errors\n}\n",
            [
                "1:3: brace is never closed (the brace of line 5 closed the block of line 2, which stands further in:"
                " is one missing there?)"
            ],
        ),
        (". {\n}\n}\n", ["3:1: closing brace without an opening one (take it away)"]),
        ("a.org\nerrors\n}\n", ["3:1: closing brace without an opening one (take it away)"]),
        ("{\n errors\n}\n", ['1:1: a server block needs a zone (write "." for all names)']),
        ("a.org:5300{\n errors\n}\n", ["1:1: a.org:5300{ ends in a brace (put a blank before the brace)"]),
        (". {\n hosts{\n }\n}\n", ["2:2: hosts{ ends in a brace (put a blank before the brace)"]),
        (
            ". {\n hosts {\n a 5s}\n}\n",
            ["3:4: 5s} ends in a brace (put the closing brace on a line of its own)"],
        ),
        (
            ". {\n hosts {}\n}\n",
            ['2:8: braces need a blank between them (write "{" here and "}" on the next line)'],
        ),
        (". { whoami }\n", ["1:12: a closing brace must stand on a line of its own (begin a new line here)"]),
        (". {\n} b.org {\n}\n", ["2:3: nothing may follow a closing brace on its line (begin a new line here)"]),
        (
            ". {\n health {\n lameduck 5s }\n}\n",
            ["3:14: a closing brace must stand on a line of its own (begin a new line here)"],
        ),
        (
            ". {\n hosts\n {\n }\n}\n",
            ["3:2: an opening brace cannot stand on a line of its own here (put it at the end of the line above)"],
        ),
        (", {\n}\n", ['1:1: a server block needs a zone (write "." for all names)']),
        (",", ['1:1: a server block needs a zone (write "." for all names)']),
        ("a.org import {\n}\n", ["1:7: import must begin a line (or a zone of that name is written import.)"]),
        ("a.org, {\n}\n", ["1:1: a zone must follow the comma (or take the comma away)"]),
        ("a.org,\n", ["1:1: a zone must follow the comma (or take the comma away)"]),
        ("a.org {\n}\nb.org\nerrors\n", ["3:1: a server block needs braces (only a file with a single block may leave"
                                         " out the braces)"]),
        (
            "a.org\nerrors\nb.org {\n log\n}\n",
            [
                "3:1: b.org looks like a second server block inside the first"
                " (a file with several blocks needs braces around each)"
            ],
        ),
        ("() {\n}\n", ["1:1: a snippet needs a name between its parentheses"]),
        ("(a)\n", ['1:1: a snippet needs a block (put "{" at the end of the line)']),
        (". {\n import a {\n }\n}\n", ["2:11: import takes no block"]),
    ],
)  # fmt: skip
def test_a_mistake_in_the_grammar_is_reported_at_its_place(text: str, expected: list[str]) -> None:
    found = mistakes_in(text)
    assert [mistake for mistake in found if "cannot import" not in mistake] == expected


def test_reading_goes_on_after_mistakes_so_that_all_are_reported() -> None:
    text = 'a.org{\n hosts{\n }\n cache "30\n}\n}\nb.org {\n import nowhere\n}\n'
    assert [mistake.split(":")[0] for mistake in mistakes_in(text)] == ["1", "2", "4", "6", "8"]


def test_what_follows_a_misplaced_brace_is_still_understood() -> None:
    problems = Problems()
    tree = parse_file(". { whoami }\nb.org {\n}\n", "Corefile", problems)
    assert len(problems.all()) == 1
    assert len(tree) == 2


def test_blocks_may_be_nested_only_so_deep() -> None:
    def nested(depth: int) -> str:
        return "x {\n" * depth + "}\n" * depth

    assert blocks_of(nested(MAX_DEPTH))
    assert mistakes_in(nested(MAX_DEPTH + 1)) == ["33:3: blocks stand more than 32 deep in each other"]


@pytest.mark.parametrize("line", ["x {\n", "}\n", "a,\n", "{\n", "x { }\n", "(a) {\n}\n", "a b{\n", "# c\na,\n"])
def test_a_long_text_of_any_structure_is_parsed_in_a_moment(line: str) -> None:
    start = time.process_time()
    parse_file(line * (150_000 // len(line)), "Corefile", Problems())
    assert time.process_time() - start < 10  # a quadratic cost would be many minutes
