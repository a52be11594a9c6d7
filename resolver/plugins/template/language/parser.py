"""Tokens into nodes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from resolver.plugins.template.language.constants import constant
from resolver.plugins.template.language.lexer import Token, split
from resolver.plugins.template.language.nodes import (
    Action,
    Body,
    Branch,
    Call,
    Command,
    Constant,
    Dot,
    Field,
    Function,
    Jump,
    Node,
    Operand,
    Pipe,
    Text,
    Tree,
    Variable,
)
from resolver.plugins.template.language.values import TemplateError

_DEEPEST: Final = 50
_END = Token("end", "")


def parse(source: str, functions: Collection[str]) -> Tree:
    """The template taken apart. Raises TemplateError, which names the action that is wrong."""
    parser = _Parser(source, functions)
    parser.tree.body, stop = parser.body({}, loops=0)
    if stop:
        raise TemplateError(f"unexpected {{{{{stop}}}}}")
    return parser.tree


class _Parser:
    def __init__(self, source: str, functions: Collection[str]) -> None:
        self.pieces = split(source)
        self.functions = functions
        self.tree = Tree()
        self.depth = 0
        self.rest: list[Token] | None = None  # what follows else in {{else if ...}}

    def body(self, scope: dict[str, None], loops: int) -> tuple[Body, str]:
        """Nodes up to an action that ends or divides them, and the word of that action, empty at the end of all."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise TemplateError(f"actions are nested more than {_DEEPEST} deep")
        nodes: list[Node] = []
        scope = dict(scope)  # variables end with the block that they are declared in
        stop = ""
        for piece in self.pieces:
            if isinstance(piece, str):
                if piece:
                    nodes.append(Text(piece))
                continue
            action = _Action(piece, self.functions, scope)
            word = action.keyword()
            if word in ("end", "else"):
                self.rest = action.remaining() if word == "else" else action.finish()
                stop = word
                break
            node = self.node(word, action, scope, loops)
            if node is not None:
                nodes.append(node)
        self.depth -= 1
        return Body(tuple(nodes)), stop

    def node(self, word: str, action: _Action, scope: dict[str, None], loops: int) -> Node | None:
        if word in ("if", "with", "range"):
            return self.branch(word, action, scope, loops)
        if word in ("break", "continue"):
            action.finish()
            if not loops:
                raise action.error(f"{word} outside of range")
            return Jump(word)
        if word == "template":
            name, quoted = action.name()
            return Call(name, quoted, None if action.at_end() else action.pipe())
        if word in ("define", "block"):
            return self.definition(word, action)
        return Action(action.pipe())

    def branch(self, word: str, action: _Action, scope: dict[str, None], loops: int) -> Branch:
        inner = dict(scope)
        action.scope = inner
        pipe = action.pipe(in_range=word == "range")
        body, stop = self.body(inner, loops + (word == "range"))
        if not stop:
            raise action.error(f"{word} is not closed with {{{{end}}}}")
        if stop == "end":
            return Branch(word, pipe, body)
        rest = self.rest or []
        if rest:
            return Branch(word, pipe, body, Body((self.chained(word, rest, inner, loops, action),)))
        otherwise, stop = self.body(inner, loops)
        if stop != "end":
            raise action.error(f"{word} is not closed with {{{{end}}}}")
        return Branch(word, pipe, body, otherwise)

    def chained(self, word: str, rest: list[Token], scope: dict[str, None], loops: int, action: _Action) -> Branch:
        """The branch in ``{{else if ...}}``, which shares the end of the one before."""
        following = _Action(rest, self.functions, scope)
        if following.keyword() != word or word == "range":
            raise action.error(f"unexpected words after else: {following.text}")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise TemplateError(f"actions are nested more than {_DEEPEST} deep")
        branch = self.branch(word, following, scope, loops)
        self.depth -= 1
        return branch

    def definition(self, word: str, action: _Action) -> Node | None:
        name, quoted = action.name()
        pipe = action.pipe() if word == "block" else None
        if word == "define":
            action.finish()
            if self.depth > 1:
                raise action.error("define must not stand within another action")
        body, stop = self.body({}, loops=0)
        if stop != "end":
            raise action.error(f"{word} is not closed with {{{{end}}}}")
        self.tree.defined[name] = body
        return Call(name, quoted, pipe) if word == "block" else None


_KEYWORDS: Final = (
    "block", "break", "continue", "define", "else", "end", "if", "range", "template", "with",
)  # fmt: skip


