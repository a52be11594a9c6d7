"""What was recorded by ``learn`` or ``audit``: which names were asked for by whom, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from resolver.chain.trail import LIMITS
from resolver.errors import ResolverError
from resolver.policy.learned import BROKEN, Asker, asker, read_line
from resolver.policy.rules import ALLOW, AUDIT, AUDIT_ONLY, DENY
from resolver.wire.names import from_text

MAX_RECORDS: Final = 5_000_000
MISSING: Final = "NXDOMAIN"
DEFAULT: Final = "default"
_MAX_RULES: Final = 8
_MAX_ACCOUNTS: Final = 100
_HASH: Final = "h:"
_HASHED: Final = ("name", "namespace", "client", "rewrite")
_TYPE: Final = re.compile(r"[A-Z0-9-]{1,20}")
_ACCOUNT: Final = re.compile(r"[a-z0-9.-]{1,253}")


@dataclass(slots=True)
class Record:
    """How often a name was asked for, and of which types.

    Of the queries, ``denied`` ones got no answer, and the answer to ``missing`` ones was that there is no such name.
    ``rules`` denied it, or would have; the default is not among them. ``accounts`` are the service accounts that asked.
    """

    count: int = 0
    missing: int = 0
    denied: int = 0
    types: set[str] = field(default_factory=set)
    rules: list[str] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)

    def add(self, other: Record) -> None:
        """Take in another one."""
        self.count += other.count
        self.missing += other.missing
        self.denied += other.denied
        self.types |= other.types
        for rule in other.rules:
            if rule not in self.rules and len(self.rules) < _MAX_RULES:
                self.rules.append(rule)
        if len(self.accounts) < _MAX_ACCOUNTS:
            self.accounts |= other.accounts


@dataclass(slots=True)
class Recorded:
    """All names by who asked. ``broken`` counts lines that are neither, ``lost`` queries that were not written
    down, ``hashed`` lines of audit that do not say whose or what they are. ``lines`` are those that could be read.
    """

    askers: dict[Asker, dict[bytes, Record]] = field(default_factory=dict)
    broken: int = 0
    lost: int = 0
    hashed: int = 0
    records: int = 0
    lines: int = 0
    learnt: int = 0

    def read(self, pieces: Iterable[bytes]) -> None:
        """Take in lines of both kinds. Raises ResolverError where there are too many different names."""
        for piece in pieces:
            for line in piece.split(b"\n"):
                if line.strip():
                    try:
                        self._take(read_line(line))
                        self.lines += 1
                    except BROKEN:
                        self.broken += 1

    def _take(self, line: Mapping[str, Any]) -> None:
        lost = line.get("lost_queries", line.get("lost", 0))
        if type(lost) is int:
            self.lost += max(0, lost)
        if "name" not in line:
            if not any(key in line for key in ("learned", "lost_names", "lost", "limited")):
                raise ValueError("neither a name nor what was lost")
            return
        if any(str(line.get(key, "")).startswith(_HASH) for key in _HASHED):
            self.hashed += 1
            return
        is_learnt = "count" in line
        who = asker(line if is_learnt or "namespace" in line else {"net": line["client"]})
        record = _learnt(line) if is_learnt else _audited(line)
        if type(record.count) is not int or record.count < 0 or not all(map(_TYPE.fullmatch, record.types)):
            raise ValueError("no count or types")
        self.learnt += is_learnt
        names = {from_text(line["name"]).lower()}
        if line.get("rewrite"):
            names.add(from_text(line["rewrite"]).lower())
        for name in names:
            self._add(who, name, record)

    def _add(self, who: Asker, name: bytes, record: Record) -> None:
        names = self.askers.setdefault(who, {})
        found = names.get(name)
        if found is None:
            self.records += 1
            if self.records > MAX_RECORDS:
                raise ResolverError(f"there are more than {MAX_RECORDS} names; read fewer files at once")
            found = names[name] = Record()
        found.add(record)

    def __iter__(self) -> Iterator[tuple[Asker, dict[bytes, Record]]]:
        return iter(sorted(self.askers.items()))


def _learnt(line: Mapping[str, Any]) -> Record:
    decisions = line.get("decisions", {})
    rule = str(line.get("denied_by", ""))
    missing, denied = line.get("missing", 0), decisions.get(DENY, 0)
    if type(missing) is not int or type(denied) is not int:
        raise ValueError("no counts")
    return Record(line["count"], missing, denied, set(line["types"]), [shown(rule)] if rule else [])


def _audited(line: Mapping[str, Any]) -> Record:
    count, decision, rule = line.get("sampled", 1), line.get("decision", ALLOW), str(line.get("rule", ""))
    is_denied = decision == DENY
    missing = count * (line.get("rcode") == MISSING and not is_denied)
    found = Record(count, missing, count * is_denied, {line.get("type", "A")})
    if decision in (DENY, AUDIT_ONLY) and _is_about_names(rule):
        found.rules.append(shown(rule))
    account = line.get("service_account", "")
    if isinstance(account, str) and _ACCOUNT.fullmatch(account):
        found.accounts.add(account)
    return found


def _is_about_names(rule: str) -> bool:
    """Whether it is somebody's rule that denies a name: not the default, not a limit, not one that only looks."""
    return rule not in ("", DEFAULT, *LIMITS) and not rule.startswith(f"{AUDIT} ")


def shown(text: str) -> str:
    """A text that somebody else wrote, as it may stand in a comment."""
    return "".join(one if one.isprintable() else "?" for one in text[:200])
