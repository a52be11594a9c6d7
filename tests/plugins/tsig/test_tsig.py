"""Signed queries and what they are answered with, with dnspython as the client."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import dns.message
import dns.name
import dns.query
import dns.tsig
import pytest

from resolver.wire.constants import BADTRUNC
from resolver.wire.framing import frame
from resolver.wire.message import scan
from resolver.wire.names import from_text
from resolver.wire.tsig import Key, Signer, append, read_signature
from tests.runtime.serving import free_port
from tests.support.zones import HOST, KEY, KEY_NAME, SECRET, answer, serving

OURS = Key(from_text(KEY_NAME), KEY.secret)
NAME = "www.example.org"


@pytest.fixture
def port() -> int:
    return free_port()


def corefile(port: int, inner: str = "", *more: str) -> str:
    lines = "\n ".join(more or ("hosts {\n 192.0.2.1 www.example.org\n }",))
    return f".:{port} {{\n bind {HOST}\n errors\n tsig {{\n secret {KEY_NAME} {SECRET}\n {inner}\n }}\n {lines}\n}}\n"


def signed(query: Any) -> None:
    query.use_tsig(KEY)


def plain(message_id: int = 7, name: str = NAME) -> bytes:
    return message_id.to_bytes(2, "big") + b"\1\0\0\1\0\0\0\0\0\0" + from_text(name) + b"\0\1\0\1"


async def exchange(port: int, packet: bytes, *, over: str = "udp") -> bytes:
    """What comes back for these octets."""

    def ask() -> bytes:
        kind = socket.SOCK_DGRAM if over == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as sock:
            sock.settimeout(5)
            sock.connect((HOST, port))
            sock.sendall(packet if over == "udp" else frame(packet))
            octets = sock.recv(65535)
            return octets if over == "udp" else octets[2:]

    return await asyncio.to_thread(ask)


def error_of(octets: bytes) -> tuple[int, int, int]:
    """The code, the error of the signature, and the length of its MAC."""
    message = scan(octets)
    signature = read_signature(message)
    assert signature is not None
    return message.rcode, signature.error, len(signature.mac)


@pytest.mark.parametrize("over", ["udp", "tcp"])
async def test_a_signed_query_has_a_signed_answer(port: int, over: str) -> None:
    async with serving(corefile(port, "require all")):
        reply = await answer(port, NAME, over=over, change=signed)
        assert reply.had_tsig
        assert reply.answer[0][0].to_text() == "192.0.2.1"


@pytest.mark.parametrize("algorithm", ["sha1", "sha224", "sha256", "sha384", "sha512"])
async def test_every_algorithm_works(port: int, algorithm: str) -> None:
    key = dns.tsig.Key(KEY_NAME, SECRET, f"hmac-{algorithm}")
    async with serving(corefile(port)):
        assert (await answer(port, NAME, change=lambda query: query.use_tsig(key))).had_tsig


async def test_edns_stands_in_front_of_the_signature(port: int) -> None:
    def both(query: Any) -> None:
        query.use_edns(0, payload=1232)
        signed(query)

    async with serving(corefile(port)):
        reply = await answer(port, NAME, change=both)
        assert reply.had_tsig
        assert reply.edns == 0


async def test_what_must_be_signed_and_is_not_is_refused(port: int) -> None:
    async with serving(corefile(port, "require TXT")):
        assert (await answer(port, NAME, "TXT")).rcode() == 5
        assert (await answer(port, NAME)).rcode() == 0
        assert (await answer(port, NAME, "TXT", change=signed)).had_tsig


async def test_opcodes_can_be_required_too(port: int) -> None:
    async with serving(corefile(port, "require_opcode QUERY")):
        assert (await answer(port, NAME)).rcode() == 5
    async with serving(corefile(port, "require_opcode NOTIFY UPDATE")):
        assert (await answer(port, NAME)).rcode() == 0


async def test_other_zones_are_left_alone(port: int) -> None:
    text = corefile(port, "require all").replace("tsig {", "tsig example.net {")
    async with serving(text):
        assert (await answer(port, NAME)).rcode() == 0


@pytest.mark.parametrize(
    ("key", "away", "expected"),
    [
        (Key(from_text("other.example.org"), b"x"), 0, (9, 17, 0)),
        (Key(OURS.name, OURS.secret + b"x"), 0, (9, 16, 0)),
        (OURS, -900, (9, 18, 32)),
        (OURS, 0, (0, 0, 32)),
    ],
)
@pytest.mark.parametrize("over", ["udp", "tcp"])
async def test_the_answer_to_a_bad_signature_says_what_is_wrong(
    port: int, over: str, key: Key, away: int, expected: tuple[int, int, int]
) -> None:
    async with serving(corefile(port)):
        octets = await exchange(port, Signer(key).sign(plain(), int(time.time()) + away), over=over)
    assert error_of(octets) == expected


async def test_a_client_whose_clock_is_wrong_is_told_the_time(port: int) -> None:
    signer = Signer(OURS)
    then = int(time.time()) - 900
    packet = signer.sign(plain(), then)
    async with serving(corefile(port)):
        octets = await exchange(port, packet)
    signature = read_signature(scan(octets))
    assert signature is not None
    assert signature.time == then
    assert abs(int.from_bytes(signature.other, "big") - time.time()) < 5
    expected = Signer(OURS, None, signer.mac).sign(
        octets[:10] + b"\0\0" + octets[12 : signature.start], then, error=18, other=signature.other
    )
    assert octets == expected


def shortened(length: int) -> bytes:
    octets = Signer(OURS).sign(plain(), int(time.time()))
    signature = read_signature(scan(octets))
    assert signature is not None
    return append(plain(), signature._replace(mac=signature.mac[:length]))


async def test_shortened_signatures_are_not_enough(port: int) -> None:
    async with serving(corefile(port)):
        assert error_of(await exchange(port, shortened(16)))[:2] == (9, BADTRUNC)
        malformed = scan(await exchange(port, shortened(15)))
    assert (malformed.rcode, malformed.tsig) == (1, 0)


async def test_failures_are_signed_too(port: int) -> None:
    async with serving(corefile(port, "", "hosts {\n 192.0.2.1 other.example.org\n }")):
        reply = await answer(port, NAME, change=signed)
        assert reply.had_tsig
        assert reply.rcode() == 2


async def test_a_plugin_that_fails_has_its_failure_signed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stumble(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("resolver.plugins.hosts.handler.Hosts.resolve", stumble)
    text = corefile(port).replace(" errors\n", "")
    one = serving(text)
    server = await one.__aenter__()
    reply = await answer(port, NAME, change=signed)
    assert (reply.had_tsig, reply.rcode()) == (True, 2)
    await server.server.stop(drain=False)


async def test_a_signature_has_its_room_in_a_datagram(port: int) -> None:
    lines = "\n ".join(f"192.0.2.{number} www.example.org" for number in range(1, 29))
    async with serving(corefile(port, "", f"hosts {{\n {lines}\n }}")):
        whole = await exchange(port, plain())
        octets = await exchange(port, Signer(OURS).sign(plain(), int(time.time())))
    assert not scan(whole).flags & 0x0200
    assert len(whole) <= 512
    assert len(octets) <= 512
    assert scan(octets).flags & 0x0200
    assert error_of(octets)[1] == 0


# --- replay


async def test_what_was_signed_is_never_replayed(port: int) -> None:
    packet = Signer(OURS).sign(plain(), int(time.time()))
    async with serving(corefile(port, "", "cache 30\n hosts {\n 192.0.2.1 www.example.org\n }")) as server:
        answers = [await exchange(port, packet) for _ in range(5)]
        assert all(error_of(octets)[1] == 0 for octets in answers)
        assert server.replayable == 0
        for _ in range(3):
            await exchange(port, plain())
        assert server.replayable == 1


async def test_a_signed_packet_that_comes_again_is_verified_again(port: int) -> None:
    old = Signer(OURS).sign(plain(), int(time.time()) - 299)
    async with serving(corefile(port)) as server:
        assert error_of(await exchange(port, old))[1] == 0
        server.part("tsig")._wall = lambda: time.time() + 60
        assert error_of(await exchange(port, old))[1] == 18


async def test_nothing_signed_is_kept_where_nobody_verifies(port: int) -> None:
    text = f".:{port} {{\n bind {HOST}\n hosts {{\n 192.0.2.1 www.example.org\n }}\n}}\n"
    packet = Signer(OURS).sign(plain(), int(time.time()))
    async with serving(text) as server:
        for _ in range(4):
            assert not scan(await exchange(port, packet)).tsig
        assert server.replayable == 0


async def test_a_cached_answer_leaves_with_a_signature_of_its_own(port: int) -> None:
    async with serving(corefile(port, "", "cache 30\n whoami")):
        first = await answer(port, NAME, change=signed)
        second = await answer(port, NAME, change=signed)
    assert first.had_tsig
    assert second.had_tsig
    assert first.mac != second.mac


# --- questions within


async def test_a_question_within_is_trusted_with_the_same_key(port: int, tmp_path: Any) -> None:
    zone = tmp_path / "db"
    zone.write_text("$ORIGIN a.test.\n@ 60 SOA ns host 1 1 1 1 1\n@ 60 NS ns\nwww 60 CNAME www.b.test.\n")
    inner = f"tsig {{\n secret {KEY_NAME} {SECRET}\n require all\n }}"
    other = inner.replace(SECRET, SECRET.swapcase())
    first = f"a.test:{port} {{\n bind {HOST}\n {inner}\n file {zone} a.test\n}}\n"
    second = "b.test:{port} {{\n bind {host}\n {tsig}\n hosts {{\n 192.0.2.1 www.b.test\n }}\n}}\n"
    async with serving(first + second.format(port=port, host=HOST, tsig=inner)):
        assert len((await answer(port, "www.a.test", change=signed)).answer) == 2
    async with serving(first + second.format(port=port, host=HOST, tsig=other)):
        assert len((await answer(port, "www.a.test", change=signed)).answer) == 1
