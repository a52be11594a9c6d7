"""What a configuration decides about names, asked without a server: for ``explain`` and ``--against``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from resolver.chain.capabilities import Identity
from resolver.chain.elsewhere import Elsewhere
from resolver.chain.query import Query, Site
from resolver.chain.setup import Block
from resolver.cli import elsewhere
from resolver.errors import WireError
from resolver.plugins.policy.feeds import FileFeed
from resolver.plugins.policy.files import FileSource
from resolver.plugins.policy.handler import PolicyPlugin
from resolver.plugins.policy.learning import Learning
from resolver.plugins.policy.responses import decide
from resolver.plugins.policy.scope import Scope
from resolver.plugins.rewrite.handler import Rewrite
from resolver.plugins.rewrite.rules import State
from resolver.policy.rules import AUDIT_ONLY, Decision
from resolver.runtime.plan import Plan
from resolver.wire.names import from_text, is_below, to_text


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks; ``unknown`` where nobody can tell which Pod it is, if any."""

    client: str
    identity: Identity | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a block decides about a name; ``found`` None where it has no policy for it.

    ``rewritten`` is the name that answers are sought for, where *rewrite* makes another one of it. With ``varies`` that
    depends on more than the question. ``about`` is the one of both names that decided.
    """

    block: Block
    site: Site
    found: Decision | None
    about: bytes
    rewritten: bytes = b""
    varies: bool = False


async def planned(path: str, flags: argparse.Namespace) -> Plan:
    """The configuration with its rule files and response policy zones from files; nothing is opened but files."""
    plan, lacking = elsewhere.assembled(path, flags.port, flags)
    for part in policies(plan):
        for source in part.sources:
            if isinstance(source, FileSource | FileFeed):
                await _read(source, lacking if flags.elsewhere else None)
            elif not isinstance(source, Learning):
                warn("rules that a running server fetches (rpz transfer, configmaps) are not looked at")
    for note in elsewhere.said(lacking.notes):
        print(f"resolver policy: note: {note}", file=sys.stderr)
    return plan


async def _read(source: FileSource | FileFeed, lacking: Elsewhere | None) -> None:
    mistakes = await source.mistakes() if lacking is not None else ()
    if lacking is not None and mistakes and all(lacking.excuses(one) for one in mistakes):
        return
    await source.start()
    await source.stop()


def policies(plan: Plan) -> Iterator[PolicyPlugin]:
    """The parts that decide."""
    yield from (part for part in plan.parts if isinstance(part, PolicyPlugin))


def warn(text: str) -> None:
    """Say something on stderr that does not keep the command from its work."""
    print(f"resolver policy: warning: {text}", file=sys.stderr)


def verdicts(plan: Plan, name: bytes, qtype: int, who: Who) -> Iterator[Verdict]:
    """What the blocks say that take the lower-case name, one for each address that they listen at."""
    for server in dict.fromkeys(site.server for block in plan.blocks for site in block.sites):
        fitting = [
            (from_text(site.zone), block, site)
            for block in plan.blocks
            for site in block.sites
            if site.server == server and is_below(name, from_text(site.zone).lower())
        ]
        fitting.sort(key=lambda one: -len(one[0]))
        for _, block, site in fitting:
            yield _verdict(block, site, name, qtype, who)
            if not site.view:  # behind a view, another block may be the one
                break


def _verdict(block: Block, site: Site, name: bytes, qtype: int, who: Who) -> Verdict:
    """As the directive decides: about the name as it becomes, and about the one that was asked."""
    asked, varies = _rewritten(block, site, name, qtype, who)
    rewritten = asked.name if asked.name != name else b""
    about, found = asked.name, None
    for one in dict.fromkeys((asked.name, name)):
        decision = _decision(block, one, asked.qtype, who)
        if decision is not None and (found is None or decision.denies or decision.action == AUDIT_ONLY):
            about, found = one, decision
            if decision.denies:
                break
    return Verdict(block, site, found, about, rewritten, varies)


def _rewritten(block: Block, site: Site, name: bytes, qtype: int, who: Who) -> tuple[Query, bool]:
    """The question behind *rewrite*, and whether it would be another one for somebody else."""
    query = Query(name, qtype, client=(who.client or "127.0.0.1", 0), transport="udp", site=site)
    varies = False
    for part in block.parts:
        if isinstance(part, Rewrite):
            state = State(query)
            try:
                part.program.run(state, part.program.about(query.name))
                query = state.asked()
            except WireError as error:
                warn(f"{to_text(name)} cannot be rewritten: {error}")
            varies = varies or state.personal
    return query, varies


def _decision(block: Block, name: bytes, qtype: int, who: Who) -> Decision | None:
    part = next((part for part in block.parts if isinstance(part, PolicyPlugin)), None)
    scope = None if part is None else part.scope_of(name)
    if scope is None:
        return None
    state = scope.state
    found = state.decide(name, qtype, state.classify(who.client, who.identity, unknown=who.unknown, keep=False))
    return found if found.denies else _zones_say(scope, name, who) or found


def _zones_say(scope: Scope, name: bytes, who: Who) -> Decision | None:
    hit = scope.hit(name, who.client, waits=False)
    return None if hit is None else decide(scope, hit, "udp")


def place(found: Decision) -> str:
    """Where the rule stands that decided."""
    if found.at is not None:
        return f"{found.at.file}:{found.at.line}"
    return "no rule names it" if found.rule == "default" else "a response policy zone"
