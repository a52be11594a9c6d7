"""``resolver policy propose|explain``: an allow list from what was recorded, and why a name is decided as it is."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
from collections.abc import Callable, Iterator

from resolver.chain.capabilities import Identity
from resolver.cli import elsewhere
from resolver.cli.policy_verdicts import Verdict, Who, place, planned, policies, verdicts, warn
from resolver.errors import ResolverError, WireError
from resolver.policy.learned import Asker
from resolver.policy.proposal import as_lines, as_yaml, plural, propose
from resolver.policy.recorded import Record, Recorded
from resolver.policy.rules import Decision
from resolver.policy.rules import Who as Condition
from resolver.report.sources import Sources
from resolver.runtime.plan import Plan
from resolver.wire.constants import TYPE_NUMBERS
from resolver.wire.names import from_text, to_text

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
    plan = asyncio.run(planned(flags.conf, flags))
    found = list(verdicts(plan, flags.name, flags.type, Who(flags.client, identity, flags.unknown)))
    if not found:
        print(f"no server block takes {to_text(flags.name)}")
    for verdict in found:
        _print(verdict)


def _print(verdict: Verdict) -> None:
    view = f", view {verdict.site.view}" if verdict.site.view else ""
    print(f"{verdict.site.server} {verdict.site.zone}{view}")
    if verdict.varies:
        warn("rewrite looks at more than the question in this server block: for others it may make another name of it")
    if verdict.rewritten:
        print(f"  rewritten to {to_text(verdict.rewritten)}")
    found = verdict.found
    if found is None:
        print("  allow: there is no policy for this name")
        return
    would = f", would be {found.would}" if found.would else ""
    about = f" about {to_text(verdict.about)}" if verdict.rewritten else ""
    print(f"  {found.action}{would}: {found.rule}{about} ({place(found)})")


def _propose(flags: argparse.Namespace) -> None:
    if flags.files.count("-") > 1:
        raise ResolverError("standard input (-) can be read once")
    sources = Sources(flags.files)
    recorded = Recorded()
    recorded.read(sources.pieces())
    _complain(recorded, sources)
    if flags.against:
        _try_against(recorded, asyncio.run(planned(flags.against, flags)), flags.min)
        return
    proposals = [propose(who, names, flags.fold, flags.min) for who, names in recorded]
    if not any(proposal.allowed for proposal in proposals):
        warn("there is nothing to allow: with default deny, this list denies all names")
    lines = as_yaml(proposals) if flags.yaml else (line for one in proposals for line in as_lines(one))
    for line in lines:
        print(line)


def _complain(recorded: Recorded, sources: Sources) -> None:
    """Say what is amiss with what was read. Raises ResolverError where nothing of it was written by learn or audit."""
    for broken in sources.broken:
        warn(f"{broken}; what came before is used")
    strange = recorded.broken + sources.too_long
    if not recorded.lines:
        raise ResolverError(f"no line is one of learn or audit ({plural(strange, 'other line')})")
    if strange:
        warn(f"{plural(strange, 'line')} neither of learn nor of audit")
    if recorded.hashed:
        warn(f"{plural(recorded.hashed, 'line')} with hashes in place of names or clients: no rule comes of them")
    if recorded.lost:
        warn(f"{plural(recorded.lost, 'query')} not written down: the list is not complete")


def _try_against(recorded: Recorded, plan: Plan, at_least: int) -> None:
    _doubt(recorded, plan)
    names = queries = 0
    for who, records in recorded:
        found = []
        for name, record in records.items():
            if record.count < at_least:
                continue
            denials = list(_denials(plan, name, record, who))
            if denials:
                found.append((record.count, to_text(name), denials))
        if found:
            print(f"{who[0]} {who[1]}")
        for count, shown, denials in sorted(found, key=lambda one: (-one[0], one[1])):
            names, queries = names + 1, queries + count
            print(f"  {shown}  {plural(count, 'query')}: {'; '.join(denials)}")
    print(f"{plural(names, 'name')} with {plural(queries, 'query')} would have been denied")


def _doubt(recorded: Recorded, plan: Plan) -> None:
    """Say what the configuration asks that is not in what was recorded."""
    if not any(policies(plan)):
        warn("this configuration has no policy, so it denies nothing")
    conditions = list(_conditions(plan))
    if any(condition.labels for condition in conditions):
        warn("labels are not in what was recorded: rules that ask for them fit nobody here")
    if recorded.learnt and any(condition.service_accounts for condition in conditions):
        warn("learn does not write service accounts: rules that ask for them fit nobody there")


def _denials(plan: Plan, name: bytes, record: Record, who: Asker) -> Iterator[str]:
    """Why a name would be denied, with the types and the service accounts for which it would be, if not for all."""
    types, askers = sorted(record.types) or ["A"], list(_asking(who, record))
    reasons: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for asking in askers:
        for shown in types:
            for verdict in verdicts(plan, name, _number(shown), asking):
                found = verdict.found
                if found is not None and (found.denies or found.would):
                    kinds, accounts = reasons.setdefault(_reason(verdict, found), ({}, {}))
                    kinds[shown] = None
                    accounts[asking.identity.service_account if asking.identity else ""] = None
    for reason, (kinds, accounts) in reasons.items():
        only = "" if len(kinds) == len(types) else f" for {' '.join(kinds)}"
        yield reason + only + ("" if len(accounts) == len(askers) else f" for service account {' '.join(accounts)}")


def _number(shown: str) -> int:
    number = TYPE_NUMBERS.get(shown)
    if number is None and shown.startswith("TYPE") and shown[4:].isdecimal():
        number = int(shown[4:9])
    return number or 1


def _reason(verdict: Verdict, found: Decision) -> str:
    behind = f", rewritten to {to_text(verdict.rewritten)}," if verdict.about == verdict.rewritten else ""
    return f"{found.would or found.action}{behind} by {found.rule} ({place(found)})"


def _asking(who: Asker, record: Record) -> Iterator[Who]:
    kind, value = who
    if kind == "namespace":
        yield from (Who("", Identity(value, "", account)) for account in sorted(record.accounts) or [""])
    else:
        yield Who(str(ipaddress.ip_network(value)[0]))


def _conditions(plan: Plan) -> Iterator[Condition]:
    for part in policies(plan):
        for scope in part.scopes:
            for source in scope.policy.sources():
                yield from (condition for rule in scope.policy.rules(source) for condition in rule.who)
