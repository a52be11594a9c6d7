"""Counting requests and responses by labels and sizes."""

from __future__ import annotations

import pytest

from resolver.telemetry import traffic
from resolver.telemetry.metrics import Registry
from resolver.telemetry.traffic import Seen, Traffic

SITE = ("dns://:53", "example.org.", "")
USUAL = Seen(SITE, "udp", False, 1, False, 0, "forward", 33, 60)


def cells(registry: Registry, name: str) -> dict[tuple[str, ...], float]:
    family = next(family for family in registry.families() if family.name == name)
    return {
        labels: sum(cell.counts) if family.kind == "histogram" else cell.value for labels, cell in family.cells.items()
    }


def test_one_request_counts_under_all_its_labels() -> None:
    registry = Registry()
    Traffic(registry).tally(USUAL).one(0.003)
    assert cells(registry, "coredns_dns_requests_total") == {(*SITE, "udp", "1", "A"): 1}
    assert cells(registry, "coredns_dns_responses_total") == {(*SITE, "NOERROR", "forward"): 1}
    assert cells(registry, "coredns_dns_request_duration_seconds") == {SITE: 1}
    assert cells(registry, "coredns_dns_request_size_bytes") == {(*SITE, "udp"): 1}
    assert cells(registry, "coredns_dns_response_size_bytes") == {(*SITE, "udp"): 1}
    assert cells(registry, "coredns_dns_do_requests_total") == {}


@pytest.mark.parametrize(
    ("change", "name", "labels"),
    [
        ({"ipv6": True}, "coredns_dns_requests_total", (*SITE, "udp", "2", "A")),
        ({"proto": "tcp"}, "coredns_dns_requests_total", (*SITE, "tcp", "1", "A")),
        ({"proto": "tls"}, "coredns_dns_requests_total", (*SITE, "tcp", "1", "A")),
        ({"proto": "quic"}, "coredns_dns_requests_total", (*SITE, "udp", "1", "A")),
        ({"qtype": 65}, "coredns_dns_requests_total", (*SITE, "udp", "1", "HTTPS")),
        ({"qtype": 255}, "coredns_dns_requests_total", (*SITE, "udp", "1", "ANY")),
        ({"qtype": 29}, "coredns_dns_requests_total", (*SITE, "udp", "1", "other")),
        ({"qtype": 65280}, "coredns_dns_requests_total", (*SITE, "udp", "1", "other")),
        ({"do": True}, "coredns_dns_do_requests_total", SITE),
        ({"rcode": 3}, "coredns_dns_responses_total", (*SITE, "NXDOMAIN", "forward")),
        ({"rcode": 16}, "coredns_dns_responses_total", (*SITE, "BADVERS", "forward")),
        ({"rcode": 3000}, "coredns_dns_responses_total", (*SITE, "3000", "forward")),
        ({"plugin": ""}, "coredns_dns_responses_total", (*SITE, "NOERROR", "")),
    ],
)
def test_each_property_has_its_label(change: dict[str, object], name: str, labels: tuple[str, ...]) -> None:
    registry = Registry()
    Traffic(registry).tally(USUAL._replace(**change)).one(0.003)  # type: ignore[arg-type]
    assert cells(registry, name) == {labels: 1}


def test_times_and_sizes_fall_into_their_buckets() -> None:
    registry = Registry()
    Traffic(registry).tally(USUAL._replace(request_size=100, response_size=512)).one(0.003)
    found = {family.name: next(iter(family.cells.values())) for family in registry.families() if family.cells}
    duration = found["coredns_dns_request_duration_seconds"]
    assert duration.counts.index(1) == duration.bounds.index(0.004)
    assert duration.total == 0.003
    request, response = found["coredns_dns_request_size_bytes"], found["coredns_dns_response_size_bytes"]
    assert (request.counts.index(1), request.total) == (request.bounds.index(100), 100)
    assert (response.counts.index(1), response.total) == (response.bounds.index(1023), 512)


def test_replays_count_like_requests_that_took_no_time() -> None:
    registry = Registry()
    tally = Traffic(registry).tally(USUAL)
    tally.one(0.003)
    tally.replays(1000)
    assert cells(registry, "coredns_dns_requests_total") == {(*SITE, "udp", "1", "A"): 1001}
    found = {family.name: next(iter(family.cells.values())) for family in registry.families() if family.cells}
    assert found["coredns_dns_request_duration_seconds"].counts[0] == 1000
    assert found["coredns_dns_request_duration_seconds"].total == 0.003
    assert found["coredns_dns_response_size_bytes"].total == 1001 * 60


def test_alike_requests_share_a_tally_and_so_their_replays() -> None:
    counting = Traffic(Registry())
    assert counting.tally(USUAL) is counting.tally(tuple(USUAL))  # type: ignore[arg-type]
    assert counting.tally(USUAL).replays == counting.tally(USUAL).replays
    assert counting.tally(USUAL) is not counting.tally(USUAL._replace(response_size=61))


def test_two_blocks_of_one_zone_count_into_the_same_cells() -> None:
    registry = Registry()
    for _ in range(2):
        Traffic(registry).tally(USUAL).one(0.1)
    assert cells(registry, "coredns_dns_requests_total") == {(*SITE, "udp", "1", "A"): 2}


def test_however_many_sizes_come_what_is_kept_is_bounded_and_all_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "STEP", 100)
    registry = Registry()
    counting = Traffic(registry)
    for size in range(20_000):
        counting.tally(USUAL._replace(request_size=20 + size % 500, response_size=size)).one(0.1)
    assert len(counting._kept) <= 300
    assert cells(registry, "coredns_dns_requests_total") == {(*SITE, "udp", "1", "A"): 20_000}
    assert cells(registry, "coredns_dns_response_size_bytes") == {(*SITE, "udp"): 20_000}


def test_unknown_types_cost_one_tally_together() -> None:
    counting = Traffic(Registry())
    for qtype in range(40_000, 40_100):
        counting.tally(USUAL._replace(qtype=qtype))
    assert len(counting._kept) == 1


def test_questions_that_the_server_asks_itself_count_as_udp() -> None:
    registry = Registry()
    Traffic(registry).tally(USUAL._replace(proto="internal")).one(0.1)
    assert cells(registry, "coredns_dns_requests_total") == {(*SITE, "udp", "1", "A"): 1}
