"""One directive while the server runs: its zones, its policy, what feeds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from ipaddress import ip_address

from resolver.chain.turns import Turns
from resolver.plugins.policy.settings import REFUSE, Feed, Settings
from resolver.policy.addresses import is_inside
from resolver.policy.clients import numbered
from resolver.policy.engine import Policy, State
from resolver.policy.response_zone import PASSTHRU, SERVFAIL, ResponseZone, Trigger
from resolver.policy.rules import AUDIT_ONLY, REFUSED, Answer, Decision
from resolver.zone.files import unseen

OWN_RULES = "configuration"


@dataclass(slots=True)
class Hit:
    """A trigger of a response policy zone that fits, and the zone's settings."""

    feed: Feed
    trigger: Trigger


@dataclass(slots=True)
class Scope:
    """The rules in force for the names of some zones.

    Sources (rule files, ConfigMaps) put their rules into ``policy`` and await ``refresh``, which makes them count.
    ``changed`` is called when what was decided before may not hold any more.
    """

    settings: Settings
    changed: Callable[[], None]
    policy: Policy = field(init=False)
    _is_closed: bool = field(init=False)
    feeds: dict[int, ResponseZone] = field(default_factory=dict)
    _rebuilding: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.policy = Policy(self.settings.engine)
        self.policy.put(OWN_RULES, self.settings.rules)
        self.policy.rebuild()
        self._is_closed = any(feed.servfail_until_ready for feed in self.settings.feeds)

    @property
    def state(self) -> State:
        """The rules as they are now."""
        return self.policy.state

    async def refresh(self) -> None:
        """Let what was put into the policy or removed from it count, without keeping queries waiting."""
        async with self._rebuilding:  # or an older state might come behind a newer one
            before, turns = self.state, Turns()
            for _ in unseen(self.policy.rebuilding()):
                if before is not self.state:
                    before = self.state
                    self.changed()
                await turns.give()

    async def put_feed(self, number: int, zone: ResponseZone) -> None:
        """Another version of the response policy zone with that number counts from now on."""
        before = self.feeds.get(number)
        self.feeds[number] = zone
        self.changed()
        if before is not None and not before.is_shared:
            await Turns().all(before.emptying())

    # --- response policy zones

    @property
    def looks_at_clients(self) -> bool:
        """Whether two clients may get different answers."""
        return self.state.classifier.is_needed or any(zone.has_clients for zone in self.feeds.values())

    @property
    def looks_at_addresses(self) -> bool:
        """Whether a response policy zone has triggers for the addresses in answers."""
        return any(zone.has_addresses for zone in self.feeds.values())

    def feed_class(self, client: str) -> Hashable:
        """What distinguishes clients for response policy zones."""
        if not any(zone.has_clients for zone in self.feeds.values()):
            return ()
        version, number = numbered(client)
        triggers = [zone.for_client(version, number) for zone in self.feeds.values()]
        return tuple(None if trigger is None else trigger.name for trigger in triggers)

    def hit(self, name: bytes, client: str, *, with_client: bool = True, waits: bool = True) -> Hit | None:
        """The first trigger for a name (lower case), or for the client; zones are asked in their order.

        A zone that has not come yet may have everything fail until then, unless nobody ``waits`` for it.

        One of a zone that only notes counts where no other zone has one.
        """
        if not (self.feeds or self._is_closed):
            return None
        noted: Hit | None = None
        version = number = 0
        if with_client and any(zone.has_clients for zone in self.feeds.values()):
            version, number = numbered(client)
        for at, feed in enumerate(self.settings.feeds):
            zone = self.feeds.get(at)
            if zone is None:
                trigger = _NOT_READY if feed.servfail_until_ready and waits else None
            else:
                trigger = zone.for_client(version, number) if version else None
                trigger = trigger or zone.for_name(name)
            if trigger is None or any(pattern.matches(name) for pattern in feed.exempt):
                continue
            if not feed.audit_only:
                return noted if trigger.kind == PASSTHRU and noted is not None else Hit(feed, trigger)
            if noted is None and trigger.kind != PASSTHRU:
                noted = Hit(feed, trigger)
        return noted

    def address_hit(self, packed: bytes, name: bytes) -> Hit | None:
        """The first trigger for an address in an answer about a name, of zones that only note as in ``hit``."""
        noted: Hit | None = None
        for at, feed in enumerate(self.settings.feeds):
            zone = self.feeds.get(at)
            if zone is None or not zone.has_addresses or any(pattern.matches(name) for pattern in feed.exempt):
                continue
            trigger = zone.for_address(packed)
            if trigger is None:
                continue
            if not feed.audit_only:
                return noted if trigger.kind == PASSTHRU else Hit(feed, trigger)
            if noted is None and trigger.kind != PASSTHRU:
                noted = Hit(feed, trigger)
        return noted

    # --- rebinding

    @property
    def guards_addresses(self) -> bool:
        """Whether inside addresses in answers from outside matter."""
        return self.settings.rebinding.mode in (REFUSE, AUDIT_ONLY)

    def is_rebinding(self, packed: bytes, name: bytes) -> bool:
        """Whether an address leads to the inside and the name may not have it."""
        if not is_inside(packed):
            return False
        rebinding = self.settings.rebinding
        if any(pattern.matches(name) for pattern in rebinding.allowed):
            return False
        return rebinding.networks is None or not rebinding.networks.holds(_shown(packed))

    @property
    def rebinding(self) -> Decision:
        """The decision about an answer with such an address."""
        if self.settings.rebinding.mode == AUDIT_ONLY or self.settings.engine.audit_only:
            return _REBINDING_AUDITED
        return _REBINDING


_NOT_READY = Trigger("is not ready", SERVFAIL)
_REFUSAL = Answer(REFUSED)
_REBINDING = Decision(REFUSED, "rebinding", answer=_REFUSAL, named=True)
_REBINDING_AUDITED = Decision(AUDIT_ONLY, "rebinding", answer=_REFUSAL, would=REFUSED, named=True)


def _shown(packed: bytes) -> str:
    return str(ip_address(packed))