class _Action:
    """The tokens of one action, read from left to right."""

    def __init__(self, tokens: list[Token], functions: Collection[str], scope: dict[str, None]) -> None:
        self.tokens = tokens
        self.functions = functions
        self.scope = scope
        self.at = 0
        self.depth = 0

    @property
    def text(self) -> str:
        return "{{" + "".join(token.text for token in self.tokens) + "}}"

    def error(self, message: str) -> TemplateError:
        return TemplateError(f"{message} in {self.text[:200]}")

    # --- tokens

    def skip_space(self) -> bool:
        start = self.at
        while self.at < len(self.tokens) and self.tokens[self.at].kind == "space":
            self.at += 1
        return self.at > start

    def peek(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else _END

    def take(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def at_end(self) -> bool:
        self.skip_space()
        return self.at >= len(self.tokens)

    def remaining(self) -> list[Token]:
        self.skip_space()
        return self.tokens[self.at :]

    def finish(self) -> list[Token]:
        if not self.at_end():
            raise self.error(f"unexpected {self.peek().text!r}")
        return []

    def keyword(self) -> str:
        """The word that makes this action special, taken; empty where it is a plain pipeline."""
        self.skip_space()
        token = self.peek()
        if token.kind == "word" and token.text in _KEYWORDS:
            self.at += 1
            return token.text
        return ""

    def name(self) -> tuple[str, str]:
        self.skip_space()
        token = self.take()
        if token.kind not in ("string", "raw"):
            raise self.error("the name of a template must be quoted")
        return str(constant(token.kind, token.text)), token.text

    # --- pipelines

    def pipe(self, *, in_range: bool = False, closing: str = "") -> Pipe:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.error(f"parentheses are nested more than {_DEEPEST} deep")
        variables, assigns = self.targets(in_range=in_range) if not closing else ((), False)
        commands = [self.command(closing)]
        while self.peek().text == "|":
            self.take()
            commands.append(self.command(closing))
        if closing:
            if self.take().text != closing:
                raise self.error("parenthesis is not closed")
        elif self.peek() is not _END:
            raise self.error(f"unexpected {self.peek().text!r}")
        for command in commands[1:]:
            if not isinstance(command.operands[0], Field | Function | Variable):
                raise self.error(f"{command} cannot be given a value")
        if not assigns:
            self.scope.update(dict.fromkeys(variables))
        self.depth -= 1
        return Pipe(tuple(commands), variables, assigns)

    def targets(self, *, in_range: bool) -> tuple[tuple[str, ...], bool]:
        """The variables in front of ``:=`` or ``=``, none where there are none."""
        start = self.at
        names: list[str] = []
        while True:
            self.skip_space()
            token = self.take()
            if token.kind != "variable":
                break
            names.append(token.text)
            self.skip_space()
            mark = self.take().text
            if mark == "," and in_range and len(names) < 2:
                continue
            if mark not in (":=", "="):
                break
            unknown = [name for name in names if mark == "=" and name not in self.scope and name != "$"]
            if unknown:
                raise self.error(f"undefined variable {unknown[0]}")
            return tuple(names), mark == "="
        self.at = start
        return (), False

    def command(self, closing: str) -> Command:
        operands: list[Operand] = []
        while True:
            spaced = self.skip_space()
            token = self.peek()
            if token is _END or token.text in ("|", closing):
                break
            if operands and not spaced:
                raise self.error(f"unexpected {token.text!r} after {operands[-1]}")
            operands.append(self.operand())
        if not operands:
            raise self.error("a value is missing")
        return Command(tuple(operands))

    def operand(self) -> Operand:
        base = self.term()
        names: list[str] = []
        while self.peek().kind == "field":
            names.append(self.take().text[1:])
        if not names:
            return base
        if isinstance(base, Field) and base.base is None:
            return Field(None, (*base.names, *names))
        if isinstance(base, Variable | Pipe):
            return Field(base, tuple(names))
        raise self.error(f"unexpected .{names[0]} after {base}")

    def term(self) -> Operand:
        kind, text = token = self.take()
        if kind == "field":
            return Field(None, (text[1:],))
        if kind == "dot":
            return Dot()
        if kind == "variable":
            if text != "$" and text not in self.scope:
                raise self.error(f"undefined variable {text}")
            return Variable(text)
        if kind == "word":
            return self.word(text)
        if text == "(":
            return self.pipe(closing=")")
        if kind in ("string", "raw", "char", "number"):
            try:
                return Constant(constant(kind, text), text)
            except TemplateError as error:
                raise self.error(str(error)) from None
        raise self.error(f"unexpected {token.text!r}")

    def word(self, text: str) -> Operand:
        if text in ("true", "false"):
            return Constant(text == "true", text)
        if text == "nil":
            return Constant(None, text)
        if text in _KEYWORDS:
            raise self.error(f"unexpected {text}")
        if text not in self.functions:
            raise self.error(f"function {text!r} is not defined")
        return Function(text)
