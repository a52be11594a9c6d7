"""One verifier of signatures is in front of all transports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.tsig
import pytest

from resolver.wire.constants import RCODES
from resolver.wire.message import scan
from tests.security.transports import EVERY, everywhere
from tests.support.zones import KEY, KEY_NAME, SECRET

HOSTS = "hosts {\n 192.0.2.1 www.example.org\n }"
TSIG = f"tsig {{\n secret {KEY_NAME} {SECRET}\n require all\n }}"
OTHER = dns.tsig.Key(KEY_NAME, "bm90IHRoZSBzZWNyZXQgYXQgYWxsLCBzb3JyeQ==", "hmac-sha256")


def _query(key: Any = None) -> Any:
    query = dns.message.make_query("www.example.org.", "A", id=0)  # QUIC has no other ID
    if key is not None:
        query.use_tsig(key)
    return query


@EVERY
async def test_tsig_is_verified_on_every_transport(tmp_path: Path, transport: str) -> None:
    """CVE-2026-33190, CVE-2026-35579: over TLS, HTTPS, QUIC and gRPC anything that looked signed was let in."""
    async with everywhere(tmp_path, TSIG, HOSTS) as server:
        signed = _query(KEY)
        answer = await server.ask(transport, signed.to_wire())
        assert answer is not None
        reply = dns.message.from_wire(answer, keyring=KEY, request_mac=signed.request_mac or signed.mac)
        assert reply.had_tsig
        assert [record.to_text() for record in reply.answer[0]] == ["192.0.2.1"]

        forged = await server.ask(transport, _query(OTHER).to_wire())
        assert forged is not None
        assert RCODES[scan(forged).rcode] == "NOTAUTH"
        assert b"\xc0\0\2\1" not in forged

        bare = await server.ask(transport, _query().to_wire())
        assert bare is not None
        assert RCODES[scan(bare).rcode] == "REFUSED"


@EVERY
@pytest.mark.parametrize("at", [12, 30, -1, -40])
async def test_a_signed_query_that_was_changed_is_refused_on_every_transport(
    tmp_path: Path, transport: str, at: int
) -> None:
    async with everywhere(tmp_path, TSIG, HOSTS) as server:
        octets = bytearray(_query(KEY).to_wire())
        octets[at] ^= 1
        answer = await server.ask(transport, bytes(octets))
        assert answer is None or scan(answer).rcode
