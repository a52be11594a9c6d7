"""Rules as text: the same words in a Corefile, in rule files and in ConfigMaps.

::

    allow api.example.com .example.net type A AAAA namespace shop as partners
    deny **.tracker.example action nxdomain
    audit .example.org net 10.0.0.0/8 label app=web service_account shop/checkout
    group web namespace shop label app=web
    allow cdn.example.com clients web

YAML says the same as a list of such lines, or of mappings::

    rules:
      - allow .example.org namespace shop
      - deny: [a.example.com, b.example.com]
        types: [A, AAAA]
        action: nxdomain
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Final, TypeVar

from resolver.config.kinds import cidr, ip, record_type
from resolver.config.model import Word
from resolver.config.nearest import nearest, shown
from resolver.config.problems import Problems
from resolver.config.yamlfile import nodes
from resolver.errors import ConfigError, Place
from resolver.policy.patterns import Pattern, PatternError
from resolver.policy.rules import (
    ACTIONS,
    ALLOW,
    AUDIT,
    DENY,
    SINKHOLE,
    Answer,
    Rule,
    Who,
    Whos,
)
from resolver.wire.constants import ANY

T = TypeVar("T")

VERDICTS: Final = (ALLOW, DENY, AUDIT)
MAX_RULES: Final = 2_000_000
_KINDS: Final = ("net", "namespace", "label", "service_account")
_SECTIONS: Final = ("type", *_KINDS, "clients", "action", "as")
_PLURALS: Final = {
    "types": "type", "nets": "net", "namespaces": "namespace", "labels": "label", "service_accounts": "service_account",
    "groups": "clients", "name": "as",
}  # fmt: skip
_STEP: Final = 50
_WORD: Final = re.compile(r"\S+")

Groups = dict[str, Who]


def parse_rules(text: str, origin: str, groups: Groups | None = None) -> list[Rule]:
    """All rules of a text (lines, or YAML with ``rules:``); ``origin`` is the file's name in messages.

    Raises ConfigErrors with all mistakes.
    """
    steps = parsing_rules(text, origin, groups)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            found: list[Rule] = stop.value
            return found


def parsing_rules(text: str, origin: str, groups: Groups | None = None) -> Generator[None, None, list[Rule]]:
    """As ``parse_rules``, in steps. Lines of ``groups`` may be named in rules; those of the text come to them."""
    known = dict(groups or {})
    seen: dict[tuple[str, ...], Tail] = {}
    rules: list[Rule] = []
    problems = Problems()
    with problems:
        for number, words in enumerate(_yaml_lines(text, origin) if is_yaml(text) else _lines(text, origin), 1):
            with problems:
                rules.extend(_line(words, known, seen))
            if len(rules) > MAX_RULES:
                raise words[0].error(f"there are more than {MAX_RULES} rules")
            if number % _STEP == 0:
                yield
    problems.raise_any()
    return rules


Tail = tuple[Whos, frozenset[int] | None, Answer | None, str]


def _line(words: Sequence[Word], known: Groups, seen: dict[tuple[str, ...], Tail]) -> list[Rule]:
    """The rules of a line; a group is put among those that are known."""
    if words[0].text != "group":
        return parse_rule(words, known, seen)
    name, who = parse_group(words)
    if known.setdefault(name, who) != who:
        raise words[1].error(f"group {name} means something else already")
    return []


def parse_rule(
    words: Sequence[Word], groups: Mapping[str, Who], seen: dict[tuple[str, ...], Tail] | None = None
) -> list[Rule]:
    """The rules of one line, one for each destination. Raises ConfigError at the word.

    ``seen`` are the ends of lines before, by which equal ones share what they mean.
    """
    verdict = words[0]
    if verdict.text not in VERDICTS:
        raise verdict.error(f"{shown(verdict.text)} is no rule", nearest(verdict.text, (*VERDICTS, "group")))
    end = next((at for at, word in enumerate(words) if word.text in _SECTIONS), len(words))
    if end == 1:
        raise verdict.error(f"{verdict.text} does not say which names", "write it like .example.com or api.example.com")
    key = (verdict.text, *[word.text for word in words[end:]])
    tail = seen.get(key) if seen is not None else None
    if tail is None:
        tail = _tail(verdict, words[end:], groups)
        if seen is not None and len(seen) < _SEEN:
            seen[key] = tail
    who, types, answer, name = tail
    return [Rule(verdict.text, pattern(word), word.at, who, types, answer, name) for word in words[1:end]]


_SEEN: Final = 4096


def parse_group(words: Sequence[Word]) -> tuple[str, Who]:
    """Name and condition of a line ``group NAME net|namespace|label|service_account ...``. Raises ConfigError."""
    if len(words) < 3:
        raise words[0].error("a group has a name and says whom it is made of", "group NAME namespace shop")
    if words[2].text not in _KINDS:
        raise words[2].error(f"{shown(words[2].text)} is not known here", f"one of {', '.join(_KINDS)}")
    sections = _sections(words[2:], _KINDS)
    return words[1].text, _who(sections)


def parse_answer(words: Sequence[Word]) -> Answer:
    """``refused``, ``nxdomain``, ``nodata``, ``drop`` or ``sinkhole ADDRESS...``. Raises ConfigError."""
    action = words[0]
    if action.text not in ACTIONS:
        raise action.error(f"{shown(action.text)} is no action", nearest(action.text, ACTIONS) or _one_of(ACTIONS))
    if action.text != SINKHOLE:
        if len(words) > 1:
            raise words[1].error(f"{action.text} takes no arguments")
        return Answer(action.text)
    if len(words) == 1:
        raise action.error("sinkhole needs an address", "sinkhole 192.0.2.1 2001:db8::1")
    if len(words) > 1 + _MAX_SINKS:
        raise words[1 + _MAX_SINKS].error(f"a sinkhole has at most {_MAX_SINKS} addresses")
    return Answer(SINKHOLE, tuple(ip(word).packed for word in words[1:]))


_MAX_SINKS: Final = 16


def _tail(verdict: Word, words: Sequence[Word], groups: Mapping[str, Who]) -> Tail:
    sections = _sections(words, _SECTIONS)
    who = _who(sections)
    whos: Whos = () if who == Who() else (who,)
    if "clients" in sections:
        if whos:
            raise sections["clients"][0].error("a rule names groups or clients of its own, not both")
        whos = tuple(dict.fromkeys(_group(word, groups) for word in sections["clients"]))
    answer = None
    if "action" in sections:
        if verdict.text == ALLOW:
            raise sections["action"][0].error("what is allowed has no action")
        answer = parse_answer(sections["action"])
    names = sections.get("as", [])
    if len(names) > 1:
        raise names[1].error("a rule has one name")
    return whos, _types(verdict, sections.get("type")), answer, names[0].text if names else ""


def _types(verdict: Word, words: Sequence[Word] | None) -> frozenset[int] | None:
    if words is None:
        return None
    types = frozenset(map(record_type, words))
    return None if ANY in types and verdict.text != ALLOW else types


def _sections(words: Sequence[Word], allowed: Sequence[str]) -> dict[str, list[Word]]:
    """What stands behind each of the words that begin a section; one may be there several times."""
    sections: dict[str, list[Word]] = {}
    current: list[Word] | None = None
    for number, word in enumerate(words):
        if word.text in allowed:
            if number + 1 == len(words) or words[number + 1].text in allowed:
                raise word.error(f"there is nothing behind {word.text}")
            current = sections.setdefault(word.text, [])
        elif current is None or word.text in _SECTIONS:
            raise word.error(f"unexpected {shown(word.text)}", _one_of(allowed))
        else:
            current.append(word)
    return sections


def _who(sections: Mapping[str, Sequence[Word]]) -> Who:
    return Who(
        tuple(map(cidr, sections.get("net", ()))),
        tuple(map(_namespace, sections.get("namespace", ()))),
        tuple(map(_label, sections.get("label", ()))),
        tuple(map(_service_account, sections.get("service_account", ()))),
    )


def _namespace(word: Word) -> str:
    if not _NAMESPACE.fullmatch(word.text):
        raise word.error(f"{shown(word.text)} is not the name of a namespace")
    return word.text


_NAMESPACE: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_NAME: Final = re.compile(r"[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?")


def _label(word: Word) -> tuple[str, str]:
    key, equals, value = word.text.partition("=")
    if not equals or not key:
        raise word.error(f"{shown(word.text)} is not a label", "write it like app=web")
    return key, value


def _service_account(word: Word) -> str:
    namespace, slash, name = word.text.partition("/")
    if not (slash and _NAMESPACE.fullmatch(namespace) and _NAME.fullmatch(name)):
        raise word.error(f"{shown(word.text)} is not a service account", "write it like NAMESPACE/NAME")
    return word.text


def _group(word: Word, groups: Mapping[str, Who]) -> Who:
    who = groups.get(word.text)
    if who is None:
        hint = nearest(word.text, groups) or "a group stands above its rules"
        raise word.error(f"there is no group {shown(word.text)}", hint)
    return who


def pattern(word: Word) -> Pattern:
    """The names that a word stands for. Raises ConfigError."""
    try:
        return Pattern.read(word.text)
    except PatternError as error:
        raise word.error(str(error), "a destination is written like api.example.com or .example.com") from None


def _one_of(words: Sequence[str]) -> str:
    return f"one of {', '.join(words)}"


# --- texts


def _lines(text: str, origin: str) -> Generator[list[Word], None, None]:
    for number, line in enumerate(text.split("\n"), 1):
        line = line.partition("#")[0]
        words = [Word(found[0], Place(origin, number, found.start() + 1)) for found in _WORD.finditer(line)]
        if words:
            yield words


def is_yaml(text: str) -> bool:
    """Whether the first word is one that no rule begins with."""
    for line in text.split("\n", 100)[:100]:
        line = line.partition("#")[0].strip()
        if line:
            return line == "---" or line.startswith(("rules:", "groups:"))
    return False


def _yaml_lines(text: str, origin: str) -> Generator[list[Word], None, None]:
    root = nodes.compose(nodes.Source(text, origin))
    if not isinstance(root, nodes.Mapping):
        raise ConfigError("a YAML file of rules is a mapping with the key rules", Place(origin, 1))
    parts = {key.value: (key, value) for key, value in root.pairs}
    for key, _ in parts.values():
        if key.value not in ("groups", "rules"):
            raise ConfigError(f"{shown(key.value)} is not known here", key.at, hint="rules or groups")
    if "groups" in parts:
        yield from _yaml_groups(parts["groups"][1])
    if "rules" in parts:
        yield from _yaml_rules(parts["rules"][1])


def _yaml_rules(node: nodes.Node) -> Generator[list[Word], None, None]:
    if isinstance(node, nodes.Scalar) and node.is_null:
        return
    if not isinstance(node, nodes.Sequence):
        raise ConfigError("rules are a list", node.at)
    for item in node.items:
        if isinstance(item, nodes.Scalar):
            yield _words(item)
        elif isinstance(item, nodes.Mapping) and item.pairs:
            verdict = next((pair for pair in item.pairs if pair[0].value in VERDICTS), None)
            if verdict is None:
                raise ConfigError("a rule has one of the keys allow, deny and audit", item.at)
            rest = [pair for pair in item.pairs if pair is not verdict]
            yield [word for pair in (verdict, *rest) for word in _pair(*pair, (*_SECTIONS, verdict[0].value))]
        else:
            raise ConfigError("a rule is a line or a mapping", item.at)


def _yaml_groups(node: nodes.Node) -> Generator[list[Word], None, None]:
    if not isinstance(node, nodes.Mapping):
        raise ConfigError("groups are a mapping of names", node.at)
    for name, what in node.pairs:
        if not isinstance(what, nodes.Mapping):
            raise ConfigError("a group is a mapping", what.at)
        head = [Word("group", name.at), Word(name.value, name.at)]
        yield head + [word for pair in what.pairs for word in _pair(*pair, _KINDS)]


def _pair(key: nodes.Scalar, node: nodes.Node, allowed: Sequence[str]) -> list[Word]:
    """A key and its values as the words that they are in a line."""
    name = Word(_PLURALS.get(key.value, key.value), key.at, width=len(key.value))
    if name.text not in allowed:
        raise name.error(f"unexpected {shown(key.value)}", _one_of(allowed))
    if isinstance(node, nodes.Mapping):
        if name.text != "label":
            raise ConfigError(f"{key.value} is not a mapping", node.at)
        return [name, *[Word(f"{label.value}={_scalar(value)}", label.at) for label, value in node.pairs]]
    if isinstance(node, nodes.Sequence):
        return [name, *[Word(_scalar(item), item.at) for item in node.items]]
    return [name, *_words(node)]


def _words(node: nodes.Scalar) -> list[Word]:
    found = [Word(word, node.at, width=node.width) for word in node.value.split()]
    if not found:
        raise ConfigError("there is nothing", node.at)
    return found


def _scalar(node: nodes.Node) -> str:
    if not isinstance(node, nodes.Scalar):
        raise ConfigError("a plain value has to stand here", node.at)
    return node.value
