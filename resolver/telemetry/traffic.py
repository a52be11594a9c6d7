"""Requests and responses by server, zone, type and code: the metrics that every CoreDNS dashboard is made of.

Everything that depends on labels and sizes is looked up once and kept: counting costs one dictionary access and a few
additions, and the same kept object counts the replays of an answer.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, Final, NamedTuple

from resolver.telemetry.metrics import OTHER, SIZE_BUCKETS, HistogramCell, Registry
from resolver.wire import constants
from resolver.wire.constants import rcode_name

# Types with a label of their own, as the field has them.
_OWN_LABEL: Final = (
    constants.A, constants.AAAA, constants.ANY, constants.AXFR, constants.CNAME, constants.DNSKEY, constants.DS,
    constants.HTTPS, constants.IXFR, constants.MX, constants.NS, constants.NSEC, constants.NSEC3, constants.PTR,
    constants.RRSIG, constants.SOA, constants.SRV, constants.SVCB, constants.TXT,
)  # fmt: skip
TYPE_LABELS: Final = {number: constants.TYPES[number] for number in _OWN_LABEL}

# The zone of queries that never entered a chain; without its closing dot no zone can be called so.
DROPPED: Final = "dropped"

# The label ``proto`` names what lies below, as the field has it.
_PROTO: Final = {"tls": "tcp", "https": "tcp", "quic": "udp", "https3": "udp", "grpc": "tcp", "internal": "udp"}

# So many combinations of labels and sizes are kept with exact sizes, so many more with rounded ones, and again so many
# with sizes that count as the bound of their bucket; what is met then is counted and not kept.
STEP: Final = 20_000


class Seen(NamedTuple):
    """All that requests and responses are told apart by. Sizes are in octets; ``site`` is (server, zone, view)."""

    site: tuple[str, str, str]
    proto: str
    ipv6: bool
    qtype: int
    do: bool
    rcode: int
    plugin: str
    request_size: int
    response_size: int


class Tally:
    """Counts requests and responses that are alike in labels and sizes."""

    __slots__ = (
        "counters",
        "duration",
        "request",
        "request_at",
        "request_size",
        "response",
        "response_at",
        "response_size",
    )

    def __init__(
        self,
        counters: tuple[Any, ...],
        duration: HistogramCell,
        request: HistogramCell,
        response: HistogramCell,
        sizes: tuple[int, int],
    ) -> None:
        self.counters = counters
        self.duration = duration
        self.request = request
        self.response = response
        self.request_size, self.response_size = sizes
        self.request_at, self.response_at = (bisect_left(SIZE_BUCKETS, size) for size in sizes)

    def one(self, seconds: float) -> None:
        """One request that took so long to answer."""
        self._add(1)
        self.duration.observe(seconds)

    def replays(self, times: int) -> None:
        """So many replays of the answer; none takes longer than the first bucket."""
        self._add(times)
        self.duration.counts[0] += times

    def _add(self, times: int) -> None:
        for cell in self.counters:
            cell.value += times
        request, response = self.request, self.response
        request.counts[self.request_at] += times
        request.total += self.request_size * times
        response.counts[self.response_at] += times
        response.total += self.response_size * times


class Traffic:
    """The families, and what was looked up in them."""

    def __init__(self, registry: Registry) -> None:
        site = ("server", "zone", "view")
        self._requests = registry.counter(
            "coredns_dns_requests_total", "DNS requests.", (*site, "proto", "family", "type")
        )
        self._do = registry.counter("coredns_dns_do_requests_total", "DNS requests with the DO bit.", site)
        self._duration = registry.histogram(
            "coredns_dns_request_duration_seconds", "Time from a request to its response.", site
        )
        self._request_size = registry.histogram(
            "coredns_dns_request_size_bytes", "Sizes of requests.", (*site, "proto"), SIZE_BUCKETS
        )
        self._response_size = registry.histogram(
            "coredns_dns_response_size_bytes", "Sizes of responses.", (*site, "proto"), SIZE_BUCKETS
        )
        self._responses = registry.counter(
            "coredns_dns_responses_total", "DNS responses, by the plugin that answered.", (*site, "rcode", "plugin")
        )
        self._kept: dict[tuple[Any, ...], Tally] = {}

    def tally(self, seen: tuple[tuple[str, str, str], str, bool, int, bool, int, str, int, int]) -> Tally:
        """What counts requests and responses like this one; ``seen`` is a Seen or a plain tuple of its fields."""
        return self._kept.get(seen) or self._new(Seen(*seen))

    def _new(self, seen: Seen) -> Tally:
        alike = self._rounded(seen)
        found = self._kept.get(alike)
        if found is None:
            found = self._made(alike)
            if len(self._kept) < 3 * STEP:
                self._kept[alike] = found
        return found

    def _rounded(self, seen: Seen) -> Seen:
        step = len(self._kept) // STEP
        request, response = seen.request_size, seen.response_size
        if step == 1:
            request, response = request | 15, response | 15
        elif step > 1:
            request, response = _bucket(request), _bucket(response)
        qtype = seen.qtype if seen.qtype in TYPE_LABELS else 0
        return seen._replace(qtype=qtype, request_size=request, response_size=response)

    def _made(self, seen: Seen) -> Tally:
        site, proto = seen.site, _PROTO.get(seen.proto, seen.proto)
        request_type = TYPE_LABELS.get(seen.qtype, OTHER)
        counters = [
            self._requests.cell(*site, proto, "2" if seen.ipv6 else "1", request_type),
            self._responses.cell(*site, rcode_name(seen.rcode), seen.plugin),
        ]
        if seen.do:
            counters.append(self._do.cell(*site))
        return Tally(
            tuple(counters),
            self._duration.cell(*site),
            self._request_size.cell(*site, proto),
            self._response_size.cell(*site, proto),
            (seen.request_size, seen.response_size),
        )


def _bucket(size: int) -> int:
    """The upper bound of the size's bucket."""
    return next((bound for bound in SIZE_BUCKETS if size <= bound), constants.MAX_MESSAGE)
