"""Servers that listen on TLS and HTTPS, and such as ask their upstream over TLS, HTTPS and QUIC."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.names import ZONE, question
from benchmarks.peers import corefile, dnsdist, ours, unbound
from benchmarks.peers.base import Setup
from benchmarks.processes import free_ports, running, seconds_to_answer
from benchmarks.upstream import Upstream

HOST = "localhost"
SCHEMES = ("tls://", "https://", "quic://")
Command = Callable[[Setup], list[str]]


@dataclass(frozen=True, slots=True)
class Pair:
    """PEM files; the certificate is its own authority."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Secured:
    """A server that takes encrypted connections at ``port`` of 127.0.0.1, and plain UDP at the one of its Setup."""

    port: int
    command: Command


# --- listeners; ``mode`` is that of dnsperf: dot or doh


def _ours_listening(mode: str, pair: Pair, port: int) -> Secured:
    scheme = {"dot": "tls", "doh": "https"}[mode]

    def command(setup: Setup) -> list[str]:
        plain = corefile.corefile(setup)
        head, brace, rest = plain.partition(" {\n")
        keys = f"{head} {scheme}://.:{port}"
        return ours.command(setup, f"{keys}{brace}    tls {pair.certificate} {pair.key}\n{rest}")

    return Secured(port, command)


def _dnsdist_listening(mode: str, pair: Pair, port: int) -> Secured:
    listen = {
        "dot": f'addTLSLocal("127.0.0.1:{port}", "{pair.certificate}", "{pair.key}", {{provider="openssl"}})',
        "doh": f'addDOHLocal("127.0.0.1:{port}", "{pair.certificate}", "{pair.key}", "/dns-query")',
    }[mode]
    return Secured(port, lambda setup: dnsdist.command(setup, listen))


def _unbound_listening(mode: str, pair: Pair, port: int) -> Secured:
    return Secured(port, lambda setup: unbound.command(setup, _unbound_tls(mode, pair, port)))


def _unbound_tls(mode: str, pair: Pair, port: int) -> str:
    option = {"dot": "tls-port", "doh": "https-port"}[mode]
    return f"""    interface: 127.0.0.1@{port}
    {option}: {port}
    tls-service-key: "{pair.key}"
    tls-service-pem: "{pair.certificate}"
"""


WITHOUT_DOH = {dnsdist.PEER.name: "its 1.7.3 loses most of what dnsperf has under way on one connection"}
LISTENING: dict[str, Callable[[str, Pair, int], Secured]] = {
    ours.PEER.name: _ours_listening,
    dnsdist.PEER.name: _dnsdist_listening,
    unbound.PEER.name: _unbound_listening,
}


# --- upstreams


def _ours_asking(scheme: str, pair: Pair) -> Command:
    def command(setup: Setup) -> list[str]:
        options = f" {{\n        tls {pair.certificate}\n        tls_servername {HOST}\n    }}\n"
        plain = f"forward . 127.0.0.1:{setup.upstream}\n"
        encrypted = f"forward . {scheme}127.0.0.1:{setup.upstream}{options}"
        return ours.command(setup, corefile.corefile(setup).replace(plain, encrypted, 1))

    return command


def _dnsdist_asking(scheme: str, pair: Pair) -> Command:
    options = f', tls="openssl", subjectName="{HOST}", caStore="{pair.certificate}", validateCertificates=true'
    options += ', dohPath="/dns-query"' if scheme == "https://" else ""
    return lambda setup: dnsdist.command(setup, upstream_options=options)


def _unbound_asking(scheme: str, pair: Pair) -> Command:
    more = f'    tls-cert-bundle: "{pair.certificate}"\n    tls-upstream: yes\n'
    return lambda setup: unbound.command(setup, more, name=f"#{HOST}")


ASKING: dict[tuple[str, str], Callable[[str, Pair], Command]] = {
    **{(ours.PEER.name, scheme): _ours_asking for scheme in SCHEMES},
    (dnsdist.PEER.name, "tls://"): _dnsdist_asking,
    (dnsdist.PEER.name, "https://"): _dnsdist_asking,
    (unbound.PEER.name, "tls://"): _unbound_asking,
}


@contextmanager
def behind(directory: Path, scheme: str, pair: Pair, cores: set[int]) -> Iterator[Upstream]:
    """An encrypted upstream that answers as the plain one does: unbound, or ours for QUIC. Raises StartError."""
    plain, port = free_ports(2)
    where = directory / f"behind-{port}"
    where.mkdir()
    is_unbound = scheme != "quic://" and shutil.which(unbound.PEER.program) is not None
    answering = _unbound_behind if is_unbound else _ours_behind
    environment = None if is_unbound else ours.PEER.environment
    name = "unbound" if is_unbound else "ours"
    with running(f"behind-{name}", answering(where, scheme, pair, plain, port), cores, where, environment) as server:
        seconds_to_answer(server, plain, question(f"first.{ZONE}"))
        yield Upstream(f"{name} over {scheme}", port, server)


def _unbound_behind(where: Path, scheme: str, pair: Pair, plain: int, port: int) -> list[str]:
    mode = {"tls://": "dot", "https://": "doh"}[scheme]
    path = where / "unbound.conf"
    path.write_text(f"""server:
    interface: 127.0.0.1@{plain}
{_unbound_tls(mode, pair, port)}    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{where}"
    pidfile: "{where}/unbound.pid"
    use-syslog: no
    incoming-num-tcp: 1000
    local-zone: "{ZONE}." redirect
    local-data: "{ZONE}. 3600 IN A 192.0.2.1"
remote-control:
    control-enable: no
""")
    return ["unbound", "-d", "-c", str(path)]


def _ours_behind(where: Path, scheme: str, pair: Pair, plain: int, port: int) -> list[str]:
    path = where / "Corefile"
    path.write_text(f""".:{plain} {scheme}.:{port} {{
    bind 127.0.0.1
    errors
    tls {pair.certificate} {pair.key}
    template IN A . {{
        answer "{{{{ .Name }}}} 3600 IN A 192.0.2.1"
    }}
}}
""")
    return [ours.PEER.program, "-m", "resolver", "-conf", str(path)]
