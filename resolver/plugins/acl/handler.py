"""Letting queries pass, or not."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure, silence
from resolver.chain.setup import Host
from resolver.plugins.acl.metrics import Metrics
from resolver.plugins.acl.settings import List, Rule
from resolver.wire.constants import EDE_BLOCKED, EDE_FILTERED, NOERROR, REFUSED
from resolver.wire.names import suffixes

ALLOW: Final = "allow"


class Acl(Plugin):
    """The first list that decides about a name counts; a name that was rewritten has to pass under both names.

    Clients who are in the same networks meet the same decisions, so what passes for one may be replayed to the others.
    """

    name = "acl"
    transparent = True
    sees_notify = True

    def __init__(self, lists: tuple[List, ...], host: Host) -> None:
        self.lists = lists
        self._metrics = Metrics(host.registry)
        self._networks = [rule.networks for one in lists for rule in one.rules if rule.networks is not None]

    @property
    def sorts(self) -> bool:
        """Whether any rule looks at clients."""
        return bool(self._networks)

    def group(self, client: str) -> Hashable:
        """Which of the networks the client is in."""
        return tuple([networks.holds(client) for networks in self._networks])

    async def resolve(self, query: Query, next: Handler) -> Reply:
        action, zone = self._decide(query, query.name)
        if action == ALLOW and query.original is not None:
            action, zone = self._decide(query, query.original)
        if query.trail is not None and zone:
            query.trail.decide(ALLOW if action == ALLOW else "deny", f"acl {action} {zone}")
        if action != ALLOW:
            self._metrics.count(action, query.site, zone)
            return self._refused(query, action)
        cell = self._metrics.allowed(query.site)
        cell.value += 1
        return (await next(query)).counted(cell.add)

    def _decide(self, query: Query, name: bytes) -> tuple[str, str]:
        """The action, and the zone of the list that says so."""
        zones = list(suffixes(name))
        for one in self.lists:
            zone = next((text for suffix in zones if (text := one.zones.get(suffix)) is not None), None)
            if zone is not None:
                rule = _first(one.rules, query)
                if rule is not None:
                    return rule.action, zone
        return ALLOW, ""

    def _refused(self, query: Query, action: str) -> Reply:
        if action == "drop":
            return silence(query, self.name)
        if action == "filter":
            return failure(query, self.name, NOERROR, ede=EDE_FILTERED)
        return failure(query, self.name, REFUSED, ede=EDE_BLOCKED)


def _first(rules: tuple[Rule, ...], query: Query) -> Rule | None:
    for rule in rules:
        if rule.types is not None and query.qtype not in rule.types:
            continue
        if rule.networks is None or rule.networks.holds(query.client[0]):
            return rule
    return None
