"""What a directive becomes: a part of the server, and if it takes part in answering, a plugin."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from resolver.chain.query import Query
from resolver.chain.reply import Reply

Handler = Callable[[Query], Coroutine[Any, Any, Reply]]


class Part:
    """One directive of one server block, set up and alive between ``start`` and ``stop``.

    Making a part must not open sockets or start tasks: ``check`` makes parts and throws them away.
    """

    name: ClassVar[str]

    async def start(self) -> None:
        """Begin background work. Raises ResolverError when the part cannot serve."""

    async def stop(self) -> None:
        """End background work and close what was opened."""


class Plugin(Part, ABC):
    """A part that stands in the chain.

    ``transparent`` is a promise: the plugin lets repeats be replayed without being asked, or itself narrows or takes
    away ``reply.replay`` where this query must be seen again. The chain takes the leave away for all others.
    ``sees_notify`` puts the plugin into the chain of its block for NOTIFY (RFC 1996), which no other message enters and
    which exists where a plugin ``answers_notify``: all others may take every message for a query. ``other_classes``
    lets queries of other classes than IN into the server block; without it they are refused.
    """

    transparent: ClassVar[bool] = False
    sees_notify: ClassVar[bool] = False
    answers_notify: ClassVar[bool] = False
    other_classes: ClassVar[bool] = False

    @abstractmethod
    async def resolve(self, query: Query, next: Handler) -> Reply:
        """Answer the query, or pass it on with ``await next(query)`` and perhaps change what comes back.

        Is driven outside of an asyncio task: what needs one (``asyncio.timeout``) is awaited as a task of its own.
        """
