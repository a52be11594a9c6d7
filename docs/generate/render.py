"""The files of ``docs/directives`` as text."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from docs.generate.page import DIFFERENCES, PLUGINS, ROOT, Page, outside_of_code, pages
from docs.generate.parity import Row, Status, rows
from docs.generate.reference import Reference, reference
from resolver.plugins.order import ORDER

FOLDER = ROOT / "docs" / "directives"
COMMAND = "python -m docs.generate"
BUILT_IN = "import"

_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")
_DIRECTIVE = re.compile(r"(?<![\w*])\*([a-z0-9_]+)\*(?![\w*])")


def files(plugins: Path = PLUGINS, facts: Reference | None = None) -> dict[str, str]:
    """Name and text of every file that the folder should have."""
    found, facts = pages(plugins), facts or reference()
    texts = {f"{name}.md": _page(page, found, plugins) for name, page in found.items()}
    return {"README.md": _index(facts, found), **texts}


def _page(page: Page, known: Mapping[str, Page], plugins: Path) -> str:
    source = f"resolver/plugins/{page.name}/README.md"
    pieces = outside_of_code(page.text)
    text = "".join(_linked(page, piece, known, plugins) if prose else piece for prose, piece in pieces)
    head, foot = f"<!-- Made from {source} by `{COMMAND}`: change it there. -->", "[All directives](README.md)"
    return f"{head}\n\n{text.rstrip()}\n\n{foot}\n"


def _linked(page: Page, prose: str, known: Mapping[str, Page], plugins: Path) -> str:
    """Links as they have to be in the new place, and the names of other directives as links."""

    def moved(found: re.Match[str]) -> str:
        target = Path(os.path.normpath(plugins / page.name / found[1]))
        is_page = target.name == "README.md" and target.parent.name in known
        place = f"{target.parent.name}.md" if is_page else os.path.relpath(target, FOLDER)
        return f"]({place}{found[2] or ''})"

    def named(found: re.Match[str]) -> str:
        name = found[1]
        return f"[*{name}*]({name}.md)" if name in known and name != page.name else found[0]

    return _DIRECTIVE.sub(named, _LINK.sub(moved, prose))


def _index(facts: Reference, known: Mapping[str, Page]) -> str:
    order = (*ORDER, BUILT_IN)
    found = rows(order, facts.directives, known)
    parts = [
        f"<!-- Made by `{COMMAND}`: change the pages in resolver/plugins, or docs/generate/reference.toml. -->",
        "# Directives",
        "In the order of the chain: whatever the order in a file, a query passes them from top to bottom.",
        _table(
            ("directive", "what it does"), [_named(name, facts, known) for name in order if _exists(name, facts, known)]
        ),
        "## Parity with CoreDNS",
        f"What CoreDNS {facts.version} takes, and what this server makes of it. {_summary(found)} What is not built is "
        "refused with a message that says so. The line of a directive is about what it does beyond its options.",
        _table(("directive", "option", "status"), _parity(found, facts, known)),
    ]
    return "\n\n".join(parts) + "\n"


def _exists(name: str, facts: Reference, known: Mapping[str, Page]) -> bool:
    return name in known or name in facts.directives


def _named(name: str, facts: Reference, known: Mapping[str, Page]) -> tuple[str, str]:
    if name in known:
        return _link(name, facts, known), known[name].purpose
    fact = facts.directives[name]
    return _link(name, facts, known), fact.purpose if fact.page else f"{fact.purpose} (not built)".lstrip()


def _parity(found: Sequence[Row], facts: Reference, known: Mapping[str, Page]) -> list[tuple[str, str, str]]:
    """A line for each directive, and one for all its options of the same status; one in all where nothing is built."""
    lines: dict[tuple[str, str, str], list[str]] = {}
    for row in found:
        missing = row.directive not in known and row.status is Status.NOT_BUILT
        part = "the directive" if missing or not row.option else ""
        named = lines.setdefault((row.directive, part, _status(row)), [])
        named.extend([f"`{row.option}`"] if row.option else [])
    return [
        (_link(name, facts, known), ": ".join(filter(None, (part, ", ".join(options)))), status)
        for (name, part, status), options in lines.items()
    ]


def _link(name: str, facts: Reference, known: Mapping[str, Page]) -> str:
    if name in known:
        return f"[{name}]({name}.md)"
    page = facts.directives[name].page
    return f"[{name}]({page})" if page else name


def _status(row: Row) -> str:
    if row.status is Status.DIFFERS:
        anchor = DIFFERENCES.lower().replace(" ", "-")
        return f"[differs]({row.directive}.md#{anchor})"
    return f"{row.status.value}: {row.reason}" if row.reason else row.status.value


def _summary(found: Sequence[Row]) -> str:
    """How many options there are of each status, whole directives not counted."""
    counts = Counter(row.status for row in found if row.option)
    return "Of the options " + ", ".join(f"{counts[one]} {_COUNTED[one]}" for one in Status if counts[one]) + "."


_COUNTED = {
    Status.SAME: "are as in CoreDNS",
    Status.DIFFERS: "differ on purpose",
    Status.OURS: "are this server's own",
    Status.NOT_BUILT: "are not built",
}


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    cells = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in cells)
