"""One directive while the server runs: its zones, its policy, what feeds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from resolver.chain.networks import NetworkSet
from resolver.chain.turns import Turns
from resolver.plugins.policy.settings import REFUSE, Feed, Settings
from resolver.policy.addresses import held, is_inside
from resolver.policy.clients import numbered
from resolver.policy.engine import Policy, State
from resolver.policy.response_zone import PASSTHRU, SERVFAIL, ResponseZone, Trigger
from resolver.policy.rules import AUDIT_ONLY, REFUSED, Answer, Decision
from resolver.wire.names import ROOT, is_below
from resolver.zone.files import unseen

OWN_RULES = "configuration"


@dataclass(slots=True)
class Hit:
    """A trigger of a response policy zone that fits, and the zone's settings.

    ``number`` is the place of the zone among those of the directive. ``noted`` is what a zone in front of it has that
    only notes; such a zone's own hit is one that nothing else fits behind.
    """

    feed: Feed
    trigger: Trigger
    number: int
    noted: Hit | None = None


class Search:
    """How far the search for triggers has come along the aliases of an answer; the query's own name is at 0.

    The first trigger that fits decides, also where it lets pass: those for a name before those for what it leads to,
    there in the order of the zones, and in a zone before those for addresses (draft-vixie-dnsop-dns-rpz section 5).
    """

    __slots__ = ("_ended", "position")

    def __init__(self) -> None:
        self.position = 0
        self._ended: list[tuple[Scope, int, int]] = []

    def end(self, scope: Scope, number: int) -> None:
        """A trigger of this zone has let the name at the position pass."""
        self._ended.append((scope, self.position, number))

    def is_over(self, scope: Scope) -> bool:
        """Whether no trigger for a name that comes now counts."""
        return any(ended is scope for ended, _, _ in self._ended)

    def zones(self, scope: Scope) -> int | None:
        """How many zones have a say about addresses of the name at the position; None for all of them."""
        for ended, position, number in self._ended:
            if ended is scope:
                return number if position == self.position else 0
        return None


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

    def owner(self, name: bytes) -> bytes:
        """The longest zone of the directive that holds the name."""
        return max((zone for zone in self.settings.zones if is_below(name, zone)), key=len, default=ROOT)

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
                return Hit(feed, trigger, at, noted)
            if noted is None and trigger.kind != PASSTHRU:
                noted = Hit(feed, trigger, at)
        return noted

    def address_hit(self, packed: Sequence[bytes], name: bytes, zones: int | None = None) -> Hit | None:
        """The first trigger for any of the addresses in an answer about a name, of the first so many ``zones``.

        Those that only note count as in ``hit``.
        """
        noted: Hit | None = None
        for at, feed in enumerate(self.settings.feeds[:zones]):
            zone = self.feeds.get(at)
            if zone is None or not zone.has_addresses or any(pattern.matches(name) for pattern in feed.exempt):
                continue
            trigger = zone.for_addresses(packed)
            if trigger is None:
                continue
            if not feed.audit_only:
                return Hit(feed, trigger, at, noted)
            if noted is None and trigger.kind != PASSTHRU:
                noted = Hit(feed, trigger, at)
        return noted

    # --- rebinding

    @property
    def guards_addresses(self) -> bool:
        """Whether inside addresses in answers from outside matter."""
        return self.settings.rebinding.mode in (REFUSE, AUDIT_ONLY)

    def is_rebinding(self, addresses: Iterable[bytes], name: bytes) -> bool:
        """Whether one of the addresses leads to the inside and the name may not have it."""
        rebinding = self.settings.rebinding
        for packed in addresses:
            if is_inside(packed) or (rebinding.private is not None and _is_in(packed, rebinding.private)):
                if any(pattern.matches(name) for pattern in rebinding.allowed):
                    return False
                if rebinding.networks is None or not rebinding.networks.holds(_shown(packed)):
                    return True
        return False

    @property
    def rebinding(self) -> Decision:
        """The decision about an answer with such an address."""
        if self.settings.rebinding.mode == AUDIT_ONLY or self.settings.engine.audit_only:
            return _REBINDING_AUDITED
        return _REBINDING


def ended(search: Search | None, scope: Scope, hit: Hit) -> Search | None:
    """The search behind a hit that let pass; only those that are noted leave it as it is."""
    if hit.feed.audit_only:
        return search
    search = search or Search()
    search.end(scope, hit.number)
    return search


_NOT_READY = Trigger("is not ready", SERVFAIL)
_REFUSAL = Answer(REFUSED)
_REBINDING = Decision(REFUSED, "rebinding", answer=_REFUSAL, named=True)
_REBINDING_AUDITED = Decision(AUDIT_ONLY, "rebinding", answer=_REFUSAL, would=REFUSED, named=True)


def _is_in(packed: bytes, networks: NetworkSet) -> bool:
    """Whether an address, or an IPv4 address that it holds, is in the networks."""
    return any(networks.holds(_shown(one)) for one in (packed, *held(packed)))


def _shown(packed: bytes) -> str:
    return str(ip_address(packed))
