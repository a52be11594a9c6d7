"""What a ``forward`` line says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from resolver.chain.elsewhere import Elsewhere
from resolver.config.cursor import (
    args,
    choice,
    duration,
    each,
    flag,
    integer,
    ip,
    no_block,
    option_values,
    rcode,
    value,
)
from resolver.config.model import Directive, Word, Written
from resolver.config.problems import Problems
from resolver.config.zones import normalize_zones
from resolver.errors import ConfigError, UpstreamError, WireError
from resolver.plugins.forward import encryption
from resolver.upstream.address import Address, Limits
from resolver.upstream.targets import HostName, NameServerFile, Target, name_servers, parse_target
from resolver.upstream.tls import TlsSettings
from resolver.upstream.upstream import Checks
from resolver.wire import names
from resolver.wire.constants import NOERROR

MAX_TARGETS: Final = 15
POLICIES: Final = ("random", "round_robin", "sequential")
ORDERS: Final = ("list", "longest")
LISTS: Final = ("except", "next", "failover", "resolver")
ATTEMPTS_PER_UPSTREAM: Final = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One ``forward`` line. Times are in seconds, zones lower-case wire names.

    ``fixed_case`` are hosts and ports of upstreams that are asked with names as they are, whatever the limits say.
    ``max_attempts`` None stands for twice the number of upstreams and 0 for no limit; ``max_concurrent`` 0 likewise.
    """

    zones: tuple[bytes, ...]
    targets: tuple[Target, ...]
    excepted: tuple[bytes, ...] = ()
    force_tcp: bool = False
    prefer_udp: bool = False
    limits: Limits = field(default_factory=Limits)
    checks: Checks = field(default_factory=Checks)
    max_attempts: int | None = None
    policy: str = "random"
    max_concurrent: int = 0
    next_rcodes: frozenset[int] = frozenset()
    next_on_nodata: bool = False
    failfast: bool = False
    failover: frozenset[int] = frozenset()
    resolvers: tuple[Address, ...] = ()
    fixed_case: frozenset[tuple[str, int]] = frozenset()
    tls: TlsSettings = field(default_factory=TlsSettings)
    longest: bool | None = None
    warnings: tuple[str, ...] = ()


_behind_zones: Callable[[Line], tuple[Any, ...]] = attrgetter(*[one.name for one in fields(Line)][1:])


def parse(directives: Sequence[Directive], root: Path, elsewhere: Elsewhere | None = None) -> tuple[Line, ...]:
    """The lines of a block in file order. Raises ConfigErrors with every mistake of all of them."""
    problems = Problems()
    lines: list[Line] = []
    for directive in directives:
        with problems:
            lines.append(_line(directive, root, elsewhere))
    orders = {line.longest for line in lines} - {None}
    if len(orders) > 1:
        problems.add(directives[0].error("the forward lines of a block cannot have both order list and order longest"))
    problems.raise_any()
    return tuple(lines)


def _line(directive: Directive, root: Path, elsewhere: Elsewhere | None) -> Line:
    zone = args(directive, 2)[0]
    written = directive.written
    behind = written[0][2:], written[1]
    known = _plain.get(behind)
    if known is None:
        line = _read(directive, root, elsewhere)
        if _is_plain(line):
            _remember(behind, line)
        return line
    zones = normalize_zones(zone)
    return known if zones == known.zones else Line(zones, *_behind_zones(known))


# Lines that mean the same wherever they stand, by what they say behind the zone. Ten thousand zones often have the
# same upstreams; reading those over and over takes most of the time of a start, and keeping them much of the memory.
_plain: dict[tuple[tuple[str, ...], tuple[Written, ...]], Line] = {}
_MOST_PLAIN: Final = 256


def _is_plain(line: Line) -> bool:
    """Whether nothing of the line depends on files, or on its place."""
    return not line.warnings and line.tls == TlsSettings() and all(isinstance(to, Address) for to in line.targets)


def _remember(behind: tuple[tuple[str, ...], tuple[Written, ...]], line: Line) -> None:
    if len(_plain) >= _MOST_PLAIN:
        _plain.clear()
    _plain[behind] = line


