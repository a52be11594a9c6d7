"""The directive as values. The lines that are rules are read by ``resolver.policy.reading``, as in rule files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from resolver.chain.capabilities import signing_key
from resolver.chain.networks import NetworkSet
from resolver.chain.setup import Block
from resolver.config.cursor import args, choice, cidr, duration, integer, no_block, options, text, value
from resolver.config.kinds import host_port, ip
from resolver.config.model import Directive, Word
from resolver.config.problems import Problems
from resolver.config.zones import normalize_zones
from resolver.errors import Place
from resolver.plugins.policy.delegated import ConfigMaps, Delegated, config_maps, delegate, gathered
from resolver.policy.engine import Settings as EngineSettings
from resolver.policy.learned import MAX_ENTRIES, MAX_NAMES, MAX_NAMESPACES, Limits
from resolver.policy.patterns import Pattern
from resolver.policy.reading import Groups, parse_answer, parse_group, parse_rule, pattern
from resolver.policy.rules import ALLOW, AUDIT, AUDIT_ONLY, DENY, REFUSAL, Answer, Rule, Who
from resolver.wire.tsig import Key

DEFAULT_TTL: Final = 30
DEFAULT_EVERY: Final = 60.0
MAX_FILES: Final = 100
MAX_FEEDS: Final = 32
SHORTEST_RELOAD: Final = 0.05
OFF: Final = "off"
UNTIL_READY: Final = "servfail-until-ready"
REFUSE: Final = "refuse"


@dataclass(frozen=True, slots=True)
class RuleFile:
    """Rules that stand in a file, looked at every ``reload`` seconds (0 for never); ``at`` is where it is named."""

    path: Path
    reload: float = 5.0
    at: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Feed:
    """A Response Policy Zone, from ``path`` or from ``primaries`` with transfers signed by ``key``.

    The names of ``exempt`` are not looked for in it. With ``audit_only`` its hits are written down and pass. With
    ``servfail_until_ready`` it has all other names fail until it was fetched once. ``at`` is where its file is named.
    """

    origin: bytes
    path: Path | None = None
    reload: float = 30.0
    primaries: tuple[tuple[str, int], ...] = ()
    key: Key | None = None
    exempt: tuple[Pattern, ...] = ()
    audit_only: bool = False
    servfail_until_ready: bool = False
    at: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Rebinding:
    """What becomes of inside addresses in answers from outside: ``refuse``, ``audit-only`` or ``off``.

    Those of ``private`` count as inside too. Names of ``allowed`` may have them, and everybody those of ``networks``.
    """

    mode: str = REFUSE
    allowed: tuple[Pattern, ...] = ()
    networks: NetworkSet | None = None
    private: NetworkSet | None = None


@dataclass(frozen=True, slots=True)
class Learn:
    """The file of what is asked for, written every so many seconds."""

    path: Path
    limits: Limits = field(default_factory=Limits)
    every: float = DEFAULT_EVERY


@dataclass(frozen=True, slots=True)
class Settings:
    """One directive: ``zones`` are lower-case wire names, ``ttl`` that of answers made here, in seconds.

    With ``strict_aliases`` the default counts for the targets of aliases as well. ``config_maps`` are those in which
    namespaces make rules about what is ``delegated`` to them.
    """

    zones: tuple[bytes, ...]
    engine: EngineSettings
    rules: tuple[Rule, ...] = ()
    groups: Groups = field(default_factory=dict)
    files: tuple[RuleFile, ...] = ()
    feeds: tuple[Feed, ...] = ()
    rebinding: Rebinding = Rebinding()
    ttl: int = DEFAULT_TTL
    strict_aliases: bool = False
    config_maps: ConfigMaps | None = None
    delegated: Delegated = field(default_factory=dict)
    learn: Learn | None = None


def parse(directive: Directive, block: Block) -> Settings:
    """Read one directive. Raises ConfigError or ConfigErrors."""
    problems = Problems()
    groups = _groups(directive, problems)
    rules: list[Rule] = []
    several: dict[str, list[Any]] = {"rules": [], "rpz": [], "delegate": []}
    single: dict[str, Any] = {}

    def keep_rules(line: Directive) -> None:
        no_block(line)
        rules.extend(parse_rule((line.name, *line.args), groups))

    def one(name: str, reader: Any) -> Any:
        def keep(line: Directive) -> None:
            single[name] = reader(line)

        return keep

    handlers = {
        "default": one("default", _default),
        "unknown": one("unknown", value(choice, (DENY, ALLOW))),
        "mode": one("mode", value(choice, ("enforce", AUDIT_ONLY))),
        "action": one("action", _action),
        "ttl": one("ttl", value(integer, 0, 86400)),
        "aliases": one("aliases", value(choice, ("follow", "strict"))),
        "rebinding": one("rebinding", _rebinding),
        "learn": one("learn", lambda line: _learn(line, block)),
        ALLOW: keep_rules,
        DENY: keep_rules,
        AUDIT: keep_rules,
        "group": no_block,
        "rules": lambda line: several["rules"].append(_file(line, block)),
        "rpz": lambda line: several["rpz"].append(_feed(line, block)),
        "configmaps": one("configmaps", lambda line: config_maps(line, block)),
        "delegate": lambda line: several["delegate"].append(delegate(line)),
    }
    zones = list(block.zones)
    with problems:
        zones = _zones(directive, handlers) or zones
    once = ("default", "unknown", "mode", "action", "ttl", "aliases", "rebinding", "configmaps", "learn")
    with problems:
        options(directive, handlers, once=once)
    problems.raise_any()
    delegated = gathered(several["delegate"])
    _check_delegation(directive, single.get("configmaps"), delegated)
    denial = single.get("action", REFUSAL)
    is_denied, answer = single.get("default", (False, None))
    engine = EngineSettings(
        (answer or denial) if is_denied else None, denial, single.get("mode") == AUDIT_ONLY,
        single.get("unknown", DENY) == DENY,
    )  # fmt: skip
    return Settings(
        tuple(dict.fromkeys(zones)), engine, tuple(rules), groups,
        _at_most(several["rules"], MAX_FILES, directive), _at_most(several["rpz"], MAX_FEEDS, directive),
        single.get("rebinding", Rebinding()), single.get("ttl", DEFAULT_TTL), single.get("aliases") == "strict",
        single.get("configmaps"), delegated, single.get("learn"),
    )  # fmt: skip


def _zones(directive: Directive, names: Collection[str]) -> list[bytes]:
    """The zones of a directive; a rule among them would decide nothing, and nobody would notice."""
    for word in directive.args:
        if word.text in names:
            raise word.error(f"{word.text!r} is no zone", "options of policy stand in a block: policy { ... }")
    return [wire for word in directive.args for wire in normalize_zones(word)]


def _check_delegation(directive: Directive, maps: ConfigMaps | None, delegated: Delegated) -> None:
    """Neither of the two lines does anything without the other."""
    if maps is not None and not delegated:
        raise maps.line.error(
            "no rule of a ConfigMap counts where nothing is delegated", "delegate NAMESPACE .example.com"
        )
    if delegated and maps is None:
        line = next(line for line in directive.options if line.name.text == "delegate")
        raise line.error("names are delegated, but no ConfigMaps are read", "write the line configmaps as well")


def asks_for_identity(settings: Settings) -> Rule | None:
    """The first rule that needs to know Pods, None where none does."""
    return next((rule for rule in settings.rules for who in rule.who if who.needs_identity), None)


def _groups(directive: Directive, problems: Problems) -> Groups:
    """All groups, which rules may name whatever the order of the lines; one with a mistake has a place among them."""
    groups: Groups = {}
    for line in directive.options:
        if line.name.text == "group":
            with problems:
                name, who = parse_group((line.name, *line.args))
                if name in groups:
                    raise line.args[0].error(f"group {name} is there twice")
                groups[name] = who
            if line.args:
                groups.setdefault(line.args[0].text, Who())
    return groups


def _default(line: Directive) -> tuple[bool, Answer | None]:
    no_block(line)
    words = args(line, 1)
    verdict = choice(words[0], (ALLOW, DENY))
    if verdict == ALLOW:
        if len(words) > 1:
            raise words[1].error("what is allowed has no action")
        return False, None
    return True, parse_answer(words[1:]) if len(words) > 1 else None


def _action(line: Directive) -> Answer:
    no_block(line)
    return parse_answer(args(line, 1))


def _file(line: Directive, block: Block) -> RuleFile:
    no_block(line)
    words = args(line, 1, 3)
    found = RuleFile(block.root / text(words[0]), at=words[0].at)
    if len(words) == 1:
        return found
    return replace(found, reload=_reload(words[1:]))


def _reload(words: Sequence[Word]) -> float:
    if words[0].text != "reload":
        raise words[0].error(f"unexpected {words[0].text!r}", "reload DURATION")
    if len(words) < 2:
        raise words[0].error("there is nothing behind reload", "write it like 30s")
    seconds = duration(words[1], 0, 7 * 24 * 3600)
    if 0 < seconds < SHORTEST_RELOAD:
        raise words[1].error(f"reload is shorter than {SHORTEST_RELOAD * 1000:g}ms", "0 turns it off")
    return seconds


def _learn(line: Directive, block: Block) -> Learn:
    """``learn FILE`` with its limits behind it or in a block of their own."""
    path, *words = args(line, 1)
    found: dict[str, Any] = {}

    def take(name: Word, values: Sequence[Word]) -> None:
        if name.text not in _LEARN:
            raise name.error(f"unexpected {name.text!r}", f"one of {', '.join(_LEARN)}")
        if name.text in found:
            raise name.error(f"{name.text} is given twice")
        if len(values) != 1:
            raise name.error(f"{name.text} takes one value")
        found[name.text] = _LEARN[name.text](values[0])

    for at in range(0, len(words), 2):
        take(words[at], words[at + 1 : at + 2])
    for option in line.options:
        no_block(option)
        take(option.name, option.args)
    limits = replace(Limits(), **{name: found[name] for name in ("names", "namespaces") if name in found})
    if limits.names * limits.namespaces > MAX_ENTRIES:
        raise line.error(f"names times namespaces is more than {MAX_ENTRIES}", "lower one of them")
    return Learn(block.root / text(path), limits, found.get("every", DEFAULT_EVERY))


_LEARN: Final[dict[str, Any]] = {
    "names": lambda word: integer(word, 2, MAX_NAMES),
    "namespaces": lambda word: integer(word, 2, MAX_NAMESPACES),
    "every": lambda word: duration(word, 0.05, 24 * 3600),
}


def _rebinding(line: Directive) -> Rebinding:
    no_block(line)
    words = args(line, 1)
    mode = choice(words[0], (REFUSE, AUDIT_ONLY, OFF))
    sections = _sections(words[1:], ("allow", "net", "private"))
    networks, private = (
        NetworkSet(map(cidr, sections[name])) if name in sections else None for name in ("net", "private")
    )
    return Rebinding(mode, tuple(map(pattern, sections.get("allow", ()))), networks, private)


def _feed(line: Directive, block: Block) -> Feed:
    no_block(line)
    words = args(line, 3)
    zones = normalize_zones(words[0])
    if len(zones) != 1:
        raise words[0].error("a response policy zone is one zone")
    rest, flag = _flag(words[1:])
    sections = _sections(rest, ("file", "transfer", "reload", "key", "except"))
    if ("file" in sections) == ("transfer" in sections):
        raise words[1].error(
            "a response policy zone comes from a file or by transfer", "file PATH, transfer from ADDRESS..."
        )
    for name, mate in (("reload", "file"), ("key", "transfer")):
        if name in sections and (mate not in sections or len(sections[name]) != 1):
            raise sections[name][0].error(f"{name} has one word, where the zone has {mate}")
    if flag == UNTIL_READY and "file" in sections:
        raise words[-1].error(f"{UNTIL_READY} is for zones by transfer", "the server does not start without its files")
    exempt = tuple(map(pattern, sections.get("except", ())))
    feed = Feed(zones[0], exempt=exempt, audit_only=flag == AUDIT_ONLY, servfail_until_ready=flag == UNTIL_READY)
    if "file" in sections:
        path = sections["file"]
        if len(path) > 1:
            raise path[1].error("a zone is in one file")
        feed = replace(feed, path=block.root / text(path[0]), at=path[0].at)
        return (
            replace(feed, reload=_reload([Word("reload", path[0].at), *sections["reload"]]))
            if "reload" in sections
            else feed
        )
    key = signing_key(sections["key"][0], block.parts) if "key" in sections else None
    return replace(feed, primaries=_primaries(sections["transfer"]), key=key)


def _flag(words: Sequence[Word]) -> tuple[Sequence[Word], str]:
    """The words in front of the one that may end the line of a zone, and that one."""
    flags = (AUDIT_ONLY, UNTIL_READY)
    for word in words[:-1]:
        if word.text in flags:
            raise word.error(f"{word.text} ends the line", f"one of {', '.join(flags)}, behind everything else")
    return (words[:-1], words[-1].text) if words[-1].text in flags else (words, "")


def _primaries(words: Sequence[Word]) -> tuple[tuple[str, int], ...]:
    if words[0].text != "from" or len(words) < 2:
        raise words[0].error("a transfer says from where", "transfer from ADDRESS...")
    found = []
    for word in words[1:]:
        host, port = host_port(word, 53)
        ip(replace(word, text=host))
        found.append((host, port))
    return tuple(dict.fromkeys(found))


def _sections(words: Sequence[Word], names: Sequence[str]) -> dict[str, list[Word]]:
    sections: dict[str, list[Word]] = {}
    current: list[Word] | None = None
    for number, word in enumerate(words):
        if word.text in names:
            if number + 1 == len(words) or words[number + 1].text in names:
                raise word.error(f"there is nothing behind {word.text}")
            current = sections.setdefault(word.text, [])
        elif current is None:
            raise word.error(f"unexpected {word.text!r}", f"one of {', '.join(names)}")
        else:
            current.append(word)
    return sections


def _at_most(found: list[Any], most: int, directive: Directive) -> tuple[Any, ...]:
    if len(found) > most:
        raise directive.error(f"policy has more than {most} lines of a kind that is read while it serves")
    return tuple(found)
