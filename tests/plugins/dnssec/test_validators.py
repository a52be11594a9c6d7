"""Validators of other people believe what the server signs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import dns.flags
import dns.rcode
import pytest

from resolver.dnssec.keys import ECDSAP256, ED25519, RSASHA256, Key, read_key
from tests.runtime.serving import free_port, serving
from tests.support.keys import ENTRY_POINT, ZONE_ONLY, write_key
from tests.support.validators import delv, missing, unbound

ZONE = """\
$ORIGIN example.org.
@ 60 IN SOA ns hostmaster 7 7200 1800 1209600 30
@ 60 IN NS ns
ns 60 IN A 192.0.2.53
www 60 IN A 192.0.2.1
www 60 IN A 192.0.2.2
www 60 IN MX 10 Mail
*.wild 60 IN A 192.0.2.9
alias 60 IN CNAME www
dead 60 IN CNAME nothing
long 7200 IN TXT "a TTL that is longer than the original one"
a.deep 60 IN A 192.0.2.3
dn 60 IN DNAME wild
sub 60 IN NS ns.sub
ns.sub 60 IN A 127.0.0.1
"""
SUB = """\
$ORIGIN sub.example.org.
@ 60 IN SOA ns hostmaster 7 7200 1800 1209600 30
@ 60 IN NS ns
ns 60 IN A 127.0.0.1
www 60 IN A 192.0.2.7
"""
ANSWERED = [
    ("example.org", "SOA"), ("example.org", "NS"), ("example.org", "DNSKEY"), ("www.example.org", "A"),
    ("WWW.Example.org", "MX"), ("x.wild.example.org", "A"), ("*.wild.example.org", "A"), ("alias.example.org", "A"),
    ("long.example.org", "TXT"), ("a.deep.example.org", "A"), ("x.dn.example.org", "A"),
]  # fmt: skip
DENIED = [
    ("www.example.org", "AAAA"), ("www.example.org", "HTTPS"), ("example.org", "MX"), ("nope.example.org", "A"),
    ("a.b.nope.example.org", "A"), ("x.wild.example.org", "AAAA"), ("deep.example.org", "A"),
    ("dead.example.org", "A"), ("www.example.org", "DS"), ("sub.example.org", "DS"),
]  # fmt: skip
KINDS = {
    "common": [(ECDSAP256, ENTRY_POINT)],
    "split": [(ED25519, ENTRY_POINT), (ED25519, ZONE_ONLY)],
    "rsa": [(RSASHA256, ENTRY_POINT)],
}


@asynccontextmanager
async def signing(folder: Path, kind: str) -> AsyncIterator[tuple[int, Key]]:
    """The server with a zone that it signs while answering; its port and the key to trust."""
    bases = [write_key(folder, "example.org.", *key, number=n) for n, key in enumerate(KINDS[kind])]
    (folder / "db").write_text(ZONE)
    (folder / "db.sub").write_text(SUB)
    port = free_port()
    keys = " ".join(base.name for base in bases)
    text = f"""\
example.org:{port} {{
    bind 127.0.0.1
    errors
    dnssec {{
        key file {keys}
    }}
    file db
}}
sub.example.org:{port} {{
    bind 127.0.0.1
    file db.sub
}}
"""
    async with serving(folder, text, port=port):
        yield port, read_key(bases[0])


@pytest.mark.skipif(bool(missing("delv", "bind9-dnsutils")), reason=missing("delv", "bind9-dnsutils") or "installed")
@pytest.mark.parametrize("kind", KINDS)
async def test_delv_believes_answers_and_denials(kind: str, tmp_path: Path) -> None:
    async with signing(tmp_path, kind) as (port, key):
        for name, qtype in ANSWERED:
            said = await asyncio.to_thread(delv, tmp_path, port, "example.org.", key, name, qtype)
            assert "; fully validated" in said, said
            assert "resolution failed" not in said, said
        for name, qtype in DENIED:
            said = await asyncio.to_thread(delv, tmp_path, port, "example.org.", key, name, qtype)
            assert "fully validated" in said, said
            assert "ncache nxrrset" in said, said


@pytest.mark.skipif(bool(missing("delv", "bind9-dnsutils")), reason=missing("delv", "bind9-dnsutils") or "installed")
async def test_delv_does_not_believe_another_key(tmp_path: Path) -> None:
    async with signing(tmp_path, "common") as (port, _):
        other = read_key(write_key(tmp_path, "example.org.", ECDSAP256, number=99))
        said = await asyncio.to_thread(delv, tmp_path, port, "example.org.", other, "www.example.org", "A")
        assert "fully validated" not in said


@pytest.mark.skipif(bool(missing("unbound", "unbound")), reason=missing("unbound", "unbound") or "installed")
async def test_unbound_believes_answers_denials_and_the_unsigned_zone_below(tmp_path: Path) -> None:
    async with signing(tmp_path, "common") as (port, key):
        servers = {"example.org.": port, "sub.example.org.": port}
        async with unbound(tmp_path, free_port(), servers, "example.org.", key) as validator:
            for name, qtype in [*ANSWERED, *DENIED]:
                reply = await validator.ask(name, qtype)
                assert reply.rcode() == dns.rcode.NOERROR, (name, qtype, reply.to_text())
                assert reply.flags & dns.flags.AD, (name, qtype, reply.to_text())
            below = await validator.ask("www.sub.example.org", "A")
            assert below.rcode() == dns.rcode.NOERROR
            assert not below.flags & dns.flags.AD
            assert "192.0.2.7" in below.to_text()


@pytest.mark.skipif(bool(missing("unbound", "unbound")), reason=missing("unbound", "unbound") or "installed")
async def test_what_unbound_learns_from_a_denial_does_not_hide_what_is_there(tmp_path: Path) -> None:
    async with (
        signing(tmp_path, "common") as (port, key),
        unbound(tmp_path, free_port(), {"example.org.": port}, "example.org.", key) as validator,
    ):
        assert not (await validator.ask("www.example.org", "AAAA")).answer
        for qtype in ("A", "MX"):
            assert (await validator.ask("www.example.org", qtype)).answer
