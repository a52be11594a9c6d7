"""``rewrite [continue|stop] FIELD ...`` and its block form as rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from resolver.config.kinds import choice, integer, rcode, record_type
from resolver.config.model import Directive, Word
from resolver.config.nearest import nearest, shown
from resolver.config.pattern import compiled
from resolver.plugins.rewrite import edns
from resolver.plugins.rewrite.changes import KINDS, Change, Exactly, Match, Matching, change, condition, is_impossible
from resolver.plugins.rewrite.names import full, wire_or_none
from resolver.plugins.rewrite.rules import (
    AnswerRule,
    ClassRule,
    NameRule,
    Owner,
    Rcode,
    Rule,
    Step,
    TargetRule,
    Ttl,
    TypeRule,
    Value,
)
from resolver.wire.constants import CLASS_NUMBERS, MAX_TTL, OPTION_NSID

_FIELDS: Final = ("name", "type", "class", "edns0", "ttl", "cname", "rcode")
_HIGHEST_RCODE: Final = 23
_LONGEST_DATA: Final = 4096
_USED_GROUPS: Final = 101


class Line:
    """The words of one rule behind its directive, and what is odd about them: warnings for the log."""

    def __init__(self, directive: Directive) -> None:
        self.directive = directive
        self.words = list(directive.args)
        if directive.block is not None:
            if len(directive.args) > 1:
                raise directive.error("a rule stands either behind rewrite or in its block")
            for line in directive.options:
                if line.block is not None:
                    raise line.error("a rule has no block of its own")
                self.words += [line.name, *line.args]
        self.stops = True
        if self.words and self.words[0].text.lower() in ("continue", "stop"):
            self.stops = self.words.pop(0).text.lower() == "stop"
        self.warnings: list[str] = []

    def warn(self, word: Word, text: str) -> None:
        """Note something that the operator should know."""
        self.warnings.append(f"{word.at}: {text}")

    def expect(self, words: Sequence[Word], at_least: int, at_most: int, like: str) -> None:
        """Raises ConfigError where there are more words or fewer."""
        if len(words) < at_least:
            raise (words[-1] if words else self.directive.name).error("something is missing here", f"write {like}")
        if len(words) > at_most:
            raise words[at_most].error(f"{shown(words[at_most].text)} is too much", f"write {like}")


def parse(directive: Directive) -> tuple[Rule, list[str]]:
    """The rule of one directive, and warnings. Raises ConfigError."""
    line = Line(directive)
    if not line.words:
        raise directive.error("rewrite needs a rule", "write it like: rewrite name old.example.org new.example.org")
    field, *words = line.words
    reader = _READERS.get(field.text.lower())
    if reader is None:
        if field.text.lower() == "answer":
            raise field.error("answer stands behind a name rule")
        hint = nearest(field.text.lower(), _FIELDS) or f"one of {', '.join(_FIELDS)}"
        raise field.error(f"{shown(field.text)} is nothing that can be rewritten", hint)
    return reader(line, words), line.warnings


# --- names


def _name(line: Line, words: list[Word]) -> Rule:
    line.expect(words, 2, len(words), "name [exact|prefix|suffix|substring|regex] FROM TO [answer ...]")
    kind = "exact"
    if len(words) > 2:
        kind = _kind(words.pop(0))
    old, new, *rest = words
    auto, steps = _answers(rest)
    match = _change(line, kind, old, new)
    if kind == "suffix" and auto:
        auto, back = False, change("suffix", full(new.text), full(old.text))
        steps = (Owner(back), Value(back), *steps)
    return NameRule(match, steps, auto=auto or kind == "exact", stops=line.stops)


def _kind(word: Word) -> str:
    kind = word.text.lower()
    if kind not in KINDS:
        raise word.error(f"{shown(word.text)} is no way to match names", f"one of {', '.join(KINDS)}")
    return kind


def _change(line: Line, kind: str, old: Word, new: Word) -> Match:
    """The change for two names, or a pattern and a name."""
    if kind == "regex":
        return _matching(old, new)
    _check_from(line, kind, old)
    made = change(kind, full(old.text), full(new.text))
    if kind == "exact" and isinstance(made, Exactly) and wire_or_none(full(new.text)) is None:
        line.warn(new, f"{shown(new.text)} is no name; questions for {shown(old.text)} fail")
    return made


def _check_from(line: Line, kind: str, word: Word) -> None:
    if is_impossible(kind, full(word.text)):
        line.warn(word, f"no name can match {shown(word.text)}, so this rule never applies")


def _matching(old: Word, new: Word) -> Matching:
    pattern = compiled(old)
    used = sum(f"{{{number}}}" in new.text for number in range(1, _USED_GROUPS))
    if used > pattern.count:
        raise new.error(f"{shown(new.text)} uses {used} group{'s' * (used > 1)} and the regexp has {pattern.count}")
    return Matching(pattern, full(new.text))


def _answers(words: list[Word]) -> tuple[bool, tuple[Step, ...]]:
    """Whether there is ``answer auto``, and the steps for other answers."""
    auto, steps, named = False, list[Step](), None
    words = list(words)
    if words and words[0].text != "answer":
        raise words[0].error(f"{shown(words[0].text)} is too much", "what follows the names begins with answer")
    while words:
        word = words.pop(0)
        if word.text == "answer":
            if not words:
                raise word.error("answer needs auto, name or value behind it")
            word = words.pop(0)
        if word.text == "auto":
            auto = True
        elif word.text in ("name", "value"):
            if word.text == "name" and _is_auto(words):
                words.pop(0)
                auto = True
                continue
            if len(words) < 2:
                raise word.error(f"answer {word.text} needs a regexp and a name")
            matching = _matching(words.pop(0), words.pop(0))
            steps.append(Owner(matching) if word.text == "name" else Value(matching))
            named = word if word.text == "name" else named
        else:
            raise word.error(f"{shown(word.text)} is no kind of answer rule", "one of auto, name, value")
    if auto and named is not None:
        raise named.error("answer auto and answer name exclude each other")
    return auto, tuple(steps)


def _is_auto(words: Sequence[Word]) -> bool:
    """``answer name auto``, as the field's own page writes ``answer auto``."""
    return bool(words) and words[0].text == "auto" and (len(words) == 1 or words[1].text == "answer")


