"""Tokens into nodes, by precedence."""

from __future__ import annotations

from typing import Final

from resolver.config.expression.lexer import Token, is_name, number, shown, tokens, unquoted
from resolver.config.expression.model import DEEPEST, ExpressionError
from resolver.config.expression.nodes import (
    Binary,
    Call,
    Conditional,
    Cut,
    Let,
    Listing,
    Literal,
    Mapping,
    Member,
    Name,
    Node,
    Pointer,
    Unary,
)
from resolver.config.expression.predicates import PREDICATES

_BINARY: Final = {
    "or": 10, "||": 10, "and": 15, "&&": 15, "==": 20, "!=": 20, "<": 20, ">": 20, "<=": 20, ">=": 20, "in": 20,
    "matches": 20, "contains": 20, "startsWith": 20, "endsWith": 20, "..": 25, "+": 30, "-": 30, "*": 60, "/": 60,
    "%": 60, "**": 100, "^": 100, "??": 500,
}  # fmt: skip
_UNARY: Final = {"not": 50, "!": 50, "-": 90, "+": 90}
_NEGATED: Final = ("in", "matches", "contains", "startsWith", "endsWith")
_ORDERED: Final = ("<", ">", "<=", ">=")
_SAME: Final = {"&&": "and", "||": "or", "^": "**", "!": "not"}
_POINTERS: Final = {"#": 0, "#index": 1, "#acc": 2}


