"""Each directive and option beside the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from docs.generate.page import Page
from docs.generate.reference import Directive


class Status(Enum):
    SAME = "as in CoreDNS"
    DIFFERS = "differs"
    OURS = "ours"
    NOT_BUILT = "not built"


@dataclass(frozen=True)
class Row:
    """``option`` is empty for the directive as a whole; ``reason`` says why something is not built."""

    directive: str
    option: str
    status: Status
    reason: str = ""


def rows(order: Sequence[str], known: Mapping[str, Directive], pages: Mapping[str, Page]) -> list[Row]:
    """All rows; directives that neither the reference nor we have are left out."""
    return [row for name in order for row in _directive(name, known.get(name), pages.get(name))]


def has(page: Page, known: Directive, entry: str) -> bool:
    """Whether an argument or option of the reference is on our page."""
    return page.takes(entry) if entry in known.options else page.names(entry)


def _directive(name: str, known: Directive | None, page: Page | None) -> Iterator[Row]:
    if page is None:
        if known:
            yield from _without_page(known)
        return
    if known is None:
        yield Row(name, "", Status.OURS)
        yield from (Row(name, option, Status.OURS) for option in page.options)
        return
    yield Row(name, "", Status.DIFFERS if page.has_differences else Status.SAME)
    yield from (_entry(known, page, entry) for entry in known.entries)
    theirs = {entry.split()[0] for entry in known.entries}
    yield from (Row(name, option, Status.OURS) for option in page.options if option not in theirs)


def _without_page(known: Directive) -> Iterator[Row]:
    status = Status.SAME if known.page else Status.NOT_BUILT
    yield Row(known.name, "", status, known.reason)
    yield from (Row(known.name, entry, status, known.reason) for entry in known.entries)


def _entry(known: Directive, page: Page, entry: str) -> Row:
    if entry in known.not_built or not has(page, known, entry):
        return Row(known.name, entry, Status.NOT_BUILT, known.not_built.get(entry, ""))
    return Row(known.name, entry, Status.DIFFERS if page.differs_in(entry) else Status.SAME)
