"""Which queries are written down, how many of them, and how much of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.chain.plugin import Handler
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure, from_records, silence
from resolver.wire.constants import IN, NS, NXDOMAIN, SERVFAIL, A
from resolver.wire.names import from_text
from resolver.wire.records import Record
from tests.plugins.audit.scribe import Scribe, replay, scribe
from tests.plugins.chains import answering, question

ADDRESS = Record(from_text("a.example."), A, IN, 60, bytes(4))
REFERRAL = Record(from_text("example."), NS, IN, 60, from_text("ns.example."))


def found(query: Query) -> Reply:
    reply = from_records(query, "x", [ADDRESS])
    reply.replay = Replay(1e12)
    return reply


HANDLERS: dict[str, Handler] = {
    "found": answering(found),
    "referral": answering(lambda query: from_records(query, "x", [], [REFERRAL])),
    "nodata": answering(lambda query: from_records(query, "x")),
    "nxdomain": answering(lambda query: failure(query, "x", NXDOMAIN)),
    "servfail": answering(lambda query: failure(query, "x", SERVFAIL)),
    "dropped": answering(lambda query: silence(query, "x")),
}


def deciding(decision: str) -> Handler:
    async def decide(query: Query) -> Reply:
        assert query.trail is not None
        if decision:
            query.trail.decide(decision, "some-rule")
        return found(query)

    return decide


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ("only class success", {"found", "referral"}),
        ("only class denial", {"nodata", "nxdomain"}),
        ("only class error", {"servfail", "dropped"}),
        ("except class success denial", {"servfail", "dropped"}),
        ("only class success denial\n except class denial", {"found", "referral"}),
    ],
)
async def test_classes_of_answers_are_chosen(tmp_path: Path, options: str, written: set[str]) -> None:
    async with scribe(tmp_path, options) as audit:
        for name, handler in HANDLERS.items():
            await audit.ask(question(f"{name}."), handler)
        assert {line["name"].rstrip(".") for line in await audit.written()} == written


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ("only decision deny audit-only", ["deny", "audit-only"]),
        ("except decision none", ["allow", "deny", "audit-only"]),
        ("only decision none", [""]),
    ],
)
async def test_decisions_are_chosen(tmp_path: Path, options: str, written: list[str]) -> None:
    async with scribe(tmp_path, options) as audit:
        for decision in ("", "allow", "deny", "audit-only"):
            await audit.ask(question("a.example."), deciding(decision))
        assert [line.get("decision", "") for line in await audit.written()] == written


async def test_types_and_zones_are_chosen(tmp_path: Path) -> None:
    async with scribe(tmp_path, "only type A AAAA\n except type AAAA", zones="example.org example.net") as audit:
        for name, qtype in (("a.example.org.", "A"), ("example.net.", "AAAA"), ("example.net.", "A"), ("a.com.", "A")):
            await audit.ask(question(name, qtype), HANDLERS["found"])
        assert [line["name"] for line in await audit.written()] == ["a.example.org.", "example.net."]


async def test_clients_are_chosen_for_replays_too(tmp_path: Path) -> None:
    async with scribe(tmp_path, "only client 10.0.0.0/8 2001:db8::/32\n except client 10.9.0.0/16") as audit:
        reply = await audit.ask(question("a.example.", client=("192.0.2.1", 5)), HANDLERS["found"])
        for host in ("10.0.0.1", "10.9.0.1", "2001:db8::1", "::ffff:10.0.0.2", "192.0.2.1"):
            replay(reply, (host, 5))
        assert [line["client"] for line in await audit.written()] == ["10.0.0.1", "2001:db8::1", "10.0.0.2"]


async def test_replays_of_what_is_not_wanted_cost_nothing(tmp_path: Path) -> None:
    async with scribe(tmp_path, "only class error") as audit:
        reply = await audit.ask(question("a.example."), HANDLERS["found"])
    assert reply.replay is not None
    assert reply.replay.observers == ()


async def test_samples_say_how_many_lines_they_stand_for(tmp_path: Path) -> None:
    async with scribe(tmp_path, "sample 10") as audit:
        reply = await audit.ask(question("a.example."), HANDLERS["found"])
        for _ in range(9999):
            replay(reply)
        lines = await audit.written()
    assert {line["sampled"] for line in lines} == {10}
    assert 800 < len(lines) < 1200


@pytest.mark.parametrize("decision", ["deny", "audit-only"])
async def test_every_denial_is_kept(tmp_path: Path, decision: str) -> None:
    async with scribe(tmp_path, "sample 1000000") as audit:
        await audit.ask(question("first.example."), HANDLERS["found"])  # takes the turn
        reply = await audit.ask(question("a.example."), deciding(decision))
        for _ in range(20):
            replay(reply)
        lines = [line for line in await audit.written() if line["name"] == "a.example."]
    assert len(lines) == 21
    assert {line["decision"] for line in lines} == {decision}
    assert all("sampled" not in line for line in lines)


async def test_who_got_no_answer_is_kept(tmp_path: Path) -> None:
    async with scribe(tmp_path, "sample 1000000") as audit:
        for _ in range(20):
            await audit.ask(question("a.example."), HANDLERS["dropped"])
        lines = await audit.written()
    assert len(lines) == 20
    assert all("sampled" not in line for line in lines)


def with_key(folder: Path, secret: str, options: str = "hash client name addresses") -> Scribe:
    folder.mkdir()
    key = folder / "key"
    key.write_text(secret)
    return Scribe(folder, f"{options}\n key {key}")


async def hashes(audit: Scribe) -> dict[str, object]:
    await audit.part.start()
    await audit.ask(question("a.example.", client=("10.0.0.1", 1)), HANDLERS["found"])
    (line,) = await audit.written()
    return {field: line[field] for field in ("client", "name", "addresses")}


async def test_hashes_are_the_same_with_the_same_key_and_others_with_another(tmp_path: Path) -> None:
    one = await hashes(with_key(tmp_path / "1", "0123456789abcdef"))
    same = await hashes(with_key(tmp_path / "2", "0123456789abcdef\n"))
    other = await hashes(with_key(tmp_path / "3", "0123456789abcdeg"))
    assert one == same
    assert all(one[field] != other[field] for field in one)
    assert str(one["name"]).startswith("h:")
    assert "example" not in str(one)


async def test_without_a_key_each_server_has_its_own(tmp_path: Path) -> None:
    found_in = []
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        found_in.append(await hashes(Scribe(tmp_path / str(number), "hash client name addresses")))
    assert found_in[0]["name"] != found_in[1]["name"]


async def test_a_name_that_is_hashed_is_hashed_as_rewritten_too(tmp_path: Path) -> None:
    async with scribe(tmp_path, "hash name", "rewrite name old.example new.example") as audit:
        await audit.ask(question("old.example."))
        (line,) = await audit.written()
    assert line["rewrite"].startswith("h:")
    assert line["rewrite"] != line["name"]
