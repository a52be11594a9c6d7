"""Nodes into functions: what is known when the configuration is read is settled then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from resolver.plugins.template.language.functions import FUNCTIONS, LAZY, Known
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
    Variable,
)
from resolver.plugins.template.language.parser import parse
from resolver.plugins.template.language.state import Break, Continue, State
from resolver.plugins.template.language.values import (
    NO_VALUE,
    Method,
    Struct,
    TemplateError,
    kind_of,
    shown,
    sorted_keys,
    truth,
)

Code: TypeAlias = Callable[[Any, State], Any]
"""Takes the present value (the dot) and the state of this rendering."""

_NAMES: Final = frozenset((*FUNCTIONS, *LAZY))


class Template:
    """A compiled template. ``str`` of it is how metrics know it; ``doubts`` is what can only fail when filled in."""

    def __init__(self, text: str, slots: int, steps: Sequence[Code], doubts: tuple[str, ...]) -> None:
        self._text = text
        self._slots = slots
        self._steps = steps
        self.doubts = doubts

    def render(self, data: Any) -> str:
        """The template filled in with ``data``. Raises TemplateError."""
        state = State(data, self._slots)
        for step in self._steps:
            step(data, state)
        return "".join(state.out)

    def __str__(self) -> str:
        return self._text


def compile_template(source: str, root: type[Struct]) -> Template:
    """The template for data of the type ``root``. Raises TemplateError, which names the action that is wrong."""
    tree = parse(source, _NAMES)
    named: dict[str, tuple[list[Code], list[int]]] = {name: ([], [0]) for name in tree.defined}
    doubts: list[str] = []
    for name, body in tree.defined.items():
        compiler = _Compiler(None, named, doubts)
        named[name][0].extend(compiler.body(body))
        named[name][1][0] = compiler.slots
    compiler = _Compiler(root, named, doubts)
    steps = compiler.body(tree.body)
    return Template(str(tree.body), compiler.slots, steps, tuple(doubts))


class _Compiler:
    """Compiles one template. ``dot`` is the type of the present value where that is known."""

    def __init__(
        self, root: type[Struct] | None, named: Mapping[str, tuple[list[Code], list[int]]], doubts: list[str]
    ) -> None:
        self.root = self.dot = root
        self.named = named
        self.doubts = doubts
        self.slots = 0
        self.scope: dict[str, int] = {}

    # --- nodes

    def body(self, body: Body) -> list[Code]:
        outer = self.scope
        self.scope = dict(outer)
        steps = [self.node(node) for node in body.nodes]
        self.scope = outer
        return steps

    def node(self, node: Node) -> Code:
        if isinstance(node, Text):
            return _writing(node.text)
        if isinstance(node, Action):
            return self.action(node)
        if isinstance(node, Jump):
            return _breaking if node.word == "break" else _continuing
        if isinstance(node, Call):
            return self.call(node)
        return self.range(node) if node.word == "range" else self.branch(node)

    def action(self, node: Action) -> Code:
        value = self.pipe(node.pipe)
        if node.pipe.variables:
            return value  # which goes into them and is not written

        def write(dot: Any, state: State) -> None:
            result = value(dot, state)
            state.write(result if type(result) is str else shown(result))

        return write

    def branch(self, node: Branch) -> Code:
        outer_scope, outer_dot = self.scope, self.dot
        self.scope = dict(outer_scope)
        condition = self.pipe(node.pipe)
        is_with = node.word == "with"
        self.dot = None if is_with else outer_dot
        body = self.body(node.body)
        self.dot = outer_dot
        otherwise = self.body(node.otherwise) if node.otherwise is not None else []
        self.scope = outer_scope

        def choose(dot: Any, state: State) -> None:
            value = condition(dot, state)
            if truth(value):
                _run(body, value if is_with else dot, state)
            else:
                _run(otherwise, dot, state)

        return choose

    def range(self, node: Branch) -> Code:
        outer_scope, outer_dot = self.scope, self.dot
        self.scope = dict(outer_scope)
        names = node.pipe.variables
        plain = Pipe(node.pipe.commands)
        value = self.pipe(plain)
        slots = [self.scope[name] if node.pipe.assigns else self.declare(name) for name in names]
        self.dot = None
        body = self.body(node.body)
        self.dot = outer_dot
        otherwise = self.body(node.otherwise) if node.otherwise is not None else []
        self.scope = outer_scope

        def loop(dot: Any, state: State) -> None:
            items = _items(value(dot, state), state)
            if not items:
                _run(otherwise, dot, state)
            for key, item in items:
                state.step()
                if slots:
                    state.variables[slots[0]] = item if len(slots) == 1 else key
                    state.variables[slots[-1]] = item
                try:
                    _run(body, item, state)
                except Continue:
                    continue
                except Break:
                    break

        return loop

    def call(self, node: Call) -> Code:
        found = self.named.get(node.name)
        if found is None:
            raise TemplateError(f"template {node.quoted} is not defined in {node}")
        steps, slots = found
        value = _nothing if node.pipe is None else self.pipe(node.pipe)

        def enter(dot: Any, state: State) -> None:
            given = value(dot, state)
            _run(steps, given, state.inner(given, slots[0]))

        return enter

    # --- pipelines

    def declare(self, name: str) -> int:
        self.scope[name] = self.slots
        self.slots += 1
        return self.slots - 1

    def pipe(self, pipe: Pipe) -> Code:
        code = self.command(pipe.commands[0], None)
        for command in pipe.commands[1:]:
            code = self.command(command, code)
        if not pipe.variables:
            return code
        name = pipe.variables[0]
        slot = self.scope.get(name, -1) if pipe.assigns else self.declare(name)
        if slot < 0:
            raise TemplateError(f"{name} cannot be assigned in {{{{{pipe}}}}}")

        def keep(dot: Any, state: State) -> Any:
            value = state.variables[slot] = code(dot, state)
            return value

        return keep

    def command(self, command: Command, piped: Code | None) -> Code:
        first, *rest = command.operands
        if isinstance(first, Function):
            given = [self.operand(one) for one in rest] + ([piped] if piped else [])
            return self.function(first.name, given, command)
        if isinstance(first, Field):
            given = [self.operand(one) for one in rest] + ([piped] if piped else [])
            return self.field(first, given, command)
        if rest or piped:
            raise TemplateError(f"{first} is not a function and cannot be given anything in {{{{{command}}}}}")
        if isinstance(first, Constant) and first.value is None:
            raise TemplateError("nil is not a value that can be written out")
        return self.operand(first)

    def operand(self, operand: Operand) -> Code:
        if isinstance(operand, Constant):
            value = operand.value
            return lambda dot, state: value
        if isinstance(operand, Dot):
            return lambda dot, state: dot
        if isinstance(operand, Variable):
            return self.variable(operand.name)
        if isinstance(operand, Pipe):
            return self.pipe(operand)
        if isinstance(operand, Field):
            return self.field(operand, [], Command((operand,)))
        return self.function(operand.name, [], Command((operand,)))

    def variable(self, name: str) -> Code:
        if name == "$":
            return lambda dot, state: state.root
        slot = self.scope[name]
        return lambda dot, state: state.variables[slot]

    # --- fields and functions

    def field(self, field: Field, given: list[Code], command: Command) -> Code:
        """Fields one after the other; only the last one can be given arguments."""
        names = list(field.names)
        if field.base is None:
            code, kind = self.operand(Dot()), self.dot
        else:
            code = self.operand(field.base)
            kind = self.root if field.base == Variable("$") else None
        if kind is not None and names[0] not in kind.fields:
            self.doubts.append(f"{kind.kind} has no field {names[0]}: {{{{{command}}}}}")
            kind = None
        if kind is not None:
            known = kind.fields[names[0]]
            if not isinstance(known, Method) and field.base is None and not (given and len(names) == 1):
                code = _getting(known)
                del names[0]
        for name in names[:-1]:
            code = _field(code, name, [], command)
        return _field(code, names[-1], given, command) if names else code

    def function(self, name: str, given: list[Code], command: Command) -> Code:
        if name in LAZY:
            if not given:
                raise TemplateError(f"{name} needs at least one argument in {{{{{command}}}}}")
            return _settling(given, until=name == "or")
        known = FUNCTIONS[name]
        _check_count(name, known, len(given), command)
        call = known.call

        def run(dot: Any, state: State) -> Any:
            try:
                return call(*[one(dot, state) for one in given])
            except TemplateError as error:
                raise _at(command, error, f"{name}: ") from None

        return run


def _check_count(name: str, known: Known, count: int, command: Command) -> None:
    if count < known.least or (known.most is not None and count > known.most):
        wanted = str(known.least) if known.most == known.least else f"at least {known.least}"
        if known.most is not None and count > known.most:
            wanted = str(known.most) if known.most == known.least else f"at most {known.most}"
        raise TemplateError(f"{name} takes {wanted} arguments, not {count}, in {{{{{command}}}}}")


def _at(command: Command, error: TemplateError, who: str = "") -> TemplateError:
    text = str(error)
    return error if text.startswith("at <") else TemplateError(f"at <{command}>: {who}{text}")


def _run(steps: Sequence[Code], dot: Any, state: State) -> None:
    for step in steps:
        step(dot, state)


def _writing(text: str) -> Code:
    return lambda dot, state: state.write(text)


def _getting(getter: Callable[[Any], Any]) -> Code:
    return lambda dot, state: getter(dot)


def _nothing(dot: Any, state: State) -> Any:
    return NO_VALUE


def _breaking(dot: Any, state: State) -> None:
    raise Break


def _continuing(dot: Any, state: State) -> None:
    raise Continue


def _settling(given: list[Code], *, until: bool) -> Code:
    """The first value whose truth is ``until``, else the last one."""

    def settle(dot: Any, state: State) -> Any:
        value: Any = None
        for one in given:
            value = one(dot, state)
            if truth(value) is until:
                break
        return value

    return settle


def _field(base: Code, name: str, given: list[Code], command: Command) -> Code:
    def get(dot: Any, state: State) -> Any:
        value = base(dot, state)
        if isinstance(value, dict):
            if given:
                raise TemplateError(f"at <{command}>: {name} is not a function and cannot be given anything")
            return value.get(name, NO_VALUE)
        if isinstance(value, Struct):
            known = value.fields.get(name)
            if isinstance(known, Method):
                return _called(known, value, [one(dot, state) for one in given], name, command)
            if known is not None:
                if given:
                    raise TemplateError(f"at <{command}>: {name} is not a function and cannot be given anything")
                return known(value)
        raise TemplateError(f"at <{command}>: can't evaluate field {name} in type {kind_of(value)}")

    return get


def _called(method: Method, value: Struct, given: list[Any], name: str, command: Command) -> Any:
    if len(given) != len(method.takes):
        raise TemplateError(f"at <{command}>: {name} takes {len(method.takes)} arguments, not {len(given)}")
    for one, wanted in zip(given, method.takes, strict=True):
        if type(one) is not wanted:
            raise TemplateError(f"at <{command}>: {name} was given {kind_of(one)}")
    return method.call(value, *given)


def _items(value: Any, state: State) -> list[tuple[Any, Any]]:
    """What a range goes through, as keys and values."""
    if isinstance(value, list):
        return list(enumerate(value))
    if isinstance(value, dict):
        return [(key, value[key]) for key in sorted_keys(value)]
    if type(value) is int:
        return [(number, number) for number in range(min(value, state.steps + 1))]
    if value is None or value is NO_VALUE:
        return []
    raise TemplateError(f"range can't iterate over {shown(value)}")
