"""``resolver policy propose|explain``: an allow list from what was recorded, and why a name is decided as it is."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from resolver.chain.capabilities import Identity
from resolver.chain.elsewhere import Elsewhere
from resolver.chain.query import Site
from resolver.chain.setup import Block
from resolver.cli import elsewhere
from resolver.errors import ResolverError, WireError
from resolver.plugins.policy.feeds import FileFeed
from resolver.plugins.policy.files import FileSource
from resolver.plugins.policy.handler import PolicyPlugin
from resolver.plugins.policy.learning import Learning
from resolver.plugins.policy.scope import Scope
from resolver.policy.learned import Asker
from resolver.policy.proposal import as_lines, as_yaml, plural, propose
from resolver.policy.recorded import Recorded
from resolver.policy.response_zone import PASSTHRU
from resolver.policy.rules import AUDIT_ONLY, Decision
from resolver.report.sources import Sources
from resolver.runtime.plan import Plan
from resolver.wire.constants import TYPE_NUMBERS
from resolver.wire.names import from_text, is_below, to_text

_MOST = 1_000_000


def run(arguments: list[str]) -> int:
    """Print the list, or the reasons; 0 whatever they are. Raises ResolverError for files that cannot be read."""
    flags = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = flags.run
    command(flags)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="resolver policy", description="Make rules of policy, and look at them.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    offer = commands.add_parser("propose", help="an allow list from what learn or audit wrote")
    offer.set_defaults(run=_propose)
    offer.add_argument("files", nargs="+", metavar="FILE", help="files of learn or audit, also compressed; - for stdin")
    offer.add_argument("--fold", type=_at_least(2), default=0, metavar="N", help="N or more siblings become .parent")
    offer.add_argument("--min", type=_at_least(1), default=1, metavar="N", help="leave out names asked for less often")
    offer.add_argument("--yaml", action="store_true", help="write a rule file in YAML instead of lines")
    offer.add_argument("--against", metavar="CONFIG", help="say instead what this configuration would have denied")
    elsewhere.add_flags(offer)
    offer.add_argument("-dns.port", "--dns.port", dest="port", type=int, default=53, metavar="PORT")
    why = commands.add_parser("explain", help="what a configuration decides about a name, and by which rule")
    why.set_defaults(run=_explain)
    why.add_argument("name", type=_name, metavar="NAME")
    why.add_argument("--type", type=_type, default="A", metavar="TYPE", help="A by default")
    why.add_argument("--client", type=_client, default="127.0.0.1", metavar="ADDRESS", help="who asks")
    why.add_argument("--namespace", default="", metavar="NAMESPACE", help="of the Pod that asks")
    why.add_argument("--label", type=_label, action="append", default=[], metavar="KEY=VALUE", help="of the Pod")
    why.add_argument("--service-account", default="", metavar="NAME", help="of the Pod, or NAMESPACE/NAME")
    why.add_argument("--unknown", action="store_true", help="it is not known whether a Pod asks, nor which")
    why.add_argument("-conf", "--conf", default="Corefile", metavar="FILE", help="the configuration (Corefile)")
    elsewhere.add_flags(why)
    why.add_argument("-dns.port", "--dns.port", dest="port", type=int, default=53, metavar="PORT")
    return parser


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= _MOST:
            raise argparse.ArgumentTypeError(f"{text} is no number from {least} to {_MOST}")
        return int(text)

    return number


def _name(text: str) -> bytes:
    try:
        return from_text(text).lower()
    except WireError as error:
        raise argparse.ArgumentTypeError(f"{text} is no name: {error}") from None


def _type(text: str) -> int:
    number = TYPE_NUMBERS.get(text.upper())
    if number is None:
        raise argparse.ArgumentTypeError(f"{text} is no type")
    return number


def _client(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no IP address") from None


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text} is no label such as app=web")
    return key, value


# --- a configuration, and who asks


@dataclass(frozen=True, slots=True)
class _Who:
    client: str
    identity: Identity | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a block decides about a name; ``found`` None where it has no policy for it."""

    block: Block
    site: Site
    found: Decision | None


