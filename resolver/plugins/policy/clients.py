"""Who asks, as far as rules want to know."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from resolver.chain.capabilities import Identifying, Identity, offering
from resolver.chain.query import Query
from resolver.chain.setup import Block, Host
from resolver.policy.engine import State
from resolver.policy.matching import Class
from resolver.policy.rules import Decision
from resolver.telemetry.log import Log

DOUBTS_APART: Final = 600.0  # seconds between two words about clients who are denied something as nobody knows them


class Clients:
    """Sorts clients into the classes for which the same rules hold."""

    def __init__(self, block: Block, host: Host, log: Log) -> None:
        self._block = block
        self._host = host
        self._log = log
        self._next_doubt = -float("inf")

    @cached_property
    def identifying(self) -> Identifying | None:
        """Who knows the Pods behind addresses, None where nobody does."""
        return next(offering(self._block.parts, Identifying), None)

    def settled(self, state: State, client: str) -> Class | None:
        """The class of a client; None for one of whom more may be known after a wait."""
        known = state.known(client)
        if known is not None:
            return known
        identity, is_settled = self._identify(state, client)
        return self._classify(state, client, identity) if is_settled else None

    async def meet(self, state: State, client: str) -> Class:
        """The class of a client who is new, after a wait where his Pod is not known yet."""
        identity, settled = self._identify(state, client)
        if not settled and self.identifying is not None:
            identity = await self.identifying.meet(client)
            settled = self.identifying.settled(client)
        return self._classify(state, client, identity, keep=settled)

    def _identify(self, state: State, client: str) -> tuple[Identity | None, bool]:
        if not state.needs_identity or self.identifying is None:
            return None, True
        if not self.identifying.settled(client):
            return None, False
        return self.identifying.identify(client), True

    def _classify(self, state: State, client: str, identity: Identity | None, *, keep: bool = True) -> Class:
        """The class, in which a client may be in doubt: when that ends, whoever knows Pods tells of it."""
        known = self.identifying
        unknown = identity is None and state.needs_identity and known is not None and known.unknown(client)
        return state.classify(client, identity, unknown=unknown, keep=keep)

    def tell_doubt(self, query: Query, found: Decision) -> None:
        """A rule for Pods has denied something to a client of whom nobody knows; not every one is worth a line."""
        now = self._host.clock()
        if now < self._next_doubt:
            return
        self._next_doubt = now + DOUBTS_APART
        self._log.warning(
            f"{query.client[0]} is denied a name by a rule for Pods ({found.rule}), because it cannot be told which Pod"
            " it is, if any; coredns_policy_unknown_clients_total counts all of them"
        )
