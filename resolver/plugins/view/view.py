"""Whether a server block takes a query."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from resolver.chain.capabilities import Collecting, offering
from resolver.chain.plugin import Part
from resolver.chain.query import Query
from resolver.chain.setup import Block, Host
from resolver.config.expression import Expression, ExpressionError, Kind


class View(Part):
    """Takes a query where all expressions are true; what is neither true nor false, or fails, is not."""

    name = "view"

    def __init__(self, view_name: str, expressions: Sequence[Expression], block: Block, host: Host) -> None:
        self.view_name = view_name
        self.personal = any(expression.personal for expression in expressions)
        self._expressions = expressions
        self._collects = any("metadata" in expression.calls for expression in expressions)
        self._block = block
        self._host = host

    async def start(self) -> None:
        log = self._host.log.named(self.name)
        for expression in self._expressions:
            if expression.kind not in (Kind.BOOL, Kind.ANY):
                kind = expression.kind.value
                log.warning(f"view {self.view_name} takes no query at all: {expression.source} is {kind}, not bool")

    def takes(self, query: Query) -> bool:
        """Whether the block takes the query."""
        if self._collects:
            query.metadata = None  # what another block found out about it is not this one's
            if self._collector is not None:
                self._collector.collect(query)
        try:
            for expression in self._expressions:
                if expression.run(query) is not True:
                    return False
        except ExpressionError:
            return False
        return True

    def describe(self, query: Query, labels: dict[str, str]) -> None:
        """The name of the view."""
        labels["view/name"] = self.view_name

    @cached_property
    def _collector(self) -> Collecting | None:
        """Known once the block is built."""
        return next(offering(self._block.parts, Collecting), None)
