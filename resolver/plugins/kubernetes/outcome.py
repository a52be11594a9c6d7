"""What a look-up in the index found out."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from resolver.kube.objects import Service
from resolver.wire.records import Body


class Outcome(NamedTuple):
    """Whether the name exists, and what is there.

    ``body`` is the answer, None where there are no such records. ``tags`` are those of what was looked at, ``needs``
    what must have been listed for this to be true. ``alias`` is the ExternalName service that the name belongs to;
    ``nameservers`` says that it is the name server's own name. ``key`` is set where the name is that of a service and
    nothing else, so that addresses and their absence hold in every zone.
    """

    exists: bool
    tags: tuple[Hashable, ...] = ()
    needs: int = 0
    body: Body | None = None
    alias: Service | None = None
    nameservers: bool = False
    key: bytes = b""


MISSING = Outcome(exists=False)
EMPTY = Outcome(exists=True)
