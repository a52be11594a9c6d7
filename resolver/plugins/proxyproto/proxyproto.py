"""Tells the listeners of the server block whose headers to believe."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from resolver.chain.capabilities import ListenSettings
from resolver.chain.contacts import Caller
from resolver.chain.plugin import Part
from resolver.chain.proxied import REJECT, USE, ProxyPolicy
from resolver.chain.setup import Host
from resolver.plugins.proxyproto.settings import Settings

_MOST_KEPT = 4096  # hosts for which the decision is kept


class ProxyProto(Part):
    """Puts its policy in front of all that the listeners of its block serve."""

    name = "proxyproto"

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self._log = host.log.named(self.name)
        decide = lru_cache(_MOST_KEPT)(self._decide)
        self.policy = ProxyPolicy(decide, settings.track, settings.sessions)

    async def start(self) -> None:
        if self.settings.default == USE:
            self._log.warning("PROXY headers count from everybody: clients can say that they are somebody else")

    def callers(self) -> Iterable[Caller]:
        return [Caller(str(network), "proxyproto: proxies") for network in self.settings.allow]

    def listen(self, settings: ListenSettings) -> ListenSettings:
        """The settings with the policy."""
        return replace(settings, proxy=self.policy)

    def _decide(self, host: str) -> str:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return REJECT
        plain = getattr(address, "ipv4_mapped", None) or address
        return USE if any(plain in network for network in self.settings.allow) else self.settings.default