# --- type and class


def _type(line: Line, words: list[Word]) -> Rule:
    line.expect(words, 2, 2, "type FROM TO")
    return TypeRule(record_type(words[0]), record_type(words[1]), stops=line.stops)


def _class(line: Line, words: list[Word]) -> Rule:
    line.expect(words, 2, 2, "class FROM TO")
    old, new = [_class_number(word) for word in words]
    return ClassRule(old, new, stops=line.stops)


def _class_number(word: Word) -> int:
    number = CLASS_NUMBERS.get(word.text.upper())
    if number is None:
        raise word.error(f"{shown(word.text)} is not a class", "one of IN, CH, HS")
    return number


# --- answers


def _condition(line: Line, words: Sequence[Word]) -> Match:
    """The condition of a rule: a name, or a way to match and a name."""
    kind = _kind(words[0]) if len(words) == 2 else "exact"
    word = words[-1]
    if kind == "regex":
        return Matching(compiled(word))
    _check_from(line, kind, word)
    return condition(kind, full(word.text))


def _ttl(line: Line, words: list[Word]) -> Rule:
    line.expect(words, 2, 3, "ttl [exact|prefix|suffix|substring|regex] NAME SECONDS|MIN-MAX")
    step = Ttl(*_seconds(words[-1]))
    return AnswerRule(_condition(line, words[:-1]), step, stops=line.stops)


def _seconds(word: Word) -> tuple[int, int]:
    """The bounds of ``30``, ``30-300``, ``-300`` or ``30-`` in seconds."""
    low, dash, high = word.text.partition("-")
    if not all(part == "" or (part.isascii() and part.isdigit() and len(part) < 11) for part in (low, high)):
        raise word.error(f"{shown(word.text)} is not a TTL", "write it like 30, 30-300, -300 or 30-")
    if not (low or high):
        raise word.error(f"{shown(word.text)} is not a TTL", "write it like 30, 30-300, -300 or 30-")
    least = min(int(low or 0), MAX_TTL)
    most = min(int(high), MAX_TTL) if high else MAX_TTL if dash else least
    if max(int(low or 0), int(high or 0)) > 0xFFFFFFFF or least > most:
        raise word.error(f"{shown(word.text)} is not a range of TTLs")
    return least, most


def _rcode(line: Line, words: list[Word]) -> Rule:
    line.expect(words, 3, 4, "rcode [exact|prefix|suffix|substring|regex] NAME FROM TO")
    *names, old, new = words
    step = Rcode(_code(old), _code(new))
    return AnswerRule(_condition(line, names), step, stops=line.stops)


def _code(word: Word) -> int:
    return integer(word, 0, _HIGHEST_RCODE) if word.text.isascii() and word.text.isdigit() else rcode(word)


def _cname(line: Line, words: list[Word]) -> Rule:
    line.expect(words, 2, 3, "cname [exact|prefix|suffix|substring|regex] FROM TO")
    kind = _kind(words[0]) if len(words) == 3 else "exact"
    old, new = words[-2:]
    return TargetRule(_target(line, kind, old, new), stops=line.stops)


