"""What a line says of a query and its answer."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply, failure, from_records, silence
from resolver.errors import ResolverError
from resolver.wire.constants import AAAA, CNAME, IN, REFUSED, TXT, A
from resolver.wire.edns import extended_error, option
from resolver.wire.names import from_text
from resolver.wire.records import Record
from tests.plugins.audit.scribe import scribe
from tests.plugins.chains import answering, nobody, question


def address(name: str, octets: bytes) -> Record:
    return Record(from_text(name), A if len(octets) == 4 else AAAA, IN, 60, octets)


def alias(name: str, target: str) -> Record:
    return Record(from_text(name), CNAME, IN, 60, from_text(target))


async def test_a_line_says_who_asked_what_and_what_was_answered(tmp_path: Path) -> None:
    records = [alias("www.example.org.", "Web.example.net."), address("web.example.net.", bytes([192, 0, 2, 1]))]
    query = question("WWW.example.org.", client=("10.1.2.3", 40000), transport="tcp", site=Site("dns://:53", ".", "v"))
    async with scribe(tmp_path) as audit:
        await audit.ask(query, answering(lambda query: from_records(query, "x", records)))
        (line,) = await audit.written()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("time"))
    assert line == {
        "client": "10.1.2.3", "port": 40000, "transport": "tcp", "name": "www.example.org.", "type": "A",
        "server": "dns://:53", "zone": ".", "view": "v", "duration_ms": 0.0, "rcode": "NOERROR", "answers": 2,
        "addresses": ["192.0.2.1"], "aliases": ["web.example.net."], "size": line["size"],
    }  # fmt: skip


async def test_a_class_other_than_in_is_named(tmp_path: Path) -> None:
    async with scribe(tmp_path) as audit:
        await audit.ask(Query(from_text("version.bind."), TXT, 3), nobody)
        (line,) = await audit.written()
    assert line["class"] == "CH"


async def test_the_duration_is_from_the_arrival_of_the_query(tmp_path: Path) -> None:
    async with scribe(tmp_path) as audit:
        await audit.ask(question("a.example.", received=audit.world.host.clock() - 2.0), nobody)
        (line,) = await audit.written()
    assert 2000 <= line["duration_ms"] < 60_000


async def test_addresses_come_in_the_order_of_their_octets(tmp_path: Path) -> None:
    octets = [bytes([192, 0, 2, 9]), bytes([9, 9, 9, 9]), bytes(15) + b"\1"]
    records = [address("a.example.", one) for one in octets]
    async with scribe(tmp_path) as audit:
        await audit.ask(question("a.example."), answering(lambda query: from_records(query, "x", records)))
        (line,) = await audit.written()
    assert line["addresses"] == ["9.9.9.9", "192.0.2.9", "::1"]


async def test_what_was_cut_off_is_not_said_to_have_been_answered(tmp_path: Path) -> None:
    records = [address("a.example.", bytes([10, 0, 0, number])) for number in range(100)]
    async with scribe(tmp_path) as audit:
        query = question("a.example.", transport="udp")
        await audit.ask(query, answering(lambda query: from_records(query, "x", records)))
        (line,) = await audit.written()
    assert line["size"] <= 512
    assert line["answers"] == len(line["addresses"]) < 40


async def test_long_lists_end_somewhere(tmp_path: Path) -> None:
    records = [address("a.example.", bytes([10, 0, number >> 8, number & 255])) for number in range(1000)]
    records += [alias("a.example.", f"n{number}.example.") for number in range(100)]
    async with scribe(tmp_path) as audit:
        await audit.ask(question("a.example."), answering(lambda query: from_records(query, "x", records)))
        (line,) = await audit.written()
    assert (line["answers"], len(line["addresses"]), len(line["aliases"])) == (1100, 64, 16)


async def test_extended_errors_are_told_to_the_auditor_even_where_the_client_cannot_read_them(tmp_path: Path) -> None:
    async with scribe(tmp_path) as audit:
        await audit.ask(
            question("a.example."), answering(lambda query: failure(query, "x", REFUSED, ede=15, text="no: \u00e9\n"))
        )
        (line,) = await audit.written()
    assert (line["rcode"], line["ede"]) == ("REFUSED", [{"code": 15, "text": "no: \u00e9\n"}])


@pytest.mark.parametrize("options", [option(15, b""), option(15, b"\0"), b"\0", extended_error(1)[:-1]])
async def test_options_of_upstreams_that_are_broken_do_no_harm(tmp_path: Path, options: bytes) -> None:
    async with scribe(tmp_path) as audit:
        await audit.ask(question("a.example."), answering(lambda query: Reply(query.question, options=options)))
        (line,) = await audit.written()
    assert "ede" not in line


async def test_who_gets_no_answer_has_a_line_too(tmp_path: Path) -> None:
    async with scribe(tmp_path) as audit:
        await audit.ask(question("a.example."), answering(lambda query: silence(query, "x")))
        (line,) = await audit.written()
    assert line["dropped"] is True
    assert not line.keys() & {"rcode", "size", "answers"}


async def test_a_query_that_fails_has_a_line(tmp_path: Path) -> None:
    async def broken(query: Query) -> Reply:
        raise ResolverError("broken")

    async with scribe(tmp_path) as audit:
        with pytest.raises(ResolverError):
            await audit.ask(question("a.example."), broken)
        (line,) = await audit.written()
    assert line["rcode"] == "SERVFAIL"


async def test_an_answer_that_cannot_be_written_is_told_of_as_the_failure_that_it_becomes(tmp_path: Path) -> None:
    record = Record(from_text("a.example."), A, IN, 60, bytes(70_000))
    async with scribe(tmp_path) as audit:
        await audit.ask(question("a.example."), answering(lambda query: from_records(query, "x", [record])))
        (line,) = await audit.written()
    assert (line["rcode"], "answers" in line) == ("SERVFAIL", False)


async def test_a_query_that_is_given_up_has_a_line(tmp_path: Path) -> None:
    async def slow(query: Query) -> Reply:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async with scribe(tmp_path) as audit:
        task = asyncio.ensure_future(audit.ask(question("a.example."), slow))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        (line,) = await audit.written()
    assert line["dropped"] is True


async def test_what_the_server_asks_itself_has_no_line(tmp_path: Path) -> None:
    async with scribe(tmp_path) as audit:
        await audit.ask(question("a.example.").derive(depth=1), nobody)
        assert await audit.written() == []


@pytest.mark.parametrize(
    ("host", "shown"), [("::ffff:10.0.0.1", "10.0.0.1"), ("fe80::1%eth0", "fe80::1"), ("2001:db8::1", "2001:db8::1")]
)
async def test_addresses_of_clients_are_written_one_way(tmp_path: Path, host: str, shown: str) -> None:
    async with scribe(tmp_path) as audit:
        await audit.ask(question("a.example.", client=(host, 1)), nobody)
        (line,) = await audit.written()
    assert line["client"] == shown


async def test_parts_say_what_they_did(tmp_path: Path) -> None:
    others = "acl b.example {\n block\n }\n rewrite name old.example new.example\n cache 30\n"
    others += 'template IN A {\n answer "{{ .Name }} 60 IN A 192.0.2.1"\n }'
    async with scribe(tmp_path, others=others) as audit:
        for name in ("old.example.", "old.example.", "a.b.example."):
            await audit.ask(question(name))
        first, second, third = await audit.written()
    assert [first["rewrite"], first["cache"], second["cache"]] == ["new.example.", "miss", "hit"]
    assert [third["decision"], third["rule"], third["rcode"]] == ["deny", "acl block b.example.", "REFUSED"]
    assert "decision" not in first
    assert "cache" not in third


async def test_an_acl_that_lets_pass_says_so_too(tmp_path: Path) -> None:
    async with scribe(tmp_path, others="acl {\n allow net 10.0.0.0/8\n block\n }") as audit:
        await audit.ask(question("a.example.", client=("10.0.0.1", 1)))
        (line,) = await audit.written()
    assert [line["decision"], line["rule"]] == ["allow", "acl allow ."]


async def test_several_directives_each_write_what_they_want(tmp_path: Path) -> None:
    second = tmp_path / "denied.json"
    others = f"audit {{\n only decision deny\n file {second}\n }}\n acl b.example {{\n block\n }}"
    async with scribe(tmp_path, others=others) as audit:
        await audit.ask(question("a.example."))
        await audit.ask(question("b.example."))
        for part in audit.block.parts:
            await part.stop()
        names = [json.loads(line)["name"] for line in audit.path.read_text().splitlines()]
        denied = [json.loads(line)["name"] for line in second.read_text().splitlines()]
    assert (names, denied) == (["a.example.", "b.example."], ["b.example."])


async def test_what_is_omitted_is_not_there(tmp_path: Path) -> None:
    async with scribe(tmp_path, "omit client port transport name\n omit duration_ms server") as audit:
        await audit.ask(question("a.example."), nobody)
        (line,) = await audit.written()
    assert line.keys() == {"time", "type", "zone", "rcode", "size"}


LABEL = st.binary(min_size=1, max_size=63)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.lists(LABEL, min_size=1, max_size=3), text=st.text(max_size=60), qtype=st.integers(0, 65535))
def test_no_name_and_no_words_of_an_upstream_break_a_line(
    tmp_path: Path, labels: list[bytes], text: str, qtype: int
) -> None:
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(name) > 255:
        return
    path = tmp_path / "audit.json"
    path.unlink(missing_ok=True)
    records = [Record(name, CNAME, IN, 60, name)]
    options = option(15, b"\0\1" + text.encode("utf-8", "surrogatepass") + labels[0])

    async def ask() -> None:
        async with scribe(tmp_path) as audit:

            def answer(query: Query) -> Reply:
                reply = from_records(query, "x", records)
                reply.options = options
                return reply

            await audit.ask(Query(name, qtype), answering(answer))

    asyncio.run(ask())
    octets = path.read_bytes()
    assert octets.count(b"\n") == 1
    assert octets.endswith(b"\n")
    assert octets.isascii()
    line = json.loads(octets)
    assert line["name"].isprintable()
    assert from_text(line["name"]) == name.lower() == from_text(line["aliases"][0])
    assert octets.decode().isprintable() or octets[:-1].decode().isprintable()
