"""A zone that `sign` signs and `file` serves is one that validators of other people believe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import dns.flags
import dns.rcode
import pytest

from resolver.dnssec.keys import Key, read_key
from tests.runtime.serving import free_port, serving, until
from tests.support.keys import write_key
from tests.support.validators import delv, missing, unbound
from tests.zone.test_signing import CUTS, PLAIN

ANSWERED = [
    ("example.org", "SOA"), ("example.org", "DNSKEY"), ("example.org", "CDS"), ("www.example.org", "A"),
    ("www2.example.org", "AAAA"), ("alias.example.org", "A"), ("x.wild.example.org", "A"), ("safe.example.org", "DS"),
]  # fmt: skip
NO_DATA = [("www.example.org", "AAAA"), ("example.org", "A"), ("b.c.example.org", "A"), ("x.wild.example.org", "TXT")]
NO_NAME = [("nope.example.org", "A"), ("zzz.example.org", "A"), ("a.www.example.org", "A")]


@asynccontextmanager
async def signed(folder: Path) -> AsyncIterator[tuple[int, Key]]:
    """The server with a zone that it has signed; its port and the key to trust."""
    base = write_key(folder, "example.org.")
    (folder / "db").write_text(PLAIN + CUTS)
    port = free_port()
    text = f"""\
example.org:{port} {{
    root {folder}
    bind 127.0.0.1
    errors
    file db.example.org.signed {{
        reload 100ms
    }}
    sign db {{
        key file {base.name}
        directory .
    }}
}}
"""
    async with serving(folder, text, port=port) as server:
        await server.says("Successfully signed")
        await until(lambda: asyncio.to_thread(_is_served, folder, port, read_key(base)))
        yield port, read_key(base)


def _is_served(folder: Path, port: int, key: Key) -> bool:
    return "fully validated" in delv(folder, port, "example.org.", key, "example.org", "SOA")


@pytest.mark.skipif(bool(missing("delv", "bind9-dnsutils")), reason=missing("delv", "bind9-dnsutils") or "installed")
async def test_delv_believes_answers_and_denials(tmp_path: Path) -> None:
    async with signed(tmp_path) as (port, key):
        for questions, ending in [(ANSWERED, ""), (NO_DATA, "ncache nxrrset"), (NO_NAME, "ncache nxdomain")]:
            for name, qtype in questions:
                said = await asyncio.to_thread(delv, tmp_path, port, "example.org.", key, name, qtype)
                assert "fully validated" in said, said
                assert ending in said, said


@pytest.mark.skipif(
    bool(missing("unbound", "unbound") or missing("delv", "bind9-dnsutils")),
    reason=missing("unbound", "unbound") or missing("delv", "bind9-dnsutils") or "installed",
)
async def test_unbound_believes_answers_denials_and_what_is_said_of_zones_below(tmp_path: Path) -> None:
    async with (
        signed(tmp_path) as (port, key),
        unbound(tmp_path, free_port(), {"example.org.": port}, "example.org.", key) as validator,
    ):
        for name, qtype in [*ANSWERED, *NO_DATA, ("sub.example.org", "DS")]:
            reply = await validator.ask(name, qtype)
            assert reply.rcode() == dns.rcode.NOERROR, (name, qtype, reply.to_text())
            assert reply.flags & dns.flags.AD, (name, qtype, reply.to_text())
        for name, qtype in NO_NAME:
            reply = await validator.ask(name, qtype)
            assert reply.rcode() == dns.rcode.NXDOMAIN, reply.to_text()
            assert reply.flags & dns.flags.AD, reply.to_text()
