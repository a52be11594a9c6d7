"""Nodes into functions. Names, kinds, patterns and numbers of arguments are checked on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from resolver.config.expression import nodes
from resolver.config.expression.builtins import BUILTINS, ELSEWHERE, Builtin
from resolver.config.expression.lexer import shown
from resolver.config.expression.model import (
    Code,
    Environment,
    ExpressionError,
    Frame,
    Function,
    Kind,
    Run,
    is_number,
    kind_of,
    sized,
    whole,
)
from resolver.config.expression.operators import BINARY, result_kind
from resolver.config.expression.parser import parse
from resolver.config.expression.predicates import PREDICATES, asking, reduced
from resolver.config.model import Word
from resolver.config.nearest import nearest
from resolver.config.pattern import compiled
from resolver.errors import ConfigError, Place

_NOWHERE: Final = Place("", 0)


class Expression:
    """A compiled expression: the ``kind`` that it gives where that is known, and whether it is ``personal``.

    What is not personal gives the same for all who send the same octets to the same listener. ``calls`` are the
    functions of the environment that it may call.
    """

    def __init__(self, code: Code, slots: int, source: str, calls: frozenset[str]) -> None:
        self.kind = code.kind
        self.calls = calls
        self.personal = code.personal
        self.source = source
        self._run = code.run
        self._slots = slots

    def run(self, subject: Any, variables: Mapping[str, Any] | None = None) -> Any:
        """The value for a subject. Raises ExpressionError where there is none."""
        return self._run(Frame(subject, self._slots, variables or {}))


def compile_expression(source: str, environment: Environment) -> Expression:
    """The expression, ready to be run. Raises ExpressionError."""
    compiler = _Compiler(source, environment)
    code = compiler.code(parse(source))
    return Expression(code, compiler.slots, source, frozenset(compiler.calls))


class _Compiler:
    def __init__(self, source: str, environment: Environment) -> None:
        self.source = source
        self.environment = environment
        self.scope: dict[str, tuple[int, Code]] = {}
        self.slots = 0
        self.calls: set[str] = set()
        self.compilers: dict[type, Callable[[Any], Code]] = {
            nodes.Literal: self.literal, nodes.Name: self.name, nodes.Pointer: self.pointer, nodes.Call: self.call,
            nodes.Unary: self.unary, nodes.Binary: self.binary, nodes.Conditional: self.conditional,
            nodes.Member: self.member, nodes.Cut: self.cut, nodes.Listing: self.listing, nodes.Mapping: self.mapping,
            nodes.Let: self.let,
        }  # fmt: skip

    def error(self, message: str, at: int) -> ExpressionError:
        return ExpressionError(f"{message}: {shown(self.source, at)}")

    def code(self, node: nodes.Node) -> Code:
        return self.compilers[type(node)](node)

    def settled(self, run: Run, kind: Kind, parts: Sequence[Code]) -> Code:
        """The code made of parts; where all of them are constant it is run now, once and for all."""
        personal = any(part.personal for part in parts)
        if parts and all(part.constant for part in parts):
            value = run(Frame(None, 0, {}))
            return Code(lambda frame: value, kind_of(value), constant=True)
        return Code(run, kind, personal=personal)

    # --- values

    def literal(self, node: nodes.Literal) -> Code:
        value = node.value
        return Code(lambda frame: value, kind_of(value), constant=True)

    def name(self, node: nodes.Name) -> Code:
        name = node.name
        if name in self.scope:
            slot, value = self.scope[name]
            return Code(lambda frame: frame.slots[slot], value.kind, personal=value.personal)
        kind = self.environment.variables.get(name)
        if kind is not None:
            return Code(lambda frame: frame.variables[name], kind)
        if name in self.environment.functions or name in BUILTINS or name in PREDICATES:
            raise self.error(f"{name} is a function: write {name}()", node.at)
        raise self.error(f"unknown name {name}", node.at)

    def pointer(self, node: nodes.Pointer) -> Code:
        part = node.part
        return Code(lambda frame: frame.items[-1][part], Kind.INT if part == 1 else Kind.ANY)

    def listing(self, node: nodes.Listing) -> Code:
        parts = [self.code(item) for item in node.items]
        runs = [part.run for part in parts]
        if not parts:
            return Code(lambda frame: [], Kind.LIST, constant=True)
        return self.settled(lambda frame: [run(frame) for run in runs], Kind.LIST, parts)

    def mapping(self, node: nodes.Mapping) -> Code:
        pairs = [(self.code(key), self.code(value)) for key, value in node.pairs]
        runs = [(key.run, value.run) for key, value in pairs]

        def build(frame: Frame) -> dict[Any, Any]:
            return {_key(key(frame)): value(frame) for key, value in runs}

        return self.settled(build, Kind.MAP, [part for pair in pairs for part in pair])

    def let(self, node: nodes.Let) -> Code:
        if node.name in self.environment.functions or node.name in BUILTINS:
            raise self.error(f"{node.name} is the name of a function", node.at)
        value = self.code(node.value)
        slot, outer = self.slots, self.scope
        self.slots += 1
        self.scope = {**outer, node.name: (slot, value)}
        body = self.code(node.body)
        self.scope = outer
        value_run, body_run = value.run, body.run

        def run(frame: Frame) -> Any:
            frame.slots[slot] = value_run(frame)
            return body_run(frame)

        return Code(run, body.kind, personal=value.personal or body.personal)

    # --- operators

    def unary(self, node: nodes.Unary) -> Code:
        value = self.code(node.value)
        run = value.run
        if node.mark == "not":
            self.require(value, Kind.BOOL, "not", node.at)
            return self.settled(lambda frame: not _truth(run(frame)), Kind.BOOL, [value])
        if value.kind not in (Kind.ANY, Kind.INT, Kind.FLOAT):
            raise self.error(f"{node.mark} takes no {value.kind.value}", node.at)
        sign = -1 if node.mark == "-" else 1
        return self.settled(lambda frame: _signed(sign, run(frame)), value.kind, [value])

    def binary(self, node: nodes.Binary) -> Code:
        left, right, mark = self.code(node.left), self.code(node.right), node.mark
        kind = result_kind(mark, left.kind, right.kind)
        if kind is None:
            kinds = f"{left.kind.value} and {right.kind.value}"
            raise self.error(f"mismatched types: {mark} takes no {kinds}", node.at)
        if mark == "matches":
            return self.pattern(left, right, node.at)
        return self.settled(_operation(mark, left, right), kind, [left, right])

    def pattern(self, left: Code, right: Code, at: int) -> Code:
        """``matches``: the pattern is compiled once, so it must be known."""
        if not right.constant:
            raise self.error("the pattern of matches must be a text that is known in advance", at)
        try:
            pattern = compiled(Word(right.run(Frame(None, 0, {})), _NOWHERE))
        except ConfigError as error:
            raise self.error(error.message + (f" ({error.hint})" if error.hint else ""), at) from None
        run, found = left.run, pattern.found

        def search(frame: Frame) -> bool:
            text = run(frame)
            if not isinstance(text, str):
                raise ExpressionError(f"matches takes no {kind_of(text).value}")
            return found(text)

        return Code(search, Kind.BOOL, personal=left.personal)

    def conditional(self, node: nodes.Conditional) -> Code:
        condition, then, otherwise = self.code(node.condition), self.code(node.then), self.code(node.otherwise)
        if node.then is not node.condition:
            self.require(condition, Kind.BOOL, "a condition", node.at)
        ask, yes, no = condition.run, then.run, otherwise.run
        kind = then.kind if then.kind is otherwise.kind else Kind.ANY
        parts = [condition, then, otherwise]
        if node.then is node.condition:
            return self.settled(lambda frame: _or_else(ask(frame), no, frame), Kind.ANY, parts)
        return self.settled(lambda frame: yes(frame) if _truth(ask(frame)) else no(frame), kind, parts)

    def require(self, code: Code, kind: Kind, what: str, at: int) -> None:
        if code.kind not in (Kind.ANY, kind):
            raise self.error(f"{what} takes no {code.kind.value}", at)

    # --- members

    def member(self, node: nodes.Member) -> Code:
        base, key = self.code(node.base), self.code(node.key)
        if base.kind not in (Kind.ANY, Kind.LIST, Kind.MAP) and not (base.kind is Kind.NIL and node.optional):
            raise self.error(f"{base.kind.value} has no members", node.at)
        if base.kind is Kind.LIST and key.kind not in (Kind.ANY, Kind.INT):
            raise self.error(f"the index of a list is no {key.kind.value}", node.at)
        base_run, key_run, optional = base.run, key.run, node.optional
        return self.settled(lambda frame: _member(base_run(frame), key_run(frame), optional), Kind.ANY, [base, key])

    def cut(self, node: nodes.Cut) -> Code:
        base = self.code(node.base)
        first = self.code(node.first or nodes.Literal(0))
        last = self.code(node.last or nodes.Literal(2**62))
        if base.kind not in (Kind.ANY, Kind.LIST, Kind.STRING):
            raise self.error(f"{base.kind.value} cannot be cut", node.at)
        self.require(first, Kind.INT, "a cut", node.at)
        self.require(last, Kind.INT, "a cut", node.at)
        runs = base.run, first.run, last.run
        return self.settled(
            lambda frame: frame.made(_cut(*[run(frame) for run in runs])), base.kind, [base, first, last]
        )

    # --- calls

    def call(self, node: nodes.Call) -> Code:
        name = node.name
        function = self.environment.functions.get(name)
        if function is not None:
            return self.own(name, function, node)
        if name in PREDICATES:
            return self.loop(node)
        builtin = BUILTINS.get(name)
        if builtin is None:
            if name in ELSEWHERE:
                raise self.error(f"the function {name} is not offered here", node.at)
            hint = nearest(name, (*self.environment.functions, *BUILTINS, *PREDICATES))
            raise self.error(f"unknown function {name}" + (f" ({hint})" if hint else ""), node.at)
        given = [self.code(one) for one in node.given]
        takes = builtin.takes
        if builtin.endless:
            takes = takes + takes[-1:] * (len(given) - len(takes))
        self.check_given(name, takes, given, node.at, optional=builtin.optional)
        return self.settled(_calling(name, builtin, [one.run for one in given]), builtin.gives, given)

    def own(self, name: str, function: Function, node: nodes.Call) -> Code:
        """A function of the environment, which is asked about the subject and never constant."""
        self.calls.add(name)
        given = [self.code(one) for one in node.given]
        self.check_given(name, function.takes, given, node.at)
        personal = function.personal or any(one.personal for one in given)
        call, takes, runs = function.call, function.takes, [one.run for one in given]
        if not runs:
            return Code(lambda frame: call(frame.subject), function.gives, personal=personal)

        def run(frame: Frame) -> Any:
            values = [one(frame) for one in runs]
            _check(name, takes, values)
            return call(frame.subject, *values)

        return Code(run, function.gives, personal=personal)

    def check_given(self, name: str, takes: Sequence[Kind], given: Sequence[Code], at: int, optional: int = 0) -> None:
        if not len(takes) - optional <= len(given) <= len(takes):
            wanted = f"{len(takes) - optional} to {len(takes)}" if optional else str(len(takes))
            raise self.error(f"{name} takes {wanted} arguments, not {len(given)}", at)
        for wanted_kind, code in zip(takes, given, strict=False):
            if Kind.ANY not in (wanted_kind, code.kind) and not _fits(wanted_kind, code.kind):
                raise self.error(f"{name} takes {wanted_kind.value}, not {code.kind.value}", at)

    def loop(self, node: nodes.Call) -> Code:
        loop, name = PREDICATES[node.name], node.name
        if not (2 if loop.asked else 1) <= len(node.given) <= loop.most:
            raise self.error(f"{name} takes a list and what is asked of its items", node.at)
        given = [self.code(one) for one in node.given]
        self.require(given[0], Kind.LIST, name, node.at)
        if loop.boolean and len(given) > 1:
            self.require(given[1], Kind.BOOL, f"the question of {name}", node.at)
        values, *questions = [one.run for one in given]
        question, rest, call = questions[0] if questions else None, questions[1:], loop.call

        def run(frame: Frame) -> Any:
            items = values(frame)
            _check(name, (Kind.LIST,), [items])
            more = [one(frame) for one in rest]
            if question is None:
                return call(items)
            if name == "reduce":
                return reduced(frame, items, question, more)
            frame.items.append([None, 0, None])
            result = call(items, asking(frame, question), *more)
            frame.items.pop()
            return result

        return Code(run, loop.gives, personal=any(one.personal for one in given))


def _operation(mark: str, left: Code, right: Code) -> Run:
    one, other = left.run, right.run
    if mark == "and":
        return lambda frame: _truth(one(frame)) and _truth(other(frame))
    if mark == "or":
        return lambda frame: _truth(one(frame)) or _truth(other(frame))
    if mark == "??":
        return lambda frame: _or_else(one(frame), other, frame)
    if mark in ("==", "!=") and left.kind is right.kind is Kind.STRING:
        return _same_text(one, other) if mark == "==" else _other_text(one, other)
    if mark == "in" and right.constant and left.kind is Kind.STRING:
        listed = other(Frame(None, 0, {}))
        if isinstance(listed, list) and all(isinstance(item, str) for item in listed):
            texts = frozenset(listed)
            return lambda frame: one(frame) in texts
    apply = BINARY[mark]
    if mark in ("+", ".."):
        return lambda frame: frame.made(apply(one(frame), other(frame)))
    return lambda frame: apply(one(frame), other(frame))


def _same_text(one: Run, other: Run) -> Run:
    return lambda frame: one(frame) == other(frame)


def _other_text(one: Run, other: Run) -> Run:
    return lambda frame: one(frame) != other(frame)


def _calling(name: str, builtin: Builtin, runs: Sequence[Run]) -> Run:
    call = builtin.call
    takes = builtin.takes + builtin.takes[-1:] * (len(runs) - len(builtin.takes) if builtin.endless else 0)

    def run(frame: Frame) -> Any:
        values = [one(frame) for one in runs]
        _check(name, takes, values)
        return frame.made(call(*values))

    return run


def _check(name: str, takes: Sequence[Kind], values: Sequence[Any]) -> None:
    for wanted, value in zip(takes, values, strict=False):
        if wanted is not Kind.ANY and not _fits(wanted, kind_of(value)):
            raise ExpressionError(f"{name} takes {wanted.value}, not {kind_of(value).value}")


def _fits(wanted: Kind, kind: Kind) -> bool:
    return kind is wanted or (wanted is Kind.FLOAT and kind is Kind.INT)


def _truth(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise ExpressionError(f"{kind_of(value).value} is neither true nor false")


def _or_else(value: Any, otherwise: Run, frame: Frame) -> Any:
    return otherwise(frame) if value is None or value is False else value


def _signed(sign: int, value: Any) -> Any:
    if not is_number(value):
        raise ExpressionError(f"a sign in front of {kind_of(value).value}")
    return whole(sign * value) if isinstance(value, int) else sign * value


def _key(value: Any) -> Any:
    if isinstance(value, str | int):
        return value
    raise ExpressionError(f"a key of a map is no {kind_of(value).value}")


def _member(base: Any, key: Any, optional: bool) -> Any:
    if isinstance(base, dict):
        return base.get(_key(key))
    if isinstance(base, list):
        if type(key) is not int or not -len(base) <= key < len(base):
            raise ExpressionError(f"index out of range: {key}")
        return base[key]
    if base is None and optional:
        return None
    raise ExpressionError(f"{kind_of(base).value} has no members")


def _cut(base: Any, first: Any, last: Any) -> Any:
    if not isinstance(base, str | list) or type(first) is not int or type(last) is not int:
        raise ExpressionError("a cut takes a list or a text, and whole numbers")
    return sized(base[first:last])
