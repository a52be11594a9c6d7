"""resolv.conf and hosts, as the system reads them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolver.upstream.system import ResolvConf, candidates, hosts_addresses, read_resolv_conf


def test_what_resolv_conf_says(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("; old\nnameserver 10.0.0.1\nsearch a.test. b.test\noptions timeout:1 ndots:5 edns0\n")
    assert read_resolv_conf(file) == ResolvConf(("10.0.0.1",), ("a.test", "b.test"), 5)


def test_an_odd_number_of_dots_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("options ndots:many\noptions ndots:99\n")
    assert read_resolv_conf(file).dots == 15


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_file_can_be_read(tmp_path: Path, noise: bytes) -> None:
    file = tmp_path / "noise"
    file.write_bytes(b"nameserver " + noise + b"\noptions ndots:" + noise)
    assert isinstance(read_resolv_conf(file), ResolvConf)
    assert isinstance(hosts_addresses(file, "localhost"), list)


def test_a_name_with_few_dots_is_searched_for_first() -> None:
    conf = ResolvConf(search=("a.test", "b.test"), dots=2)
    assert candidates("dns.svc", conf) == ["dns.svc.a.test", "dns.svc.b.test", "dns.svc"]


def test_a_name_with_many_dots_is_tried_as_it_is_first() -> None:
    conf = ResolvConf(search=("a.test",), dots=2)
    assert candidates("dns.svc.corp", conf) == ["dns.svc.corp", "dns.svc.corp.a.test"]


def test_a_final_dot_means_that_nothing_is_searched_for() -> None:
    assert candidates("dns.", ResolvConf(search=("a.test",))) == ["dns."]


def test_names_from_a_hosts_file(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("192.0.2.1 dns.test DNS2.test # here\n2001:db8::1 dns.test\nnonsense dns.test\n")
    assert hosts_addresses(file, "dns.test.") == ["192.0.2.1", "2001:db8::1"]
    assert hosts_addresses(file, "dns2.test") == ["192.0.2.1"]
    assert hosts_addresses(file, "other.test") == []
    assert hosts_addresses(tmp_path / "none", "dns.test") == []
