"""What is answered in front of the chain has its line too, where its question belongs to a server block."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.replay.store import Stores
from resolver.runtime.dispatch import Dispatcher
from resolver.runtime.routing import Route, Router
from resolver.wire.constants import RCODES, A
from resolver.wire.edns import write_opt
from resolver.wire.message import scan
from resolver.wire.names import from_text
from tests.plugins.audit.scribe import Line, read, scribe
from tests.runtime.clients import HOST, question
from tests.runtime.serving import block, free_port, hosts, serving, until
from tests.security.transports import EVERY, everywhere

NAME = "www.example.org"
WHOLE = question(NAME, message_id=0)
AUDIT = "audit {\n file audit.json\n }"


def _with_opt(opt: bytes) -> bytes:
    return WHOLE[:11] + b"\1" + WHOLE[12:] + opt


BADVERS = _with_opt(write_opt(1232, version=1))
BROKEN_OPT = _with_opt(write_opt(1232, options=b"\0\3\0\x09"))
UPDATE = b"\0\0\x28\0\0\1\0\0\0\1\0\0" + from_text("example.org") + b"\0\6\0\1" + bytes(11)
TOO_MANY = WHOLE[:4] + b"\0\2" + WHOLE[6:] + WHOLE[12:]
CLASS = WHOLE[:-2] + b"\0\4"
WITHOUT_QUESTION = (WHOLE[:12], WHOLE[:4] + bytes(8), WHOLE[:20], bytes(5), b"\0\0\x80" + WHOLE[3:])


def _ask(port: int, packets: list[bytes]) -> list[bytes]:
    """What comes back for each of these; the last one is answered always."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect((HOST, port))
        found = []
        for packet in packets:
            sock.send(packet)
            found.append(sock.recv(4096))
        return found


async def _lines(folder: Path, number: int) -> list[Line]:
    await until(lambda: len(read(folder / "audit.json")) >= number)
    return read(folder / "audit.json")


@EVERY
async def test_what_is_no_query_for_us_has_a_line_on_every_transport(tmp_path: Path, transport: str) -> None:
    async with everywhere(tmp_path, f"root {tmp_path}", AUDIT, "whoami") as server:
        for packet in (BADVERS, BROKEN_OPT, UPDATE, WHOLE):
            assert await server.ask(transport, packet) is not None
        lines = await _lines(tmp_path, 4)
    assert [(line["name"], line["type"], line["rcode"], line.get("opcode")) for line in lines] == [
        ("www.example.org.", "A", "BADVERS", None),
        ("www.example.org.", "A", "FORMERR", None),
        ("example.org.", "SOA", "NOTIMP", "UPDATE"),
        ("www.example.org.", "A", "NOERROR", None),
    ]
    assert {(line["client"], line["transport"], line["zone"]) for line in lines} == {(HOST, transport, ".")}


async def test_a_line_says_what_was_sent(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, block(port, f"root {tmp_path}", AUDIT, hosts("192.0.2.1")), port=port):
        answers = await asyncio.to_thread(_ask, port, [BADVERS, UPDATE, TOO_MANY, CLASS])
        lines = await _lines(tmp_path, 4)
    assert [line["size"] for line in lines] == [len(answer) for answer in answers]
    assert [line["rcode"] for line in lines] == ["BADVERS", "NOTIMP", "FORMERR", "REFUSED"]
    assert (RCODES[scan(answers[0]).rcode], lines[3]["class"]) == ("BADVERS", "HS")


async def test_messages_without_a_question_have_a_metric_alone(tmp_path: Path) -> None:
    port, http = free_port(), free_port()
    text = block(port, f"root {tmp_path}", AUDIT, hosts("192.0.2.1"), http=http)
    async with serving(tmp_path, text, port=port, http=http) as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((HOST, port))
            for packet in WITHOUT_QUESTION:
                sock.send(packet)
        await asyncio.to_thread(_ask, port, [WHOLE])
        lines = await _lines(tmp_path, 1)
        assert [line["rcode"] for line in lines] == ["NOERROR"]
        assert await server.figure("coredns_dns_rejected_total") == len(WITHOUT_QUESTION)


async def test_the_line_is_in_the_file_of_the_block_that_the_question_is_for(tmp_path: Path) -> None:
    port = free_port()
    both = [
        block(port, f"audit {{\n file {tmp_path}/{name}.json\n only class error\n }}", "whoami", zone=zone)
        for name, zone in (("inner", "inner.example.org"), ("outer", "example.org"))
    ]
    packets = [BADVERS, _for("a.inner.example.org"), _for("nobody.test"), WHOLE]
    async with serving(tmp_path, "".join(both), port=port):
        await asyncio.to_thread(_ask, port, packets)
        await until(lambda: bool(read(tmp_path / "inner.json") and read(tmp_path / "outer.json")))
    assert [line["name"] for line in read(tmp_path / "inner.json")] == ["a.inner.example.org."]
    assert [line["name"] for line in read(tmp_path / "outer.json")] == ["www.example.org."]


async def test_queries_for_which_there_is_no_room_have_a_line(tmp_path: Path) -> None:
    """And the block is found as ever: by zone, and by view."""
    async with scribe(tmp_path) as here:
        (site,) = here.block.sites
        router = Router()
        for takes, witnesses in ((lambda query: query.qtype != A, ()), (None, (here.part,))):
            router.add(Route(b"\0", site, here.block.resolve, takes=takes, witnesses=witnesses))
        full = Dispatcher(router, "dns://:53", here.world.host, Stores(1 << 20), in_flight=0)
        for qtype in ("A", "AAAA"):
            assert full.serve(question(NAME, qtype), ("192.0.2.1", 7), (HOST, 53), "udp", print, None)
        lines = await here.written()
    assert [(line["type"], line["rcode"], line["client"]) for line in lines] == [("A", "SERVFAIL", "192.0.2.1")]


async def test_what_cannot_be_written_down_is_answered_as_ever(tmp_path: Path) -> None:
    async with scribe(tmp_path) as here:
        router = Router()
        broken = _Broken()
        router.add(Route(b"\0", here.block.sites[0], here.block.resolve, witnesses=(broken,)))
        server = Dispatcher(router, "dns://:53", here.world.host, Stores(1 << 20))
        answer = server.serve(BADVERS, ("192.0.2.1", 7), (HOST, 53), "udp", print, None)
        assert answer is not None
        assert RCODES[scan(answer).rcode] == "BADVERS"
        assert here.world.metric("coredns_panics_total") == 1


class _Broken:
    def witness(self, query: Query, reply: Reply, octets: bytes) -> None:
        raise OSError("no ink")


def _for(name: str) -> bytes:
    packet = question(name)
    return packet[:11] + b"\1" + packet[12:] + write_opt(1232, version=1)


@pytest.mark.parametrize("option", ["only type AAAA", "except client 127.0.0.1", "except class error"])
async def test_filters_hold_for_these_lines_too(tmp_path: Path, option: str) -> None:
    port = free_port()
    audit = f"audit {{\n file audit.json\n {option}\n }}"
    more = f"audit {{\n file {tmp_path}/all.json\n }}"
    async with serving(tmp_path, block(port, f"root {tmp_path}", audit, more, "whoami"), port=port):
        await asyncio.to_thread(_ask, port, [BADVERS, UPDATE])
        await until(lambda: len(read(tmp_path / "all.json")) == 2)
    assert read(tmp_path / "audit.json") == []
