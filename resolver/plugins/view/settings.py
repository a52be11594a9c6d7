"""``view NAME { expr EXPRESSION }`` as a value."""

from __future__ import annotations

from typing import Final

from resolver.chain.expressions import query_functions
from resolver.config.cursor import args, no_block, one_arg, option_values
from resolver.config.expression import Environment, Expression, ExpressionError, compile_expression
from resolver.config.model import Directive

_ENVIRONMENT: Final = Environment(query_functions(lambda query: query))


def parse(directive: Directive) -> tuple[str, tuple[Expression, ...]]:
    """The name and the expressions, all of which must hold. Raises ConfigError or ConfigErrors."""
    name = one_arg(directive).text
    return name, option_values(directive, {"expr": _expression}, lists=("expr",)).get("expr", ())


def _expression(option: Directive) -> tuple[Expression, ...]:
    no_block(option)
    words = args(option, 1)
    try:
        return (compile_expression(" ".join(word.text for word in words), _ENVIRONMENT),)
    except ExpressionError as error:
        raise words[0].error(f"cannot use expr: {error}") from None
