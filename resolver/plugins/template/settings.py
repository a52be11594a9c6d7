"""``template CLASS TYPE [ZONE...] { ... }`` as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from resolver.chain.expressions import query_functions
from resolver.chain.setup import Block
from resolver.config.cursor import args, integer, no_block, one_arg, option_values, record_type
from resolver.config.expression import (
    Environment,
    Expression,
    ExpressionError,
    Function,
    Kind,
    compile_expression,
    is_reserved,
    text_of,
)
from resolver.config.kinds import nearest_upper
from resolver.config.model import Directive, Word
from resolver.config.nearest import shown
from resolver.config.pattern import Pattern, compiled
from resolver.config.problems import Problems
from resolver.config.zones import normalize_zones
from resolver.plugins.template.data import Data
from resolver.plugins.template.language import Template, TemplateError, compile_template
from resolver.wire import constants
from resolver.wire.edns import extended_error
from resolver.wire.names import ROOT


@dataclass(frozen=True, slots=True)
class Rule:
    """One template. Zones are lower-case wire names; without ``patterns`` every name fits.
    ``variables`` are worked out in this order; all ``conditions`` must then be true.

    ``options`` are EDNS options as octets. ``fallthrough`` are the zones in which a name that does not fit goes on.
    """

    rclass: int
    rtype: int
    zones: frozenset[bytes]
    patterns: tuple[Pattern, ...] = ()
    answer: tuple[Template, ...] = ()
    additional: tuple[Template, ...] = ()
    authority: tuple[Template, ...] = ()
    rcode: int = constants.NOERROR
    options: bytes = b""
    fallthrough: tuple[bytes, ...] = ()
    variables: tuple[tuple[str, Expression], ...] = ()
    conditions: tuple[Expression, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def personal(self) -> bool:
        """Whether the template may fit one client's query and not the same query of another."""
        return any(one.personal for one in self.conditions) or any(one.personal for _, one in self.variables)


def parse(directives: Sequence[Directive], block: Block) -> tuple[Rule, ...]:
    """Every template of the block. Raises ConfigError or ConfigErrors."""
    problems = Problems()
    rules = []
    for directive in directives:
        with problems:
            rules.append(_rule(directive, block))
    problems.raise_any()
    return tuple(rules)


_LISTS = ("match", "var", "expr", "answer", "additional", "authority")
_FUNCTIONS: Final = {
    **query_functions(lambda data: data.query),
    "group": Function(lambda data, key: data.groups().get(text_of(key), ""), (Kind.ANY,), Kind.STRING),
}


def _rule(directive: Directive, block: Block) -> Rule:
    words = args(directive, 2)
    zones = [wire for word in words[2:] for wire in normalize_zones(word)] or block.zones
    expressions = _Expressions()
    values = option_values(
        directive,
        {
            "match": _patterns, "var": expressions.variable, "expr": expressions.condition,
            "answer": _templates, "additional": _templates, "authority": _templates,
            "rcode": _rcode, "ederror": _extended_error, "fallthrough": _fallthrough, "upstream": _upstream,
        },
        lists=_LISTS,
    )  # fmt: skip
    answer, additional, authority = (values.get(name, ()) for name in _LISTS[3:])
    return Rule(
        _class(words[0]),
        record_type(words[1]),
        frozenset(zones),
        values.get("match", ()),
        answer=tuple(template for template, _ in answer),
        additional=tuple(template for template, _ in additional),
        authority=tuple(template for template, _ in authority),
        rcode=values.get("rcode", constants.NOERROR),
        options=values.get("ederror", b""),
        fallthrough=values.get("fallthrough", ()),
        variables=values.get("var", ()),
        conditions=values.get("expr", ()),
        doubts=tuple(
            f"{word.at}: {doubt}" for template, word in (*answer, *additional, *authority) for doubt in template.doubts
        ),
    )


class _Expressions:
    """The expressions of one template, each of which knows the variables of the lines before it."""

    def __init__(self) -> None:
        self.known: dict[str, Kind] = {}

    def variable(self, option: Directive) -> tuple[tuple[str, Expression], ...]:
        no_block(option)
        name, *words = args(option, 2)
        if is_reserved(name.text) or name.text in _FUNCTIONS:
            raise name.error(f"{shown(name.text)} cannot be the name of a variable")
        expression = self.compiled(words)
        self.known[name.text] = expression.kind
        return ((name.text, expression),)

    def condition(self, option: Directive) -> tuple[Expression, ...]:
        no_block(option)
        return (self.compiled(args(option, 1)),)

    def compiled(self, words: Sequence[Word]) -> Expression:
        try:
            return compile_expression(" ".join(word.text for word in words), Environment(_FUNCTIONS, dict(self.known)))
        except ExpressionError as error:
            raise words[0].error(f"cannot compile expression: {error}") from None


def _class(word: Word) -> int:
    number = constants.CLASS_NUMBERS.get(word.text.upper())
    if number is None:
        hint = nearest_upper(word.text, constants.CLASS_NUMBERS)
        raise word.error(f"{shown(word.text)} is not a class", hint)
    return number


def _patterns(option: Directive) -> tuple[Pattern, ...]:
    no_block(option)
    return tuple(compiled(word) for word in args(option, 1))


def _templates(option: Directive) -> tuple[tuple[Template, Word], ...]:
    no_block(option)
    return tuple((_template(word), word) for word in args(option, 1))


def _template(word: Word) -> Template:
    try:
        return compile_template(word.text, Data)
    except TemplateError as error:
        raise word.error(f"cannot compile template: {error}") from None


def _rcode(option: Directive) -> int:
    no_block(option)
    word = one_arg(option)
    number = constants.RCODE_NUMBERS.get(word.text.upper())
    if number is None:
        raise word.error(f"unknown rcode {shown(word.text)}", nearest_upper(word.text, constants.RCODE_NUMBERS))
    return number


def _extended_error(option: Directive) -> bytes:
    no_block(option)
    words = args(option, 1, 2)
    return extended_error(integer(words[0], 0, 65535), words[1].text if len(words) > 1 else "")


def _fallthrough(option: Directive) -> tuple[bytes, ...]:
    no_block(option)
    return tuple(wire for word in option.args for wire in normalize_zones(word)) or (ROOT,)


def _upstream(option: Directive) -> bool:
    """Said nothing any more in the reference when this was written: targets are always looked up."""
    no_block(option)
    return True
