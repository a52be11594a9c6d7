"""Names to their addresses of now, asked at one server."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from resolver.errors import ResolverError

TIMEOUT = 5.0  # seconds for each question
MOST = 2000  # names
_AT_A_TIME = 16


@dataclass(frozen=True, slots=True)
class Found:
    """An address of a name: how long it was good for (seconds) when it was looked up (RFC 3339)."""

    name: str
    address: str
    ttl: int
    at: str

    def __str__(self) -> str:
        return f"{self.name}, looked up {self.at}, good for {self.ttl} s"


def resolve(names: Iterable[str], server: str, port: int) -> tuple[dict[str, list[Found]], list[str]]:
    """The addresses of each name in both families, and the names that have none and why. Raises ResolverError."""
    wanted = list(dict.fromkeys(names))
    if len(wanted) > MOST:
        raise ResolverError(f"{len(wanted)} names are more than the {MOST} that are looked up")
    found: dict[str, list[Found]] = {}
    missing: list[str] = []
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        for name, answer in zip(wanted, pool.map(lambda one: _addresses(one, server, port), wanted), strict=True):
            if isinstance(answer, str):
                missing.append(f"{name}: {answer}")
            else:
                found[name] = sorted(answer, key=lambda one: (":" in one.address, one.address))
    return found, missing


def _addresses(name: str, server: str, port: int) -> Sequence[Found] | str:
    import dns.exception
    import dns.message
    import dns.query
    import dns.rcode

    found: list[Found] = []
    for rtype in ("A", "AAAA"):
        query = dns.message.make_query(name, rtype, id=secrets.randbits(16))
        try:
            answer, _ = dns.query.udp_with_fallback(query, server, TIMEOUT, port)
        except (OSError, dns.exception.DNSException) as error:
            return f"no answer from {server} port {port}: {str(error) or type(error).__name__}"
        if answer.rcode() != 0:
            return f"{server} answers {dns.rcode.to_text(answer.rcode())}"
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        ttl = min((rrset.ttl for rrset in answer.answer), default=0)
        for rrset in answer.answer:
            found += [Found(name, item.address, ttl, now) for item in rrset if item.rdtype in (1, 28)]
    return found or "it has no addresses"