async def _plan(path: str, flags: argparse.Namespace) -> Plan:
    """The configuration with its rule files and response policy zones from files; nothing is opened but files."""
    plan, lacking = elsewhere.assembled(path, flags.port, flags)
    for part in plan.parts:
        if isinstance(part, PolicyPlugin):
            for source in part.sources:
                if isinstance(source, FileSource | FileFeed):
                    await _read(source, lacking if flags.elsewhere else None)
                elif not isinstance(source, Learning):
                    _warn("rules that a running server fetches (rpz transfer, configmaps) are not looked at")
    for note in elsewhere.said(lacking.notes):
        print(f"resolver policy: note: {note}", file=sys.stderr)
    return plan


async def _read(source: FileSource | FileFeed, lacking: Elsewhere | None) -> None:
    mistakes = await source.mistakes() if lacking is not None else ()
    if lacking is not None and mistakes and all(lacking.excuses(one) for one in mistakes):
        return
    await source.start()
    await source.stop()


def _warn(text: str) -> None:
    print(f"resolver policy: warning: {text}", file=sys.stderr)


def _verdicts(plan: Plan, name: bytes, qtype: int, who: _Who) -> Iterator[_Verdict]:
    """What the blocks say that take the name, one for each address that they listen at."""
    for server in dict.fromkeys(site.server for block in plan.blocks for site in block.sites):
        fitting = [
            (from_text(site.zone), block, site)
            for block in plan.blocks
            for site in block.sites
            if site.server == server and is_below(name, from_text(site.zone).lower())
        ]
        fitting.sort(key=lambda one: -len(one[0]))
        for _, block, site in fitting:
            yield _Verdict(block, site, _decision(block, name, qtype, who))
            if not site.view:  # behind a view, another block may be the one
                break


def _decision(block: Block, name: bytes, qtype: int, who: _Who) -> Decision | None:
    part = next((part for part in block.parts if isinstance(part, PolicyPlugin)), None)
    scope = None if part is None else part.scope_of(name)
    if scope is None:
        return None
    state = scope.state
    found = state.decide(name, qtype, state.classify(who.client, who.identity, unknown=who.unknown, keep=False))
    return found if found.denies else _zones_say(scope, name, who) or found


def _zones_say(scope: Scope, name: bytes, who: _Who) -> Decision | None:
    hit = scope.hit(name, who.client, waits=False)
    if hit is not None and hit.trigger.kind == PASSTHRU:
        hit = hit.noted
    if hit is None:
        return None
    rule = f"rpz {to_text(hit.feed.origin)} {hit.trigger.name}"
    kind = hit.trigger.kind
    if hit.feed.audit_only or scope.settings.engine.audit_only:
        return Decision(AUDIT_ONLY, rule, would=kind)
    return Decision(kind, rule)


def _place(found: Decision) -> str:
    if found.at is not None:
        return f"{found.at.file}:{found.at.line}"
    return "no rule names it" if found.rule == "default" else "a response policy zone"


# --- commands


def _explain(flags: argparse.Namespace) -> None:
    account = flags.service_account.rpartition("/")
    namespace = flags.namespace or account[0]
    if account[0] and account[0] != namespace:
        raise ResolverError("--service-account and --namespace name different namespaces")
    has_pod = bool(namespace or flags.label or account[2])
    identity = Identity(namespace, "", account[2], labels=dict(flags.label)) if has_pod else None
    if has_pod and flags.unknown:
        raise ResolverError("--unknown is for a client without --namespace, --label and --service-account")
    plan = asyncio.run(_plan(flags.conf, flags))
    verdicts = list(_verdicts(plan, flags.name, flags.type, _Who(flags.client, identity, flags.unknown)))
    if not verdicts:
        print(f"no server block takes {to_text(flags.name)}")
    for verdict in verdicts:
        view = f", view {verdict.site.view}" if verdict.site.view else ""
        print(f"{verdict.site.server} {verdict.site.zone}{view}")
        found = verdict.found
        if found is None:
            print("  allow: there is no policy for this name")
            continue
        would = f", would be {found.would}" if found.would else ""
        print(f"  {found.action}{would}: {found.rule} ({_place(found)})")


