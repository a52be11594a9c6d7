"""The part that other directives ask who a client is, and that waits for it where nobody knows yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from resolver.chain.capabilities import Identity
from resolver.chain.contacts import Contact
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.chain.setup import Host
from resolver.plugins.identity.knowledge import Knowledge
from resolver.plugins.identity.reading import plain
from resolver.plugins.identity.settings import Settings
from resolver.plugins.identity.shared import give_back, take

READY_AFTER: Final = 60.0  # seconds after which a server whose API does not answer is ready nevertheless
_PATIENCE: Final = 0.5  # seconds without a word
_LOCAL: Final = ("fe80:", "169.254.")
_ITSELF: Final = ("127.0.0.1", "::1")


class Identities(Plugin):
    """Knows which Pods are behind which addresses, and makes it metadata of queries."""

    name = "identity"
    transparent = True  # answers are passed on as they are

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self.host = host
        self.log = host.log.named(self.name)
        self._knowledge: Knowledge | None = None
        self._followers: list[Callable[[str], None]] = []
        self._unfollow: Callable[[], None] = lambda: None
        self._began = host.clock()

    async def resolve(self, query: Query, next: Handler) -> Reply:
        client = query.client[0]
        if not self.settled(client):
            identity = await self.meet(client)
            if identity is not None and query.metadata is not None:
                describe(identity, query.metadata)  # it was collected before this was known
        return await next(query)

    # --- what others ask

    def identify(self, client: str) -> Identity | None:
        return None if self._knowledge is None else self._knowledge.find(plain(client))

    def settled(self, client: str) -> bool:
        if self._knowledge is None:
            return False
        address = plain(client)
        return self._knowledge.settled(address) or _is_local(address)

    def unknown(self, client: str) -> bool:
        address = plain(client)
        return not _is_local(address) and (self._knowledge is None or self._knowledge.unknown(address))

    async def meet(self, client: str) -> Identity | None:
        if self._knowledge is None or self.settled(client):
            return self.identify(client)
        return await self._knowledge.meet(plain(client))

    def subscribe(self, changed: Callable[[str], None]) -> None:
        self._followers.append(changed)

    def describe(self, query: Query, labels: dict[str, str]) -> None:
        """Put who asks into ``labels``."""
        identity = self.identify(query.client[0])
        if identity is not None:
            describe(identity, labels)

    # --- life

    def contacts(self) -> Iterable[Contact]:
        return self.settings.source.contacts(self.name)

    async def start(self) -> None:
        """Ask the API, and wait for it for as long as was asked. Raises ConfigError without a way to it."""
        settings = self.settings
        access = settings.source.access_for(settings.directive)
        self._began = self.host.clock()
        self._knowledge = take(settings, access, self.host)
        self._unfollow = self._knowledge.follow(self._changed)
        patience = asyncio.get_running_loop().call_later(_PATIENCE, self.log.info, "waiting for the API of the cluster")
        is_known = await self._knowledge.wait_known(settings.startup_timeout)
        patience.cancel()
        if not is_known:
            reason = self._knowledge.problem or "it does not answer"
            self.log.warning(f"serving before the Pods are known: {reason}")

    async def stop(self) -> None:
        self._unfollow()
        knowledge, self._knowledge = self._knowledge, None
        if knowledge is not None:
            await give_back(knowledge, self.host)

    def is_ready(self) -> bool:
        """Ready after the first list, where the API refuses it, and after a minute in any case."""
        if self._knowledge is None:
            return False
        return self._knowledge.is_known or self.host.clock() - self._began >= READY_AFTER

    def _changed(self, address: str) -> None:
        for changed in list(self._followers):
            changed(address)


def _is_local(address: str) -> bool:
    return address in _ITSELF or address.startswith(_LOCAL)


def describe(identity: Identity, labels: dict[str, str]) -> None:
    """Put who that is into ``labels``."""
    named = {
        "namespace": identity.namespace,
        "pod": identity.pod,
        "owner": identity.owner,
        "service-account": identity.service_account,
        "node": identity.node,
    }
    labels.update({f"identity/{name}": text for name, text in named.items() if text})
    labels.update({f"identity/label/{name}": text for name, text in identity.labels.items()})
