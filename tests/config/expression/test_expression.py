"""Expressions mean what they mean in the reference's language; the values here are those that it gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.config.expression import (
    Environment,
    ExpressionError,
    Function,
    Kind,
    compile_expression,
    is_reserved,
)

ENVIRONMENT = Environment(
    {
        "name": Function(lambda subject: str(subject), gives=Kind.STRING),
        "client": Function(lambda subject: "c", gives=Kind.STRING, personal=True),
        "group": Function(lambda subject, key: f"<{key}>", (Kind.ANY,), Kind.STRING),
        "double": Function(lambda subject, text: text * 2, (Kind.STRING,), Kind.STRING),
    },
    {"ip": Kind.STRING, "count": Kind.ANY},
)


def value(source: str) -> object:
    return compile_expression(source, ENVIRONMENT).run("t.test.", {"ip": "10.0.0.1", "count": 3})


@pytest.mark.parametrize(
    "source",
    [
        "name() == 't.test.' and name() != 'x'", "'a' in ['a', 'b'] and 'a' not in ['b'] && 1 in 1..3",
        "name() matches '^t\\\\..*' || false", "name() matches '^x' == false", "not (name() contains 'z')",
        "name() startsWith 't' and name() endsWith '.' and not (name() endsWith 'x')", "name() not contains 'z'",
        "1 + 2 * 3 == 7 and (1 + 2) * 3 == 9 and 2 ** 3 == 8 and -2 ** 2 == -4 and 7 / 2 == 3.5",
        "7 % 3 == 1 and -7 % 3 == -1 and 5 - 2 - 1 == 2 and 2 ^ 3 ^ 2 == 512", "1..3 == [1, 2, 3]", "1 == 1.0",
        "!true == false and not true == false", "1 < 2 < 3 and not (1 < 3 < 2) and 'a' < 'b' and 2 >= 2 and 1 <= 2",
        "{a: 1, \"b\": {c: 2}}.b.c == 2 and {'a': 1}['a'] == 1 and 'a' in {a: 1} and {a: 1}?.z == nil",
        "[1, 2, 3][-1] == 3 and [1, 2, 3][1:] == [2, 3] and name()[0:1] == 't' and nil?.x == nil",
        "true ? true : false", "false ?: true", "nil ?? true", "if false { false } else { true }",
        "let x = name(); let y = x + 'a'; y == 't.test.a'", "name() | upper() | len() == 7", "false; true",
        "any(['a', 't.test.'], # == name()) and any(['t.test.'], {# == name()}) and none(1..5, # > 5)",
        "all(1..5, # > 0) and one(1..5, # == 3) and count(1..5, # > 2) == 3 and count([true, false]) == 1",
        "map(1..3, # * 2) == [2, 4, 6] and filter(1..5, # % 2 == 0) == [2, 4] and sum([1, 2, 3]) == 6",
        "reduce(1..4, #acc + #) == 10 and reduce(1..4, #acc + #, 10) == 20 and map(['a', 'b'], #index) == [0, 1]",
        "find(1..4, # > 2) == 3 and findIndex(1..4, # > 2) == 2 and findLast(1..4, # < 3) == 2",
        "findLastIndex(1..4, # > 9) == -1 and groupBy(1..4, # % 2)[0] == [2, 4] and sortBy([2, 1], -#) == [2, 1]",
        "sortBy([1, 2], #, 'desc') == [2, 1] and sum(1..3, # * 2) == 12 and map([{a: 1}], .a) == [1]",
        "sort([3, 1, 2]) == [1, 2, 3] and sort(['b', 'a'], 'desc') == ['b', 'a'] and reverse([1, 2]) == [2, 1]",
        "upper('a') == 'A' and lower('A') == 'a' and trim('  a ') == 'a' and trim('xax', 'x') == 'a'",
        "trimPrefix('abc', 'a') == 'bc' and trimSuffix('abc', 'c') == 'ab' and hasPrefix('ab', 'a')",
        "split('a.b.c', '.') == ['a', 'b', 'c'] and split('a.b.c', '.', 2) == ['a', 'b.c']",
        "splitAfter('a,b', ',') == ['a,', 'b'] and join(['a', 'b'], '-') == 'a-b' and join(['a', 'b']) == 'ab'",
        "replace('aab', 'a', 'b') == 'bbb' and repeat('ab', 2) == 'abab' and indexOf('abc', 'c') == 2",
        "int('5') == 5 and int(5.9) == 5 and float('1.5') == 1.5 and string(5) == '5'",
        "string([1, true, nil]) == '[1 true <nil>]' and string({a: 1}) == 'map[a:1]' and string('a') == 'a'",
        "abs(-5) == 5 and max(1, 2) == 2 and min([1, 2]) == 1 and ceil(1.2) == 2 and floor(-1.2) == -2",
        "round(1.5) == 2 and round(-1.5) == -2 and mean([1, 2]) == 1.5 and median([3, 1, 2]) == 2",
        "first([1, 2]) == 1 and last([1, 2]) == 2 and first([]) == nil and take([1, 2, 3], 2) == [1, 2]",
        "get({a: 1}, 'a') == 1 and get([1], 5) == nil and keys({a: 1}) == ['a'] and values({a: 1}) == [1]",
        "toPairs({a: 1}) == [['a', 1]] and uniq([1, 1, true]) == [1, true] and concat([1], [2]) == [1, 2]",
        "flatten([[1], [2, [3]]]) == [1, 2, 3] and toBase64('a') == 'YQ==' and fromBase64('YQ==') == 'a'",
        "bitand(6, 3) == 2 and bitor(6, 1) == 7 and bitxor(6, 3) == 5 and bitshl(1, 3) == 8 and bitnot(0) == -1",
        "bitshr(-8, 1) == -4 and bitushr(-1, 63) == 1 and bitnand(6, 3) == 4",
        "0x10 == 16 and 0b11 == 3 and 0o17 == 15 and 1_000 == 1000 and 1e3 == 1000 and .5 == 0.5",
        "'\\u0041\\x42' == \"AB\" and `raw\\n` == 'raw\\\\n' and len('\\n') == 1", "true // a comment",
        "/* a comment */ true", "9223372036854775807 + 1 < 0", "group(1) == '<1>' and group('a') == '<a>'",
        "ip == '10.0.0.1' and count == 3", "1 / 0 > 5", "nil in [nil] and not (1 in [true])", "len([1, 2,]) == 2",
    ],
)  # fmt: skip
def test_an_expression_is_true(source: str) -> None:
    assert value(source) is True


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("name( ==", "unexpected '=='"), ("name() = 'x'", "unexpected '='"), ("", "unexpected end"),
        ("true false", "unexpected 'false'"), ("[1, 2", "expected ','"), ("'abc", "text is not closed"),
        ("@", "unexpected '@'"), ("# == 1", "unexpected '#'"), ("let = 1; 2", "let needs a name"),
        ("nope() == 1", "unknown function nope"), ("duble() == ''", "did you mean double"),
        ("nope", "unknown name nope"),
        ("name", "name is a function: write name()"), ("now()", "not offered here"),
        ("name() == 5", "mismatched types: == takes no string and int"), ("'1' == 1", "mismatched types"),
        ("name() and true", "mismatched types"), ("1 + 'a'", "mismatched types"), ("1 < 'a'", "mismatched types"),
        ("name() in 'abc'", "mismatched types"), ("1 contains 'a'", "mismatched types"), ("1..'a'", "mismatched types"),
        ("1.5 % 2", "mismatched types"), ("not 5", "not takes no int"), ("-'a'", "takes no string"),
        ("1 ? 2 : 3", "a condition takes no int"), ("upper(5)", "upper takes string, not int"),
        ("len()", "len takes 1 arguments, not 0"), ("double(1)", "double takes string, not int"),
        ("double()", "double takes 1 arguments"), ("any(1..3)", "any takes a list and"),
        ("any('a', true)", "any takes no string"), ("any([1], 5)", "the question of any takes no int"),
        ("name().foo", "string has no members"), ("[1]['a']", "index of a list"), ("5[1:2]", "cannot be cut"),
        ("name() matches '('", "cannot use regexp"), ("name() matches name()", "known in advance"),
        ("let len = 1; len", "name of a function"), ("99999999999999999999", "too large"),
        ("'\\q'", "escape"), ("7 % 0", "not 0 on its right"), ("1..100000", "more than 10000"),
        ("repeat('a', 1000000)", "cannot make"), ("int('x')", "cannot read"), ("[1][5]", "out of range"),
        ("(" * 60 + "1" + ")" * 60, "nested"), ("+".join("1" * 300), "operators in a row"), ("-" * 60 + "1", "nested"),
        ("if true { 1 }", "expected 'else'"), ("x" * 20_000, "longer than"),
    ],
)  # fmt: skip
def test_mistakes_are_found_before_any_query_comes(source: str, reason: str) -> None:
    with pytest.raises(ExpressionError, match=reason.replace("(", "\\(").replace(")", "\\)")):
        compile_expression(source, ENVIRONMENT)


@pytest.mark.parametrize(
    "source",
    [
        "count + 'a' == 'a'", "not count", "count and true", "count contains 'a'", "count[0]", "upper(count)",
        "any(count, true)", "any([1], #)", "sum([name()])", "'a' in count", "reduce([], # + #acc)",
        "-get({a: name()}, 'a')",
        "repeat(name(), 100000)", "all(1..1000, all(1..1000, name() != ''))", "int(name())", "join([1, name()])",
        "map(1..10000, 1..(# + 9000))", "map(1..10000, repeat(name(), 9000))", "count ? 1 : 2", "fromBase64(name())",
        "sort([1, name()])", "bitshl(1, 64 + count)", "{(nil ?? count == 3 ? nil : 1): 1}", "take([1], -count)",
        "replace(name() + repeat('t', 9999), 't', repeat('x', 9999))",
    ],
)  # fmt: skip
def test_what_can_only_fail_later_ends_in_an_error_of_its_own(source: str) -> None:
    expression = compile_expression(source, ENVIRONMENT)
    with pytest.raises(ExpressionError):
        expression.run("t.test.", {"ip": "", "count": 3})


def test_an_expression_knows_its_kind_what_it_calls_and_whether_it_looks_at_the_client() -> None:
    expression = compile_expression("name() == double(client())", ENVIRONMENT)
    assert (expression.kind, expression.personal) == (Kind.BOOL, True)
    assert expression.calls == {"name", "double", "client"}
    assert not compile_expression("name() == 'a'", ENVIRONMENT).personal
    for source in (
        "let x = client(); x",
        "any([1], client() == '')",
        "[client()]",
        "true ? client() : ''",
        "{a: client()}",
    ):
        assert compile_expression(source, ENVIRONMENT).personal, source


@pytest.mark.parametrize("name", ["len", "any", "true", "nil", "and", "let", "a-b", "", "1a"])
def test_words_of_the_language_are_reserved(name: str) -> None:
    assert is_reserved(name)
    assert not is_reserved("ip")


@given(st.text(alphabet="()[]{}.,:;#'\"|&!=<>+-*/%?ainotlexm 0123", max_size=60))
def test_any_text_is_an_expression_or_a_clear_mistake(source: str) -> None:
    for one in (source, f"name() {source}", f"map([1, 2], {source})"):
        try:
            expression = compile_expression(one, ENVIRONMENT)
            expression.run("t.test.", {"ip": "", "count": 3})
        except ExpressionError:
            pass