def _read(directive: Directive, root: Path, elsewhere: Elsewhere | None) -> Line:
    zone, *words = directive.args
    problems = Problems()
    zones: tuple[bytes, ...] = ()
    values: dict[str, Any] = {}
    with problems:
        zones = normalize_zones(zone)
    targets = _targets(words, root, elsewhere, problems)
    with problems:
        lists = ("except", "next", "failover", "resolver", *encryption.LISTS)
        values = option_values(directive, _readers(root, elsewhere), lists=lists)
    problems.raise_any()
    _check(directive, words, targets, values)
    return _put_together(zones, targets, values, _warnings(zone, words, targets, values))


def _targets(words: Sequence[Word], root: Path, elsewhere: Elsewhere | None, problems: Problems) -> tuple[Target, ...]:
    found: dict[Target, None] = {}
    if len(words) > MAX_TARGETS:
        problems.add(words[MAX_TARGETS].error(f"forward takes at most {MAX_TARGETS} upstreams, not {len(words)}"))
    for word in words[:MAX_TARGETS]:
        with problems:
            found[_target(word, root, elsewhere)] = None
    return tuple(found)


def _target(word: Word, root: Path, elsewhere: Elsewhere | None) -> Target:
    try:
        target = parse_target(word, root)
    except ConfigError as mistake:
        if elsewhere is None or mistake.absent or not elsewhere.excuses(mistake):
            raise
        return NameServerFile(root / word.text)
    if isinstance(target, NameServerFile):
        _readable(word, target)
    return target


def _readable(word: Word, file: NameServerFile) -> None:
    try:
        name_servers(file.path)
    except UpstreamError as error:
        raise word.error(str(error), "lines such as nameserver 9.9.9.9 name the upstreams") from None


def _put_together(
    zones: tuple[bytes, ...], targets: tuple[Target, ...], values: dict[str, Any], warnings: tuple[str, ...]
) -> Line:
    checks: dict[str, Any] = values.get("health_check", {})
    server_name = values.get("tls_servername", "")
    source = values.get("source_address")
    return Line(
        zones,
        tuple(_complete(target, server_name, values.get("doh_method", "POST")) for target in targets),
        excepted=values.get("except", ()),
        force_tcp=values.get("force_tcp", False),
        prefer_udp=values.get("prefer_udp", False),
        limits=Limits(
            read_timeout=values.get("read_timeout", 2.0),
            expire=values.get("expire", 10.0),
            max_age=values.get("max_age", 0.0),
            max_idle=values.get("max_idle_conns", 0),
            source=str(source) if source else "",
            random_case="random_case" in values,
            cookies=values.get("cookies", False),
        ),
        checks=Checks(**checks, over_tcp=values.get("force_tcp", False), max_fails=values.get("max_fails", 2)),
        max_attempts=values.get("max_connect_attempts"),
        policy=values.get("policy", "random"),
        max_concurrent=values.get("max_concurrent", 0),
        next_rcodes=frozenset(values.get("next", ())),
        next_on_nodata=values.get("next_on_nodata", False),
        failfast=values.get("failfast_all_unhealthy_upstreams", False),
        failover=frozenset(values.get("failover", ())),
        resolvers=values.get("resolver", ()),
        fixed_case=values.get("random_case", frozenset()),
        tls=encryption.settings(values),
        longest={"longest": True, "list": False}.get(values.get("order", "")),
        warnings=warnings,
    )


def _complete(target: Target, server_name: str, method: str) -> Target:
    """The target with the name that its certificate must have, and the method of HTTP."""
    if isinstance(target, NameServerFile) or target.scheme == "dns":
        return target
    name = target.server_name or server_name
    if isinstance(target, HostName):
        return replace(target, server_name=name or target.name.removesuffix("."), method=method)
    return replace(target, server_name=name, method=method)


def _check(directive: Directive, words: Sequence[Word], targets: Sequence[Target], values: dict[str, Any]) -> None:
    """What concerns several options at once. Raises ConfigError."""
    max_age = values.get("max_age", 0.0)
    expire = values.get("expire", 10.0)
    if 0 < max_age < expire:
        raise directive.error(f"max_age ({max_age:g}s) must not be less than expire ({expire:g}s)")
    if values.get("tls_servername"):
        for word, target in zip(words, targets, strict=False):
            if not isinstance(target, NameServerFile) and target.server_name:
                hint = "leave one of them out"
                raise word.error(f"tls_servername and the name in {word.text} clash", hint)
    encryption.check(directive, words, targets, values)
    source = values.get("source_address")
    for target in targets:
        if source and isinstance(target, Address) and (":" in target.host) != (source.version == 6):
            raise directive.error(f"source_address {source} cannot reach {target.host}", "one is IPv4, the other IPv6")


