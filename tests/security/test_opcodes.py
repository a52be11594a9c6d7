"""Nothing but queries gets in, whichever way it comes."""

from __future__ import annotations

from pathlib import Path

from resolver.wire.constants import RCODES
from resolver.wire.message import scan
from resolver.wire.names import from_text
from tests.runtime.clients import addresses, question
from tests.security.transports import EVERY, everywhere
from tests.support.upstreams import Upstream, answers

ZONE = from_text("example.org") + b"\0\6\0\1"
RECORD = from_text("www.example.org") + b"\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
UPDATE = b"\0\7\x28\0\0\1\0\0\0\1\0\0" + ZONE + RECORD


@EVERY
async def test_update_is_refused_on_every_transport(tmp_path: Path, transport: str) -> None:
    """CVE-2026-86003: RFC 2136 updates were accepted by the newer transports and forwarded unchanged."""
    async with Upstream(answers("192.0.2.1")) as behind, everywhere(tmp_path, f"forward . {behind.to}") as server:
        answer = await server.ask(transport, UPDATE)
        assert answer is not None
        assert RCODES[scan(answer).rcode] == "NOTIMP"
        assert not behind.seen
        served = await server.ask(transport, question("www.example.org"))
        assert served is not None
        assert addresses(scan(served)) == ["192.0.2.1"]


@EVERY
async def test_other_opcodes_are_refused_on_every_transport(tmp_path: Path, transport: str) -> None:
    """NOTIFY is for secondaries only, STATUS, IQUERY and DSO for nobody."""
    async with Upstream(answers("192.0.2.1")) as behind, everywhere(tmp_path, f"forward . {behind.to}") as server:
        for opcode in (1, 2, 3, 4, 6):
            answer = await server.ask(transport, b"\0\7" + bytes((opcode << 3, 0)) + UPDATE[4:6] + bytes(6) + ZONE)
            assert answer is not None
            assert RCODES[scan(answer).rcode] == "NOTIMP"
        assert not behind.seen


@EVERY
async def test_answers_are_not_answered_on_any_transport(tmp_path: Path, transport: str) -> None:
    """Two servers that answer each other's answers never stop."""
    async with everywhere(tmp_path, "whoami") as server:
        packet = question("www.example.org")
        assert await server.ask(transport, packet[:2] + b"\x80\0" + packet[4:], patience=0.3) is None
        assert await server.ask(transport, packet) is not None