def _target(line: Line, kind: str, old: Word, new: Word) -> Change:
    """Only ``exact`` adds final dots to what an alias leads to."""
    if kind == "exact":
        return _change(line, kind, old, new)
    if kind == "regex":
        lowered = re.sub(r"\\.|[A-Z]", lambda found: found[0] if len(found[0]) > 1 else found[0].lower(), old.text)
        pattern = compiled(Word(lowered, old.at, old.quoted, old.width or len(old.text), old.note))
        return Matching(pattern, new.text.lower())
    if kind == "suffix" and not old.text.endswith("."):
        line.warn(old, f"no target ends in {shown(old.text)}, since targets end in a dot, so this rule never applies")
    return change(kind, old.text.lower(), new.text.lower())


# --- EDNS


def _edns0(line: Line, words: list[Word]) -> Rule:
    line.expect(words, 2, 5, "edns0 local|nsid|subnet set|append|replace|unset ...")
    kind, action, *rest = words
    field = choice(_lower(kind), ("local", "nsid", "subnet"))
    action = _lower(action)
    choice(action, edns.ACTIONS)
    reverts = action.text != edns.UNSET and bool(rest) and rest[-1].text == "revert"
    if reverts:
        rest.pop()
    return _EDNS[field](line, action.text, rest, reverts)


def _lower(word: Word) -> Word:
    return Word(word.text.lower(), word.at, word.quoted, word.width, word.note)


def _local(line: Line, action: str, words: list[Word], reverts: bool) -> Rule:
    if action == edns.UNSET:
        line.expect(words, 1, 1, "edns0 local unset CODE")
        return _edns_rule(line, action, _code_point(words[0]), edns.constant(b""), reverts=False)
    line.expect(words, 2, 2, f"edns0 local {action} CODE DATA [revert]")
    code, data = _code_point(words[0]), words[1]
    if not (data.text.startswith("{") and data.text.endswith("}")):
        return _edns_rule(line, action, code, edns.constant(_octets(data)), reverts=reverts, repeats=True)
    variable = data.text[1:-1]
    if variable in edns.VARIABLES:
        source, personal = edns.VARIABLES[variable]
    elif 0 < variable.find("/") < len(variable) - 1:
        source, personal = edns.metadata(variable), True
    else:
        known = ", ".join(f"{{{name}}}" for name in edns.VARIABLES)
        raise data.error(
            f"{shown(data.text)} is no variable", f"one of {known}, or a label of metadata: {{PLUGIN/NAME}}"
        )
    return _edns_rule(line, action, code, source, reverts=reverts, personal=personal)


def _nsid(line: Line, action: str, words: list[Word], reverts: bool) -> Rule:
    line.expect(words, 0, 0, f"edns0 nsid {action}")
    return _edns_rule(line, action, OPTION_NSID, edns.constant(b""), reverts=reverts, repeats=True)


def _subnet(line: Line, action: str, words: list[Word], reverts: bool) -> Rule:
    if action == edns.UNSET:
        line.expect(words, 0, 0, "edns0 subnet unset")
        return _edns_rule(line, action, edns.SUBNET_CODE, edns.constant(b""), reverts=False)
    line.expect(words, 2, 2, f"edns0 subnet {action} BITS4 BITS6")
    bits4, bits6 = integer(words[0], 0, 32), integer(words[1], 0, 128)
    return _edns_rule(line, action, edns.SUBNET_CODE, edns.subnet(bits4, bits6), reverts=reverts, personal=True)


def _edns_rule(
    line: Line,
    action: str,
    code: int,
    source: edns.Source,
    *,
    reverts: bool,
    personal: bool = False,
    repeats: bool = False,
) -> Rule:
    return edns.EdnsRule(action, code, source, stops=line.stops, reverts=reverts, personal=personal, repeats=repeats)


def _code_point(word: Word) -> int:
    text = word.text.lower().replace("_", "")
    try:
        number = int(text, 8) if text.isdigit() and text.startswith("0") else int(text, 0)
    except ValueError:
        raise word.error(f"{shown(word.text)} is not an option code", "write it like 0xffee or 65518") from None
    if not 0 <= number <= 0xFFFF:
        raise word.error(f"{shown(word.text)} is out of range", "from 0 to 0xffff")
    return number


def _octets(word: Word) -> bytes:
    text = word.text
    try:
        octets = bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode()
    except ValueError:
        raise word.error(f"{shown(text)} is not in hexadecimal", "two digits for each octet") from None
    if len(octets) > _LONGEST_DATA:
        raise word.error(f"data is longer than {_LONGEST_DATA} octets")
    return octets


_EDNS: Final[dict[str, Callable[[Line, str, list[Word], bool], Rule]]] = {
    "local": _local,
    "nsid": _nsid,
    "subnet": _subnet,
}
_READERS: Final[dict[str, Callable[[Line, list[Word]], Rule]]] = {
    "name": _name,
    "type": _type,
    "class": _class,
    "edns0": _edns0,
    "ttl": _ttl,
    "cname": _cname,
    "rcode": _rcode,
}
