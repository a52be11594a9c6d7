"""``header { query|response set|clear FLAGS... }`` as values."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from resolver.config.cursor import args, choice, no_args, no_block, options
from resolver.config.model import Directive
from resolver.wire.constants import AA, RA, RD

_FLAGS: Final = {"aa": AA, "ra": RA, "rd": RD}


class Rule(NamedTuple):
    """One line: whether it is for queries (or else answers), the flags, and whether they are set (or else cleared)."""

    to_query: bool
    flags: int
    is_set: bool


def parse(directive: Directive) -> list[Rule]:
    """The rules in the order of their lines, of which there is one at least. Raises ConfigError or ConfigErrors."""
    no_args(directive)
    rules: list[Rule] = []

    def keep(line: Directive) -> None:
        rules.append(_rule(line))

    options(directive, {"query": keep, "response": keep})
    if not rules:
        raise directive.error("header needs a line such as: response set ra")
    return rules


def _rule(line: Directive) -> Rule:
    no_block(line)
    action, *words = [replace(word, text=word.text.lower()) for word in args(line, 2)]
    is_set = choice(action, ("set", "clear")) == "set"
    flags = 0
    for word in words:
        flags |= _FLAGS[choice(word, tuple(_FLAGS))]
    return Rule(line.name.text == "query", flags, is_set)
