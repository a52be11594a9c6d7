"""Exchanges over TLS: whom we trust, what we tell them, and resumed sessions."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from resolver.errors import UpstreamError
from resolver.upstream.address import Limits
from resolver.upstream.tls import ClientTls, TlsFiles, TlsSettings, client_context, read_files
from tests.plugins.chains import until
from tests.support.upstreams import CERTIFICATES, Upstream, answers
from tests.upstream.exchanges import addresses, over_stream, request

AUTHORITY = CERTIFICATES / "ca.pem"


def trusting() -> ClientTls:
    return ClientTls(TlsSettings(read_files(None, None, AUTHORITY)))


async def test_an_answer_comes_back_and_the_server_is_told_the_name() -> None:
    async with Upstream(answers("192.0.2.1"), tls=True) as upstream:
        exchanges = over_stream(upstream, tls=trusting(), server_name="dns.test")
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        assert (upstream.seen[0].transport, upstream.seen[0].sni) == ("tls", "dns.test")
        exchanges.close()


async def test_without_a_name_the_certificate_must_be_for_the_address() -> None:
    async with Upstream(answers("192.0.2.1"), tls=True) as upstream:
        exchanges = over_stream(upstream, tls=trusting())
        assert addresses(await exchanges.ask(request(), 2)) == ["192.0.2.1"]
        assert upstream.seen[0].sni is None
        exchanges.close()


async def test_an_unknown_authority_is_not_trusted() -> None:
    async with Upstream(answers("192.0.2.1"), tls=True) as upstream:
        exchanges = over_stream(upstream, tls=ClientTls(TlsSettings()), server_name="dns.test")
        outcome = await exchanges.ask(request(), 2)
        assert str(outcome).startswith(f"dial tcp {upstream.to}: tls: failed to verify certificate: ")
        assert upstream.seen == []
        exchanges.close()


async def test_a_certificate_for_another_name_is_not_trusted() -> None:
    async with Upstream(answers("192.0.2.1"), tls=True) as upstream:
        exchanges = over_stream(upstream, tls=trusting(), server_name="other.test")
        outcome = await exchanges.ask(request(), 2)
        assert "tls: failed to verify certificate: hostname mismatch" in str(outcome).lower()
        assert upstream.seen == []
        exchanges.close()


async def test_a_peer_that_speaks_no_tls_is_an_error() -> None:
    async with Upstream(answers("192.0.2.1"), udp=False) as upstream:
        exchanges = over_stream(upstream, tls=trusting(), server_name="dns.test")
        assert isinstance(await exchanges.ask(request(), 2), UpstreamError)
        exchanges.close()


async def test_a_second_connection_resumes_the_session() -> None:
    async with Upstream(answers("192.0.2.1"), tls=True) as upstream:
        limits = Limits(expire=0.0)
        exchanges = over_stream(upstream, tls=trusting(), server_name="dns.test", limits=limits)
        for _ in range(3):
            await exchanges.ask(request(), 2)
            await until(lambda: upstream.open_connections == 0)
        assert (upstream.connections, upstream.resumed) == (3, 2)
        exchanges.close()


async def test_many_queries_share_one_connection() -> None:
    async with Upstream(answers("192.0.2.1"), tls=True) as upstream:
        exchanges = over_stream(upstream, tls=trusting(), server_name="dns.test")
        outcomes = await asyncio.gather(*(exchanges.ask(request(), 2) for _ in range(30)))
        assert [addresses(outcome) for outcome in outcomes] == [["192.0.2.1"]] * 30
        assert upstream.connections == 1
        exchanges.close()


def test_nothing_older_than_tls_1_2_is_spoken() -> None:
    context = client_context(TlsFiles())
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_our_own_certificate_is_read() -> None:
    client_context(read_files(CERTIFICATES / "server.pem", CERTIFICATES / "server.key", AUTHORITY))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(UpstreamError, match=r"cannot read .*none\.pem: no such file"):
        read_files(None, None, tmp_path / "none.pem")


def test_files_that_are_something_else_are_named(tmp_path: Path) -> None:
    odd = tmp_path / "odd.pem"
    odd.write_text("odd")
    with pytest.raises(UpstreamError, match=r"odd\.pem holds no certificates"):
        client_context(read_files(None, None, odd))
    with pytest.raises(UpstreamError, match=r"odd\.pem .* are not a certificate and its key"):
        client_context(read_files(odd, CERTIFICATES / "server.key", None))


def test_renewed_files_are_not_equal_to_the_old_ones(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(AUTHORITY.read_bytes())
    before = read_files(None, None, file)
    assert read_files(None, None, file) == before
    file.write_bytes(AUTHORITY.read_bytes() + b"\n")
    assert read_files(None, None, file) != before
