"""Expressions of operators, in the language of expr-lang/expr as far as questions about queries need it.

``compile_expression`` checks names, types, patterns and sizes once and gives an ``Expression``, which is run against a
subject of the caller's choosing. What it may call is said by an ``Environment``. Nothing here knows DNS.
"""

from __future__ import annotations

from resolver.config.expression.builtins import BUILTINS, text_of
from resolver.config.expression.compiler import Expression, compile_expression
from resolver.config.expression.lexer import is_name
from resolver.config.expression.model import Environment, ExpressionError, Function, Kind
from resolver.config.expression.predicates import PREDICATES

__all__ = [
    "Environment", "Expression", "ExpressionError", "Function", "Kind", "compile_expression", "is_reserved", "text_of",
]  # fmt: skip


def is_reserved(name: str) -> bool:
    """Whether a name means something in the language itself, or is none."""
    return not is_name(name) or name in BUILTINS or name in PREDICATES