def parse(source: str) -> Node:
    """The expression taken apart. Raises ExpressionError."""
    parser = _Parser(source)
    node = parser.sequence()
    parser.expect_end()
    return node


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokens(source)
        self.at = 0
        self.depth = 0
        self.loops = 0

    # --- tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def error(self, message: str, at: int | None = None) -> ExpressionError:
        return ExpressionError(f"{message}: {shown(self.source, self.token.at if at is None else at)}")

    def unexpected(self) -> ExpressionError:
        return self.error(f"unexpected {self.token.text!r}" if self.token.text else "unexpected end of the expression")

    def skip(self, mark: str) -> bool:
        if self.token.text == mark and self.token.kind in ("mark", "word"):
            self.take()
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.skip(mark):
            raise self.error(f"expected {mark!r}" + (f", not {self.token.text!r}" if self.token.text else ""))

    def expect_end(self) -> None:
        if self.token.kind != "end":
            raise self.unexpected()

    # --- from the weakest to the strongest

    def sequence(self) -> Node:
        """Expressions with semicolons between them: the last one counts."""
        if self.token.kind == "word" and self.token.text == "let":
            return self.let()
        node = self.expression()
        while self.skip(";"):
            if self.token.kind == "end":
                break
            node = self.sequence()
        return node

    def let(self) -> Node:
        self.enter()
        at = self.take().at
        name = self.take()
        if name.kind != "name" or not is_name(name.text):
            raise self.error("let needs a name", name.at)
        self.expect("=")
        value = self.expression()
        self.expect(";")
        node = Let(name.text, value, self.sequence(), at)
        self.depth -= 1
        return node

    def enter(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(f"the expression is nested more than {DEEPEST} deep")

    def expression(self, least: int = 0) -> Node:
        self.enter()
        node = self.branch() if self.token.kind == "word" and self.token.text == "if" else self.primary()
        length = 0
        while (found := self.operation(node, least)) is not None:
            node = found
            length += 1
            if length > 4 * DEEPEST:
                raise self.error(f"more than {4 * DEEPEST} operators in a row")
        if least == 0:
            node = self.conditional(node)
        self.depth -= 1
        return node

    def operation(self, left: Node, least: int) -> Node | None:
        """The left side with an operator and its right side; None where no operator of that strength follows."""
        token = self.token
        if token.text == "|" and least == 0:
            self.take()
            name = self.take()
            if name.kind != "name":
                raise self.error("a function must follow |", name.at)
            return self.postfix(self.call(name, (left,)))
        if token.kind not in ("mark", "word"):
            return None
        negated = token.text == "not" and self.tokens[self.at + 1].text in _NEGATED
        mark = self.tokens[self.at + 1].text if negated else token.text
        strength = _BINARY.get(mark, -1)
        if strength < max(least, 1):
            return None
        self.take()
        if negated:
            self.take()
        right = self.expression(strength if mark in ("**", "^") else strength + 1)
        mark = _SAME.get(mark, mark)
        node: Node = Binary(mark, left, right, token.at)
        if mark in _ORDERED and isinstance(left, Binary) and left.mark in _ORDERED:
            node = Binary("and", left, Binary(mark, left.right, right, token.at), token.at)
        return Unary("not", node, token.at) if negated else node

    def conditional(self, node: Node) -> Node:
        at = self.token.at
        if self.skip("?:"):
            return Conditional(node, node, self.expression(), at)
        if self.skip("?"):
            then = self.expression()
            self.expect(":")
            return Conditional(node, then, self.expression(), at)
        return node

    def branch(self) -> Node:
        """``if CONDITION { ... } else { ... }``."""
        self.enter()
        at = self.take().at
        condition = self.expression()
        self.expect("{")
        then = self.sequence()
        self.expect("}")
        self.expect("else")
        if self.token.text == "if":
            otherwise = self.branch()
        else:
            self.expect("{")
            otherwise = self.sequence()
            self.expect("}")
        self.depth -= 1
        return Conditional(condition, then, otherwise, at)

    def primary(self) -> Node:
        token = self.token
        strength = _UNARY.get(token.text) if token.kind in ("mark", "word") else None
        if strength is not None:
            self.take()
            return Unary(_SAME.get(token.text, token.text), self.expression(strength), token.at)
        return self.postfix(self.term())

    def term(self) -> Node:
        if self.token.text == "." and self.loops and self.token.kind == "mark":
            return Pointer(0, self.token.at)  # .field stands for #.field, and the point is read next
        token = self.take()
        if token.kind == "string":
            return Literal(unquoted(token.text))
        if token.kind == "number":
            return Literal(number(token.text))
        if token.kind == "pointer":
            if token.text not in _POINTERS or not self.loops:
                raise self.error(f"unexpected {token.text!r}", token.at)
            return Pointer(_POINTERS[token.text], token.at)
        if token.kind == "name":
            return self.named(token)
        if token.text == "(":
            node = self.sequence()
            self.expect(")")
            return node
        if token.text == "[":
            return Listing(self.items("]"))
        if token.text == "{":
            return self.mapping()
        self.at -= token.kind != "end"
        raise self.unexpected()

    def named(self, token: Token) -> Node:
        if token.text in ("true", "false", "nil"):
            return Literal({"true": True, "false": False}.get(token.text))
        if self.token.text == "(" and self.token.kind == "mark":
            return self.call(token, ())
        return Name(token.text, token.at)

    def call(self, name: Token, first: tuple[Node, ...]) -> Node:
        self.expect("(")
        if name.text not in PREDICATES:
            return Call(name.text, (*first, *self.items(")")), name.at)
        given = list(first)
        while not self.skip(")"):
            if len(given) > len(first):
                self.expect(",")
            given.append(self.predicate() if len(given) == 1 else self.expression())
        return Call(name.text, tuple(given), name.at)

    def predicate(self) -> Node:
        """What is asked of each item, with or without braces around it."""
        self.loops += 1
        if self.skip("{"):
            node = self.sequence()
            self.expect("}")
        else:
            node = self.expression()
        self.loops -= 1
        return node

    def items(self, closing: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.skip(closing):
            if found:
                self.expect(",")
                if self.skip(closing):
                    break
            found.append(self.expression())
        return tuple(found)

    def mapping(self) -> Node:
        pairs: list[tuple[Node, Node]] = []
        while not self.skip("}"):
            if pairs:
                self.expect(",")
                if self.skip("}"):
                    break
            token = self.take()
            key: Node
            if token.text == "(":
                key = self.expression()
                self.expect(")")
            elif token.kind in ("name", "word", "number"):
                key = Literal(token.text)
            elif token.kind == "string":
                key = Literal(unquoted(token.text))
            else:
                raise self.error("a key of a map must be a text, a number or in parentheses", token.at)
            self.expect(":")
            pairs.append((key, self.expression()))
        return Mapping(tuple(pairs))

    def postfix(self, node: Node) -> Node:
        length = 0
        while self.token.kind == "mark" and self.token.text in (".", "?.", "["):
            length += 1
            if length > DEEPEST:
                raise self.error(f"more than {DEEPEST} members in a row")
            mark = self.take()
            optional = mark.text == "?."
            if mark.text == "[" or (optional and self.skip("[")):
                node = self.index(node, mark.at, optional=optional)
                continue
            name = self.take()
            if name.kind not in ("name", "word"):
                raise self.error("a name must follow the point", name.at)
            node = Member(node, Literal(name.text), mark.at, optional)
        return node

    def index(self, node: Node, at: int, *, optional: bool) -> Node:
        first = None if self.token.text == ":" else self.expression()
        if self.skip(":"):
            last = None if self.token.text == "]" else self.expression()
            self.expect("]")
            return Cut(node, first, last, at)
        self.expect("]")
        if first is None:
            raise self.unexpected()
        return Member(node, first, at, optional)
