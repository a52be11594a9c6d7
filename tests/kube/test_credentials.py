"""Who asks: tokens that rotate, plugins that print credentials, certificates."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resolver.errors import KubeError
from resolver.kube import credentials
from resolver.kube.access import Access, Exec
from resolver.kube.credentials import Credentials, tls_context
from resolver.kube.limits import Limiter
from tests.support.kubeapi.real import CERTS
from tests.support.kubeapi.server import FakeApi
from tests.support.kubeapi.watching import Watching, until

VERSION = "client.authentication.k8s.io/v1"
SERVER = "https://127.0.0.1:6443"
CERT, KEY = ((CERTS / name).read_text() for name in ("server.pem", "server.key"))


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def plugin(folder: Path, status: object, *, code: str = "", version: str = VERSION) -> Exec:
    """A plugin that prints this status and writes down what it was told."""
    script = folder / "plugin.py"
    answer = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
    script.write_text(
        "import os, pathlib, sys\n"
        f"with open({str(folder / 'told')!r}, 'a') as file: file.write(os.environ['KUBERNETES_EXEC_INFO'] + chr(10))\n"
        f"{code}\nprint({answer!r})\n"
    )
    return Exec(VERSION, sys.executable, ("-S", str(script)), (("PROFILE", "x"),), "install it", '{"server": "s"}')


def runs(folder: Path) -> list[object]:
    """What the plugin was told, each time it ran."""
    return [json.loads(line) for line in (folder / "told").read_text().splitlines()]


async def test_a_token_and_a_password_become_headers() -> None:
    assert await Credentials(Access(SERVER, token="abc"), Clock()).headers() == {"authorization": "Bearer abc"}
    basic = Credentials(Access(SERVER, username="u", password="p"), Clock())
    assert await basic.headers() == {"authorization": "Basic dTpw"}
    assert await Credentials(Access(SERVER), Clock()).headers() == {}
    assert not await basic.renew()


async def test_a_token_file_is_read_again_after_a_minute_and_when_it_is_refused(tmp_path: Path) -> None:
    file, clock = tmp_path / "token", Clock()
    file.write_text("one\n")
    who = Credentials(Access(SERVER, token_file=str(file)), clock)
    assert await who.headers() == {"authorization": "Bearer one"}
    file.write_text("two")
    assert await who.headers() == {"authorization": "Bearer one"}
    clock.now += credentials.TOKEN_AGE
    assert await who.headers() == {"authorization": "Bearer two"}
    assert not await who.renew()
    file.write_text("three")
    assert await who.renew()
    assert await who.headers() == {"authorization": "Bearer three"}


@pytest.mark.parametrize("text", ["", "\n", "a\nb: c", "\x00"])
async def test_what_is_no_token_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    with pytest.raises(KubeError, match="there is no token"):
        await Credentials(Access(SERVER, token_file=str(tmp_path / "token")), Clock()).headers()


async def test_a_plugin_is_asked_once_and_again_before_its_token_expires(tmp_path: Path) -> None:
    until_then = datetime.now(UTC) + timedelta(seconds=300)
    clock = Clock()
    command = plugin(tmp_path, {"token": "t", "expirationTimestamp": until_then.isoformat()})
    who = Credentials(Access(SERVER, command=command), clock)
    assert [*await asyncio.gather(who.headers(), who.headers())] == [{"authorization": "Bearer t"}] * 2
    assert runs(tmp_path) == [
        {"apiVersion": VERSION, "kind": "ExecCredential", "spec": {"interactive": False, "cluster": {"server": "s"}}}
    ]
    clock.now += 240
    await who.headers()
    assert len(runs(tmp_path)) == 1
    clock.now += 40
    await who.headers()
    assert len(runs(tmp_path)) == 2


async def test_a_plugin_may_give_a_certificate(tmp_path: Path) -> None:
    status = {"clientCertificateData": CERT, "clientKeyData": KEY}
    who = Credentials(Access(SERVER, command=plugin(tmp_path, status)), Clock())
    assert await who.headers() == {}
    assert who.identity == (CERT, KEY)
    tls_context(Access(SERVER), who.identity)


@pytest.mark.parametrize(
    ("status", "code", "version", "reason"),
    [
        ({}, "", VERSION, "neither a token nor a certificate"),
        ({"clientCertificateData": CERT}, "", VERSION, "neither a token nor a certificate"),
        ("text", "", VERSION, "another version"),
        ({"token": "t"}, "", "client.authentication.k8s.io/v1beta1", "another version"),
        ({"token": "t"}, "print('{')", VERSION, "printed no ExecCredential"),
        ({"token": "t"}, "print('login first', file=sys.stderr); sys.exit(3)", VERSION, "ended with 3: login first"),
        ({"token": "t", "expirationTimestamp": "soon"}, "", VERSION, "no time"),
    ],
)
async def test_what_a_plugin_does_wrong_is_said(
    tmp_path: Path, status: object, code: str, version: str, reason: str
) -> None:
    who = Credentials(Access(SERVER, command=plugin(tmp_path, status, code=code, version=version)), Clock())
    with pytest.raises(KubeError, match=reason):
        await who.headers()


async def test_a_plugin_that_is_not_there_or_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Exec(VERSION, str(tmp_path / "none"), hint="install it")
    with pytest.raises(KubeError, match=r"cannot run .*install it"):
        await Credentials(Access(SERVER, command=missing), Clock()).headers()
    monkeypatch.setattr(credentials, "PLUGIN_TIME", 0.2)
    slow = plugin(tmp_path, {"token": "t"}, code="import time; time.sleep(60)")
    with pytest.raises(KubeError, match="has not answered"):
        await Credentials(Access(SERVER, command=slow), Clock()).headers()


async def test_a_plugin_lets_a_watch_in_and_is_asked_again_after_a_refusal(api: FakeApi, tmp_path: Path) -> None:
    watching = Watching()
    api.tokens = {"first"}
    command = plugin(tmp_path, {"token": "first"})
    watch = watching.watch(Access(api.url, command=command))
    await until(lambda: watch.synced and api.open_watches() == 1)
    plugin(tmp_path, {"token": "second"})
    api.tokens = {"second"}
    api.cut()
    await until(lambda: len(api.watches()) == 3 and api.open_watches() == 1)
    assert len(runs(tmp_path)) == 2
    assert len(api.lists()) == 1
    await watching.end()


async def test_a_plugin_that_fails_is_the_watchs_problem(api: FakeApi, tmp_path: Path) -> None:
    watching = Watching()
    watch = watching.watch(Access(api.url, command=plugin(tmp_path, {})))
    await until(lambda: watch.problem)
    assert "neither a token" in watch.problem
    assert api.requests == []
    await watching.end()


def test_certificates_are_shown_and_checked() -> None:
    strict = tls_context(Access(SERVER, ca=(CERTS / "ca.pem").read_text(), cert=CERT, key=KEY), None)
    assert (strict.verify_mode, strict.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert "Parity Corpus CA" in str(strict.get_ca_certs())
    assert len(strict.get_ca_certs()) == 1
    blind = tls_context(Access(SERVER, insecure=True), None)
    assert (blind.verify_mode, blind.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize(
    "access",
    [
        Access(SERVER, ca="nonsense"),
        Access(SERVER, cert="nonsense", key=KEY),
        Access(SERVER, cert=CERT, key="nonsense"),
        Access(SERVER, ca_file="/nowhere"),
    ],
)
def test_certificates_that_cannot_be_used_are_said(access: Access) -> None:
    with pytest.raises(KubeError, match="TLS: "):
        tls_context(access, None)


async def test_a_client_certificate_is_shown_to_the_server() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(CERTS / "ca.pem"))
    context.load_cert_chain(CERTS / "server.pem", CERTS / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    api, watching = FakeApi(tls=context), Watching()
    await api.start()
    without = Access(api.url, ca_file=str(CERTS / "ca.pem"))
    with_one = replace(without, cert_file=str(CERTS / "server.pem"), key_file=str(CERTS / "server.key"))
    assert await watching.watch(with_one).wait_synced(10)
    refused = watching.watch(without)
    await until(lambda: refused.problem)
    assert not refused.synced
    await watching.end()
    await api.stop()


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    clock = Clock()
    limiter = Limiter(10.0, 3, clock)
    assert [round(limiter.reserve(), 3) for _ in range(5)] == [0.0, 0.0, 0.0, 0.1, 0.2]
    clock.now += 60
    assert [round(limiter.reserve(), 3) for _ in range(4)] == [0.0, 0.0, 0.0, 0.1]
