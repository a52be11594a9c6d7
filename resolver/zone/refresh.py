"""When to look for a newer version of a zone, and when to give it up (RFC 1035 section 3.3.13). Pure."""

from __future__ import annotations

import random
from typing import Final

from resolver.zone.data import Zone

FIRST_PAUSE: Final = 0.25
LONGEST_FIRST_PAUSE: Final = 10.0

# Between two looks because of NOTIFY: its sender can be forged.
NOTIFY_PAUSE: Final = 1.0

_LONGEST: Final = 30 * 86400.0


class Refresh:
    """The timers of one zone. Times are in seconds of one clock; ``due`` is when to look next.

    ``expires`` is when the zone must not be served any more; None while there is none, or it has expired.
    """

    __slots__ = ("_chance", "_expire", "_has_zone", "_looked", "_pause", "_refresh", "_retry", "due", "expires")

    def __init__(self, chance: random.Random, now: float) -> None:
        self._chance = chance
        self._has_zone = False
        self._pause = FIRST_PAUSE
        self._refresh = self._retry = self._expire = 0.0
        self._looked = now - NOTIFY_PAUSE
        self.due = now
        self.expires: float | None = None

    @property
    def wake(self) -> float:
        """When something has to be done next."""
        return self.due if self.expires is None else min(self.due, self.expires)

    def refreshed(self, zone: Zone, now: float) -> None:
        """This version is the newest one, which the primary says now."""
        rdata = zone.soa.rdatas[0]
        refresh, retry, expire = (int.from_bytes(rdata[at : at + 4 or None], "big") for at in (-16, -12, -8))
        self._refresh, self._retry, self._expire = (min(max(1.0, time), _LONGEST) for time in (refresh, retry, expire))
        self._has_zone = True
        self._looked = now
        self._pause = FIRST_PAUSE
        self.due = now + self._refresh + self._jitter(self._refresh, 5.0)
        self.expires = now + self._expire

    def failed(self, now: float) -> None:
        """No primary said anything of use."""
        self._looked = now
        if self._has_zone:
            self.due = now + self._retry + self._jitter(self._retry, 2.0)
        else:
            self.due = now + self._pause
            self._pause = min(2 * self._pause, LONGEST_FIRST_PAUSE)

    def notified(self, now: float) -> None:
        """A primary says that there is something newer."""
        self.due = min(self.due, max(now, self._looked + NOTIFY_PAUSE))

    def expired(self, now: float) -> bool:
        """Whether the zone must be given up, said once."""
        if self.expires is None or now < self.expires:
            return False
        self.expires = None
        return True

    def _jitter(self, time: float, most: float) -> float:
        """So that many zones of one primary do not ask at once."""
        return self._chance.random() * min(most, time / 4)