def _propose(flags: argparse.Namespace) -> None:
    if flags.files.count("-") > 1:
        raise ResolverError("standard input (-) can be read once")
    sources = Sources(flags.files)
    recorded = Recorded()
    recorded.read(sources.pieces())
    _complain(recorded, sources)
    if flags.against:
        _try_against(recorded, asyncio.run(_plan(flags.against, flags)), flags.min)
        return
    proposals = [propose(who, names, flags.fold, flags.min) for who, names in recorded]
    if not any(proposal.allowed for proposal in proposals):
        _warn("there is nothing to allow: with default deny, this list denies all names")
    lines = as_yaml(proposals) if flags.yaml else (line for one in proposals for line in as_lines(one))
    for line in lines:
        print(line)


def _complain(recorded: Recorded, sources: Sources) -> None:
    """Say what is amiss with what was read. Raises ResolverError where nothing of it was written by learn or audit."""
    for broken in sources.broken:
        _warn(f"{broken}; what came before is used")
    strange = recorded.broken + sources.too_long
    if not recorded.lines:
        raise ResolverError(f"no line is one of learn or audit ({plural(strange, 'other line')})")
    if strange:
        _warn(f"{plural(strange, 'line')} neither of learn nor of audit")
    if recorded.hashed:
        _warn(f"{plural(recorded.hashed, 'line')} with hashes in place of names or clients: no rule comes of them")
    if recorded.lost:
        _warn(f"{plural(recorded.lost, 'query')} not written down: the list is not complete")


def _try_against(recorded: Recorded, plan: Plan, at_least: int) -> None:
    if any(_is_finer(block) for block in plan.blocks):
        _warn("labels and service accounts are not in what was recorded: rules that ask for them fit nobody here")
    names = queries = 0
    for who, records in recorded:
        found = []
        for name, record in records.items():
            if record.count < at_least:
                continue
            denials = list(_denials(plan, name, sorted(record.types), _asking(who)))
            if denials:
                found.append((record.count, to_text(name), denials))
        if found:
            print(f"{who[0]} {who[1]}")
        for count, shown, denials in sorted(found, key=lambda one: (-one[0], one[1])):
            names, queries = names + 1, queries + count
            print(f"  {shown}  {plural(count, 'query')}: {'; '.join(denials)}")
    print(f"{plural(names, 'name')} with {plural(queries, 'query')} would have been denied")


def _denials(plan: Plan, name: bytes, types: list[str], who: _Who) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for shown in types or ["A"]:
        number = TYPE_NUMBERS.get(shown)
        if number is None and shown.startswith("TYPE") and shown[4:].isdecimal():
            number = int(shown[4:9])
        for verdict in _verdicts(plan, name, number or 1, who):
            found = verdict.found
            if found is not None and (found.denies or found.would):
                kinds = reasons.setdefault(f"{found.would or found.action} by {found.rule} ({_place(found)})", [])
                if shown not in kinds:
                    kinds.append(shown)
    for reason, kinds in reasons.items():
        yield reason if len(kinds) == len(types) else f"{reason} for {' '.join(kinds)}"


def _asking(who: Asker) -> _Who:
    kind, value = who
    if kind == "namespace":
        return _Who("", Identity(value, ""))
    return _Who(str(ipaddress.ip_network(value)[0]))


def _is_finer(block: Block) -> bool:
    return any(
        condition.labels or condition.service_accounts
        for part in block.parts
        if isinstance(part, PolicyPlugin)
        for scope in part.scopes
        for source in scope.policy.sources()
        for rule in scope.policy.rules(source)
        for condition in rule.who
    )