def _warnings(zone: Word, words: Sequence[Word], targets: Sequence[Target], values: dict[str, Any]) -> tuple[str, ...]:
    found = []
    first = targets[0]
    if zone.text == "." and isinstance(first, HostName) and len(targets) > 1 and first.name == words[0].text:
        others = " ".join(word.text for word in words[1:])
        found.append(
            f"{words[0].at}: {first.name} is taken as the name of an upstream for all queries; "
            f'to forward only that domain write "forward {first.name} {others}"'
        )
    found.extend(encryption.warnings(zone, targets, values))
    over_udp = any(encryption.scheme_of(target) == "dns" for target in targets) and "force_tcp" not in values
    found.extend(
        f"{zone.at}: {option} has no effect, because no upstream is asked over UDP"
        for option in ("random_case", "cookies")
        if option in values and not over_udp
    )
    return tuple(found)


# --- options


def _readers(root: Path, elsewhere: Elsewhere | None) -> dict[str, Callable[[Directive], Any]]:
    return {
        "except": _excepted,
        "force_tcp": flag,
        "prefer_udp": flag,
        "expire": value(duration),
        "max_age": value(duration),
        "max_idle_conns": value(integer),
        "read_timeout": value(duration, 0.001, 3600.0),
        "max_fails": value(integer),
        "max_connect_attempts": value(integer),
        **encryption.readers(root, elsewhere),
        "tls_servername": value(_host_name),
        "policy": value(choice, POLICIES),
        "health_check": _health_check,
        "max_concurrent": value(integer),
        "next": each(rcode),
        "next_on_nodata": flag,
        "failfast_all_unhealthy_upstreams": flag,
        "failover": each(_failing_rcode),
        "source_address": value(ip),
        "resolver": each(_resolver),
        "random_case": _random_case,
        "cookies": flag,
        "order": value(choice, ORDERS),
    }


def _excepted(option: Directive) -> tuple[bytes, ...]:
    return tuple(zone for word in args(option, 1) for zone in normalize_zones(word))


def _failing_rcode(word: Word) -> int:
    number = rcode(word)
    if number == NOERROR:
        raise word.error("NOERROR cannot be used in failover")
    return number


def _host_name(word: Word) -> str:
    target = parse_target(replace(word, text=f"tls://{word.text}"), Path())
    if not isinstance(target, HostName) or target.name != word.text:
        raise word.error(f"{word.text} is not a host name")
    return target.name.removesuffix(".")


def _resolver(word: Word) -> Address:
    target = parse_target(word, Path())
    if not isinstance(target, Address) or target.scheme != "dns":
        raise word.error(f"resolver must be an IP address or IP:port, not {word.text}")
    return target


def _random_case(option: Directive) -> frozenset[tuple[str, int]]:
    """The upstreams behind ``except``."""
    no_block(option)
    words = option.args
    if not words:
        return frozenset()
    if words[0].text != "except" or len(words) == 1:
        raise words[0].error("random_case takes nothing but except and the addresses of upstreams")
    return frozenset((address.host, address.port) for address in map(_resolver, words[1:]))


def _health_check(option: Directive) -> dict[str, Any]:
    first, *rest = args(option, 1, 4)
    found: dict[str, Any] = {"interval": duration(first)}
    words = iter(rest)
    for word in words:
        if word.text == "no_rec":
            found["recursion"] = False
        elif word.text == "domain":
            domain = next(words, None)
            if domain is None:
                raise word.error("domain needs a name", "write it like domain example.org")
            found["domain"] = _domain(domain)
        else:
            raise word.error(f"health_check has no option {word.text}", "it takes no_rec and domain NAME")
    return found


def _domain(word: Word) -> bytes:
    try:
        return names.from_text(word.text)
    except WireError as error:
        raise word.error(str(error)) from None
