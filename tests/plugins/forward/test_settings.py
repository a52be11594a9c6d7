"""What forward lines may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.forward.settings import Line
from resolver.upstream.address import Address, Limits
from resolver.upstream.targets import HostName, NameServerFile
from tests.plugins.chains import World
from tests.support.upstreams import CERTIFICATES


def lines(text: str, root: Path = Path()) -> tuple[Line, ...]:
    settings: tuple[Line, ...] = World().part(". {\n" + text + "\n}\n", root)._settings
    return settings


def line(options: str, to: str = "192.0.2.1", root: Path = Path()) -> Line:
    return lines(f"forward . {to} {{\n{options}\n}}", root)[0]


def mistakes(text: str, root: Path = Path()) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        lines(text, root)
    return [error.message for error in caught.value.errors]


def mistake(options: str, to: str = "192.0.2.1") -> str:
    (message,) = mistakes(f"forward . {to} {{\n{options}\n}}")
    return message


def test_the_defaults_are_those_of_the_page() -> None:
    (found,) = lines("forward . 192.0.2.1")
    assert found.zones == (b"\0",)
    assert found.targets == (Address("192.0.2.1", 53),)
    assert found.limits == Limits(read_timeout=2, expire=10, max_age=0, max_idle=0, source="")
    assert (found.checks.interval, found.checks.max_fails, found.checks.domain) == (0.5, 2, b"\0")
    assert (found.checks.recursion, found.checks.over_tcp) == (True, False)
    assert (found.policy, found.max_attempts, found.max_concurrent, found.longest) == ("random", None, 0, None)


def test_every_option_is_read() -> None:
    found = line(
        """except corp.test 10.0.0.0/8
           except lab.test
           force_tcp
           prefer_udp
           expire 20s
           max_age 1m
           max_idle_conns 3
           read_timeout 1500ms
           max_fails 4
           max_connect_attempts 0
           policy sequential
           health_check 1s no_rec domain Probe.test.
           max_concurrent 1000
           next NXDOMAIN refused
           next_on_nodata
           failover SERVFAIL
           failfast_all_unhealthy_upstreams
           source_address 192.0.2.7
           resolver 192.0.2.53 192.0.2.54:5353
           order longest"""
    )
    assert found.excepted == (b"\4corp\4test\0", b"\00210\7in-addr\4arpa\0", b"\3lab\4test\0")
    assert (found.force_tcp, found.prefer_udp, found.next_on_nodata, found.failfast) == (True,) * 4
    assert found.limits == Limits(read_timeout=1.5, expire=20, max_age=60, max_idle=3, source="192.0.2.7")
    assert (found.checks.max_fails, found.checks.interval, found.checks.recursion) == (4, 1.0, False)
    assert (found.checks.domain.lower(), found.checks.over_tcp) == (b"\5probe\4test\0", True)
    assert (found.max_attempts, found.policy, found.max_concurrent) == (0, "sequential", 1000)
    assert (found.next_rcodes, found.failover) == (frozenset({3, 5}), frozenset({2}))
    assert found.longest
    assert found.resolvers == (Address("192.0.2.53", 53), Address("192.0.2.54", 5353))


def test_upstreams_are_kept_in_order_and_once() -> None:
    (found,) = lines("forward . 192.0.2.2 192.0.2.1:54 192.0.2.2:53 192.0.2.3")
    assert [str(target) for target in found.targets] == ["192.0.2.2:53", "192.0.2.1:54", "192.0.2.3:53"]


def test_a_file_and_a_name_are_upstreams(tmp_path: Path) -> None:
    (tmp_path / "up.conf").write_text("nameserver 192.0.2.1\n")
    (found,) = lines("forward . up.conf dns.test", tmp_path)
    assert found.targets == (NameServerFile(tmp_path / "up.conf"), HostName("dns.test", 53))


def test_from_may_be_a_network() -> None:
    (found,) = lines("forward 10.0.0.0/9 192.0.2.1")
    assert len(found.zones) == 128


def test_fifteen_upstreams_are_the_most() -> None:
    many = " ".join(f"192.0.2.{number}" for number in range(1, 17))
    assert mistakes(f"forward . {many}") == ["forward takes at most 15 upstreams, not 16"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("faster please", "faster"),
        ("policy fastest", "fastest"),
        ("next SOMETIMES", "SOMETIMES"),
        ("next", "at least 1"),
        ("failover NOERROR", "NOERROR"),
        ("failover SERVFAIL noerror", "NOERROR"),
        ("failover", "at least 1"),
        ("except", "at least 1"),
        ("force_tcp yes", "no arguments"),
        ("prefer_udp yes", "no arguments"),
        ("next_on_nodata yes", "no arguments"),
        ("failfast_all_unhealthy_upstreams yes", "no arguments"),
        ("expire soon", "not a duration"),
        ("expire -1s", "not a duration"),
        ("read_timeout 0s", "out of range"),
        ("max_age 5s", r"max_age \(5s\) must not be less than expire \(10s\)"),
        ("max_fails -1", "out of range"),
        ("max_connect_attempts many", "not a whole number"),
        ("max_idle_conns -1", "out of range"),
        ("max_concurrent -1", "out of range"),
        ("health_check", "argument"),
        ("health_check 1s often", "often"),
        ("health_check 1s domain", "needs a name"),
        ("health_check 1s domain a..b", "empty label"),
        ("doh_method PUT", "PUT"),
        ("source_address eth0", "not an IP address"),
        ("source_address 2001:db8::1", "cannot reach"),
        ("resolver dns.test", "must be an IP address"),
        ("resolver tls://192.0.2.1", "must be an IP address"),
        ("resolver", "at least 1"),
        ("tls_servername 192.0.2.1", "not a host name"),
        ("tls a b c d", "at most 3"),
        ("tls none.pem", "cannot read"),
        ("order shortest", "shortest"),
        ("force_tcp\nforce_tcp", "already given"),
    ],
)
def test_a_mistake_is_named(options: str, words: str) -> None:
    with pytest.raises(ConfigErrors, match=words) as caught:
        line(options)
    assert len(caught.value.errors) == 1
    assert caught.value.errors[0].at is not None


@pytest.mark.parametrize("text", ["forward", "forward ."])
def test_an_upstream_must_be_named(text: str) -> None:
    assert "needs at least 2 arguments" in mistakes(text)[0]


@pytest.mark.parametrize("scheme", ["grpc", "unix", "ftp"])
def test_what_is_no_protocol_of_upstreams_is_refused(scheme: str) -> None:
    assert mistakes(f"forward . {scheme}://192.0.2.1") == [f"{scheme}:// is not a protocol of upstreams"]


@pytest.mark.parametrize("scheme", ["quic", "https3"])
def test_what_a_missing_library_would_speak_is_refused(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.upstream.protocols.find_spec", lambda name: None)
    with pytest.raises(ConfigErrors) as caught:
        lines(f"forward . {scheme}://192.0.2.1")
    (error,) = caught.value.errors
    assert error.message == f"{scheme}:// upstreams need aioquic"
    assert error.hint == "pip install 'k8s-resolver[quic]'"


def test_a_file_without_name_servers_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "up.conf").write_text("search corp.test\n")
    (message,) = mistakes("forward . up.conf", tmp_path)
    assert message.endswith("has no nameserver line")


def test_all_mistakes_of_all_lines_are_reported() -> None:
    found = mistakes("forward . 192.0.2.1:x https://192.0.2.1 {\npolicy odd\nexpire soon\n}\nforward corp.test")
    assert len(found) == 4


def test_two_orders_in_one_block_clash() -> None:
    first, second = "forward a.test 192.0.2.1 {\norder list\n}\n", "forward b.test 192.0.2.1 {\norder longest\n}\n"
    assert "cannot have both" in mistakes(first + second)[0]


# --- TLS


def test_the_name_of_an_upstream_and_tls_servername_clash() -> None:
    assert "clash" in mistake("tls_servername dns.test", "tls://192.0.2.1%other.test")


def test_tls_servername_is_for_all_tls_upstreams() -> None:
    found = line("mixed\ntls_servername dns.test", "tls://192.0.2.1 tls://192.0.2.2 192.0.2.3")
    assert [target.server_name for target in found.targets if isinstance(target, Address)] == ["dns.test"] * 2 + [""]


def test_a_host_name_over_tls_must_prove_its_own_name() -> None:
    (target,) = lines("forward . tls://dns.test.")[0].targets
    assert isinstance(target, HostName)
    assert target.server_name == "dns.test"


def test_the_files_of_tls_go_by_their_number() -> None:
    ca, certificate, key = (CERTIFICATES / name for name in ("ca.pem", "server.pem", "server.key"))
    to = "tls://192.0.2.1"
    tls = line("tls", to).tls.files
    assert (tls.certificate, tls.key, tls.authority) == (None, None, None)
    tls = line(f"tls {ca}", to).tls.files
    assert (tls.certificate, tls.key, tls.authority) == (None, None, ca)
    tls = line(f"tls {certificate} {key}", to).tls.files
    assert (tls.certificate, tls.key, tls.authority) == (certificate, key, None)
    tls = line(f"tls {certificate} {key} {ca}", to).tls.files
    assert (tls.certificate, tls.key, tls.authority) == (certificate, key, ca)


def test_files_of_tls_are_below_the_root() -> None:
    assert line("tls ca.pem", "tls://192.0.2.1", CERTIFICATES).tls.files.authority == CERTIFICATES / "ca.pem"


# --- lines that are alike


def test_lines_that_differ_in_their_zone_alone_share_what_they_say() -> None:
    first, second, third = lines("\n".join(f"forward {zone} 192.0.2.1 {{\nexpire 7s\n}}" for zone in ("a", "b", "a")))
    assert (first.zones, second.zones) == ((b"\1a\0",), (b"\1b\0",))
    assert first == third
    assert first.limits is second.limits is third.limits
    assert first.limits.expire == 7


def test_lines_that_differ_in_an_option_are_told_apart() -> None:
    first, second = lines("forward . 192.0.2.1 {\nexpire 7s\n}\nforward . 192.0.2.1 {\nexpire 8s\n}")
    assert (first.limits.expire, second.limits.expire) == (7, 8)


def test_a_mistake_in_the_zone_of_a_line_that_is_known_is_seen() -> None:
    assert lines("forward . 192.0.2.1")
    assert "empty label" in mistakes("forward a..b 192.0.2.1")[0]


def test_files_and_warnings_are_looked_at_each_time(tmp_path: Path) -> None:
    (tmp_path / "up.conf").write_text("nameserver 192.0.2.1\n")
    assert isinstance(lines("forward . up.conf", tmp_path)[0].targets[0], NameServerFile)
    (tmp_path / "up.conf").unlink()
    assert isinstance(lines("forward . up.conf", tmp_path)[0].targets[0], HostName)
    found = lines("forward . 192.0.2.1 {\ntls\n}\nforward . 192.0.2.1 {\ntls\n}")
    assert [each.warnings[0].partition(": ")[0] for each in found] == ["Corefile:2:9", "Corefile:5:9"]


# --- warnings


def test_a_domain_in_the_place_of_an_upstream_is_warned_of() -> None:
    (found,) = lines("forward . example.com 192.0.2.1")
    assert 'write "forward example.com 192.0.2.1"' in found.warnings[0]


def test_a_host_name_alone_is_not_warned_of() -> None:
    assert lines("forward . dns.example.com")[0].warnings == ()


def test_tls_without_tls_upstreams_is_warned_of() -> None:
    assert "no effect" in line("tls_servername dns.test").warnings[0]
