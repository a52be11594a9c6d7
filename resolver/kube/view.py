"""How other directives of a server block meet its view of the cluster: ``offering(block.parts, ClusterView)``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

from resolver.chain.query import Query
from resolver.kube.index import ClusterIndex
from resolver.kube.objects import Endpoint


@runtime_checkable
class ClusterView(Protocol):
    """A part that keeps Services and what is behind them in memory."""

    name: ClassVar[str]

    @property
    def zones(self) -> Sequence[bytes]:
        """The zones it answers for, lower-case wire names, in the order of the configuration."""

    @property
    def ttl(self) -> int:
        """The TTL of its records in seconds."""

    @property
    def index(self) -> ClusterIndex:
        """What is known of the cluster; the same object for the whole life of the part."""

    @property
    def synced(self) -> bool:
        """Whether everything was listed at least once: before that, nothing can be said not to exist."""

    def endpoint_label(self, endpoint: Endpoint) -> bytes:
        """The label under which an endpoint stands before its service's name, without its length."""


@runtime_checkable
class SearchPath(Protocol):
    """A part that knows in which domains its clients look for short names."""

    name: ClassVar[str]

    def search_path(self, query: Query) -> Sequence[bytes] | None:
        """The search path of the Pod that asks: lower-case wire names, the Pod's own namespace first.

        None where no Pod, or more than one namespace, has the client's address, and for names outside of its zones.
        """
