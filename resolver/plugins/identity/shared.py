"""Server blocks that want to know the same share what is known of it, over a reload too."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from resolver.chain.setup import Host
from resolver.kube.access import Access
from resolver.plugins.identity.knowledge import Knowledge
from resolver.plugins.identity.seen import Seen
from resolver.plugins.identity.settings import SEEN, Settings
from resolver.plugins.identity.watched import Watched
from resolver.telemetry.metrics import Registry


@dataclass(slots=True)
class _Use:
    knowledge: Knowledge
    users: int = 0


def take(settings: Settings, access: Access, host: Host) -> Knowledge:
    """The knowledge of this scope, begun if nobody has it yet. To be called within the event loop."""
    uses = _uses.setdefault(host.registry, {})
    key = _key(settings, access)
    use = uses.get(key)
    if use is None:
        made = Seen(settings, access, host) if settings.scope == SEEN else Watched(settings, access, host)
        use = uses[key] = _Use(made)
        made.begin()
    use.users += 1
    return use.knowledge


async def give_back(knowledge: Knowledge, host: Host) -> None:
    """A user needs it no longer; the last one's is ended."""
    uses = _uses.get(host.registry, {})
    for key, use in list(uses.items()):
        if use.knowledge is knowledge:
            use.users -= 1
            if use.users == 0:
                del uses[key]
                await knowledge.end()


def _key(settings: Settings, access: Access) -> Hashable:
    times = (settings.wait, settings.stale, settings.verify)
    return access, settings.scope, settings.node, times, settings.addresses, settings.rate, settings.burst


_uses: WeakKeyDictionary[Registry, dict[Hashable, _Use]] = WeakKeyDictionary()
