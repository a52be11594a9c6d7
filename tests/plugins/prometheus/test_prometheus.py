"""prometheus: what passes is counted, and everything is shown."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from resolver.chain.capabilities import HttpRequest
from resolver.chain.finish import finish
from resolver.chain.plugin import Handler
from resolver.chain.query import Query, Site
from resolver.chain.reply import Replay, Reply, failure, from_records
from resolver.plugins.prometheus import Prometheus
from resolver.telemetry.metrics import Registry
from resolver.telemetry.snapshot import Snapshot, snapshot
from resolver.wire.constants import NXDOMAIN
from resolver.wire.edns import Edns
from resolver.wire.records import record
from tests.plugins.chains import World, answering, question

SITE = Site("dns://:53", "example.org.", "")
COREFILE = "example.org {\n prometheus\n whoami\n}"


class Counted:
    """A block with the directive, and what it counted."""

    def __init__(self, corefile: str = COREFILE) -> None:
        self.now = 100.0
        self.world = World(clock=lambda: self.now)
        self.block = self.world.build(corefile)
        self.part = next(part for part in self.block.parts if isinstance(part, Prometheus))

    async def ask(self, query: Query | None = None, handler: Handler | None = None) -> Reply:
        query = query or question("www.example.org", site=SITE, transport="udp")
        return await self.part.resolve(query, handler or answering(lambda query: failure(query, "whoami", 0)))

    def value(self, name: str, *labels: str) -> float:
        return self.world.metric(name, *labels)

    def sizes(self, name: str) -> Any:
        family = next(family for family in self.world.host.registry.families() if family.name == name)
        return next(iter(family.cells.values()))


async def test_requests_and_responses_are_counted_with_their_labels() -> None:
    counted = Counted()
    await counted.ask()
    await counted.ask(question("www.example.org", "MX", do=True, site=SITE, transport="tcp", client=("::1", 5)))
    assert counted.value("coredns_dns_requests_total", *SITE, "udp", "1", "A") == 1
    assert counted.value("coredns_dns_requests_total", *SITE, "tcp", "2", "MX") == 1
    assert counted.value("coredns_dns_do_requests_total", *SITE) == 1
    assert counted.value("coredns_dns_responses_total", *SITE, "NOERROR", "whoami") == 2


async def test_the_reply_passes_unchanged() -> None:
    replies = []

    def reply(query: Query) -> Reply:
        replies.append(failure(query, "forward", NXDOMAIN))
        return replies[0]

    assert await Counted().ask(handler=answering(reply)) is replies[0]


async def test_the_time_that_the_rest_of_the_chain_took_is_counted() -> None:
    counted = Counted()

    async def slow(query: Query) -> Reply:
        counted.now += 0.003
        return failure(query, "forward")

    await counted.ask(handler=slow)
    duration = counted.sizes("coredns_dns_request_duration_seconds")
    assert duration.total == pytest.approx(0.003)
    assert duration.counts.index(1) == duration.bounds.index(0.004)


@pytest.mark.parametrize("edns", [None, Edns(1232), Edns(1232, do=True, options=b"\0\3\0\0")])
@pytest.mark.parametrize("options", [b"", b"\0\x0f\0\2\0\3"])
@pytest.mark.parametrize("records", [0, 1, 3, 60])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_size_of_a_response_is_that_of_the_message(
    edns: Edns | None, options: bytes, records: int, transport: str
) -> None:
    counted = Counted()
    query = Query(b"\3www\7example\3org\0", 1, site=SITE, transport=transport, edns=edns, size=77)

    def reply(query: Query) -> Reply:
        found = from_records(query, "file", [record(query.qname, 1, 60, bytes([192, 0, 2, n])) for n in range(records)])
        found.options = options
        return found

    answer = await counted.ask(query, answering(reply))
    leaves = len(finish(query, answer))
    whole = leaves if not finish(query, answer)[2] & 2 else query.reply_limit  # truncated: what the client can take
    assert counted.sizes("coredns_dns_response_size_bytes").total == whole
    assert counted.sizes("coredns_dns_request_size_bytes").total == 77


async def test_an_unforeseen_error_counts_as_servfail_and_passes_on() -> None:
    counted = Counted()

    async def fail(query: Query) -> Reply:
        raise RuntimeError("a mistake")

    with pytest.raises(RuntimeError, match="a mistake"):
        await counted.ask(handler=fail)
    assert counted.value("coredns_dns_responses_total", *SITE, "SERVFAIL", "") == 1


# --- replays


def replayable(query: Query) -> Reply:
    reply = failure(query, "cache", 0)
    reply.replay = Replay(until=130.0, base=100.0, tags=("hosts",))
    return reply


async def test_replays_of_an_answer_are_counted_as_requests_and_responses() -> None:
    counted = Counted()
    reply = await counted.ask(handler=answering(replayable))
    assert reply.replay is not None
    assert (reply.replay.until, reply.replay.base, reply.replay.tags) == (130.0, 100.0, ("hosts",))
    for count in reply.replay.counts:
        count(9)
    assert counted.value("coredns_dns_requests_total", *SITE, "udp", "1", "A") == 10
    assert counted.value("coredns_dns_responses_total", *SITE, "NOERROR", "cache") == 10
    assert counted.sizes("coredns_dns_request_duration_seconds").counts[0] == 10


async def test_answers_that_count_alike_count_together() -> None:
    counted = Counted()
    one, other = [await counted.ask(handler=answering(replayable)) for _ in range(2)]
    longer = await counted.ask(question("www2.example.org", site=SITE, transport="udp"), answering(replayable))
    assert one.replay is not None
    assert other.replay is not None
    assert longer.replay is not None
    assert one.replay.counts == other.replay.counts
    assert hash(one.replay.counts) == hash(other.replay.counts)
    assert one.replay.counts != longer.replay.counts


async def test_a_reply_that_is_given_out_again_does_not_count_twice() -> None:
    counted = Counted()
    kept = replayable(question("www.example.org"))
    for _ in range(3):
        reply = await counted.ask(handler=answering(lambda query: kept))
        assert reply.replay is not None
        assert len(reply.replay.counts) == 1
    assert kept.replay is not None
    assert kept.replay.counts == ()


async def test_counts_of_others_stay() -> None:
    told: list[int] = []

    def reply(query: Query) -> Reply:
        found = replayable(query)
        assert found.replay is not None
        found.replay.counts = (told.append,)
        return found

    answer = await Counted().ask(handler=answering(reply))
    assert answer.replay is not None
    for count in answer.replay.counts:
        count(4)
    assert told == [4]


# --- what is shown


async def scraped(part: Prometheus) -> dict[str, list[tuple[dict[str, str], float]]]:
    answer = await part.endpoints()[0].answer(HttpRequest())
    assert (answer.status, answer.content_type.split(";")[0]) == (200, "text/plain")
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


async def test_a_scrape_shows_traffic_process_build_and_plugins() -> None:
    counted = Counted()
    await counted.part.start()
    await counted.ask()
    found = await scraped(counted.part)
    labels = {"server": "dns://:53", "zone": "example.org.", "view": ""}
    assert found["coredns_dns_requests_total"] == [(labels | {"proto": "udp", "family": "1", "type": "A"}, 1)]
    assert found["coredns_plugin_enabled"] == [
        (labels | {"name": "prometheus"}, 1),
        (labels | {"name": "whoami"}, 1),
    ]
    assert found["coredns_panics_total"] == [({}, 0)]
    assert found["process_resident_memory_bytes"][0][1] > 0
    assert set(found["coredns_build_info"][0][0]) == {"version", "revision", "goversion"}
    assert "python_allocated_blocks" not in found


async def test_plugins_of_a_former_configuration_are_not_shown() -> None:
    world = World()
    first = world.build("example.org {\n prometheus\n whoami\n}")
    second = world.build("example.org {\n prometheus\n hosts\n}")
    old, new = first.parts[0], second.parts[0]
    assert isinstance(new, Prometheus)
    await old.start()
    await new.start()
    await old.stop()
    found = await scraped(new)
    assert [labels["name"] for labels, _ in found["coredns_plugin_enabled"]] == ["prometheus", "hosts"]
    await new.stop()
    assert "coredns_plugin_enabled" not in await scraped(new)


async def test_a_thousand_blocks_have_one_hook_and_write_their_plugins_once() -> None:
    world = World()
    registry = world.host.registry
    hooks = len(registry._before)
    blocks = [world.build(f"z{n}.test {{\n prometheus {{\n runtime_metrics\n }}\n whoami\n}}") for n in range(1000)]
    parts = [part for block in blocks for part in block.parts if isinstance(part, Prometheus)]
    for part in parts:
        await part.start()
    before = len(registry._before)
    found = await scraped(parts[0])
    assert len(found["coredns_plugin_enabled"]) == 2000
    cells = next(family for family in registry.families() if family.name == "coredns_plugin_enabled").cells
    known = dict(cells)
    await scraped(parts[0])
    assert all(cells[labels] is cell for labels, cell in known.items())
    for part in parts:
        await part.stop()
    assert (before, len(registry._before)) == (hooks + 3, hooks + 1)  # those of the process itself stay


async def test_runtime_metrics_are_shown_on_demand() -> None:
    counted = Counted("example.org {\n prometheus {\n runtime_metrics\n }\n}")
    await counted.part.start()
    assert (await scraped(counted.part))["python_allocated_blocks"][0][1] > 0


async def test_counts_survive_a_reload() -> None:
    world = World()
    for _ in range(2):
        part = world.part(COREFILE)
        await part.start()
        await part.resolve(
            question("a.example.org", site=SITE, transport="udp"), answering(lambda query: failure(query, "x"))
        )
        await part.stop()
    assert world.metric("coredns_dns_requests_total", *SITE, "udp", "1", "A") == 2


async def test_with_several_processes_the_metrics_of_all_are_shown() -> None:
    counted = Counted()
    other = Registry()
    other.counter("elsewhere_total", "Counted in another process.").cell().value = 7

    async def everywhere() -> Snapshot:
        return snapshot(other)

    counted.world.host.scrape = everywhere
    assert await scraped(counted.part) == {"elsewhere_total": [({}, 7)]}


async def test_who_asks_for_openmetrics_gets_it() -> None:
    answer = await Counted().part.endpoints()[0].answer(HttpRequest("application/openmetrics-text; version=1.0.0"))
    assert answer.content_type.startswith("application/openmetrics-text")
    assert answer.body.endswith(b"# EOF\n")
