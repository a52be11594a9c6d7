"""What the ``forward`` lines of all server blocks of a process share: upstreams, metrics, chance."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from weakref import WeakKeyDictionary

from resolver.chain.setup import Host
from resolver.plugins.forward.metrics import NAME, Metrics
from resolver.telemetry.metrics import Registry
from resolver.upstream.policy import Policy, make
from resolver.upstream.pool import Pool


class Shared:
    """Lines with the same upstream and the same options share its connections and its health."""

    def __init__(self, host: Host, loop: AbstractEventLoop) -> None:
        self.loop = loop
        self.metrics = Metrics(host.registry)
        self._log = host.log.named(NAME)
        self.pool = Pool(loop, host.clock, self.metrics.counts, self._notice)
        self.users = 0
        self.end_hook = host.registry.before_read(self.metrics.refresh_old)
        self._chance = host.chance
        self._policies: dict[str, Policy] = {}

    def policy(self, name: str) -> Policy:
        """The policy of a line; that of one that counts is its own."""
        if name == "round_robin":
            return make(name, self._chance)
        found = self._policies.get(name)
        if found is None:
            found = self._policies[name] = make(name, self._chance)
        return found

    def _notice(self, text: str, up: bool) -> None:
        (self._log.info if up else self._log.warning)(text)


_shared: WeakKeyDictionary[Registry, Shared] = WeakKeyDictionary()


def join(host: Host, loop: AbstractEventLoop) -> Shared:
    """What the process shares, from its first user to its last; to be left with ``leave``."""
    shared = _shared.get(host.registry)
    if shared is None:
        shared = _shared[host.registry] = Shared(host, loop)
    shared.users += 1
    return shared


def leave(host: Host, shared: Shared) -> None:
    """Use it no more."""
    shared.users -= 1
    if not shared.users:
        shared.end_hook()
        del _shared[host.registry]
