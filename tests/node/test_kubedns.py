"""The kube-dns ConfigMap as it is mounted, good and bad."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.config.load import load_text
from resolver.errors import ResolverError
from resolver.node.kubedns import MAX_FILE, parse, read, stub_blocks

LOCAL = (ip_address("169.254.20.10"), ip_address("fd00::10"))


def stubs(**domains: object) -> dict[str, str]:
    return {"stubDomains": json.dumps({name.replace("_", "."): listed for name, listed in domains.items()})}


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:5353", "192.0.2.1:5353"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
        ("tls://192.0.2.1:853", "tls://192.0.2.1:853"),
    ],
)
def test_servers_come_with_or_without_a_port(written: str, asked: str) -> None:
    assert parse(stubs(acme_test=[written])).stub_domains == {"acme.test": (asked,)}
    assert parse({"upstreamNameservers": json.dumps([written])}).upstream == (asked,)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"stubDomains": "{"}, "stubDomains is not JSON"),
        ({"stubDomains": "[" * 100_000}, "stubDomains is not JSON: nested too deeply"),
        ({"stubDomains": "[]"}, r"stubDomains is not an object of lists of addresses: \[\]"),
        ({"upstreamNameservers": "{}"}, "upstreamNameservers is not a list"),
        ({"upstreamNameservers": '["192.0.2.1","192.0.2.2","192.0.2.3","192.0.2.4"]'}, "4 servers, at most 3"),
        ({"upstreamNameservers": "[1]"}, "1 is not an address"),
        (stubs(acme_test="192.0.2.1"), "stubDomains: acme.test: not a list of addresses"),
        (stubs(acme_test=[]), "stubDomains: acme.test: not a list of addresses"),
        (stubs(acme_test=["ns.example.org"]), "acme.test: ns.example.org is not an IP address"),
        (stubs(acme_test=["192.0.2.300"]), "192.0.2.300 is not an IP address"),
        (stubs(acme_test=["192.0.2.1:99999"]), "99999 is not a port"),
        (stubs(acme_test=["192.0.2.1:0"]), "0 is not a port"),
        (stubs(acme_test=["[2001:db8::1"]), r"\[2001:db8::1 is not an IP address"),
        (stubs(acme_test=["[2001:db8::1]x"]), r"\[2001:db8::1\]x is not an IP address"),
        (stubs(acme_test=["https://192.0.2.1"]), "only dns:// and tls:// servers"),
        (stubs(acme_test=["/etc/resolv.conf"]), "is not an IP address"),
        (stubs(**{"a b": ["192.0.2.1"]}), "a b is not a domain"),
        (stubs(**{"x" * 64: ["192.0.2.1"]}), "stubDomains: x+:"),
        (stubs(**{"a{import}": ["192.0.2.1"]}), "is not a domain"),
        (stubs(**{"": ["192.0.2.1"]}), "is not a domain"),
        (stubs(acme_test=["192.0.2.1"] * 16), "16 servers, at most 15"),
        (stubs(**{f"d{number}": ["192.0.2.1"] for number in range(1001)}), "1001 domains, at most 1000"),
    ],
)
def test_a_mistake_is_named(files: dict[str, str], reason: str) -> None:
    with pytest.raises(ResolverError, match=reason):
        parse(files)


def test_nothing_null_and_empty_are_no_servers() -> None:
    for files in ({}, {"stubDomains": "", "upstreamNameservers": "null"}, {"stubDomains": "{}"}):
        found = parse(files)
        assert (dict(found.stub_domains), found.upstream) == ({}, ())


def test_keys_that_mean_nothing_are_known() -> None:
    assert parse({"federations": "{}"}).unused == ("federations",)


def test_stub_domains_become_server_blocks_in_the_order_of_their_names() -> None:
    found = parse(stubs(zeta_test=["192.0.2.1", "192.0.2.2:53"], **{"Alpha.test.": ["2001:db8::1"]}))
    config = load_text(stub_blocks(found, LOCAL, 53), environ={})
    assert [block.keys[0].text for block in config.blocks] == ["alpha.test:53", "zeta.test:53"]
    words = {d.name.text: [word.text for word in d.args] for d in config.blocks[1].directives}
    assert words["bind"] == ["169.254.20.10", "fd00::10"]
    assert words["forward"] == [".", "192.0.2.1", "192.0.2.2:53"]


def test_a_mounted_config_map_is_read_in_one_version(tmp_path: Path) -> None:
    version = tmp_path / "..2026_01_01"
    version.mkdir()
    (version / "stubDomains").write_text("{}")
    (tmp_path / "..data").symlink_to(version.name)
    (tmp_path / "stubDomains").symlink_to("..data/stubDomains")
    assert read(str(tmp_path)) == {"stubDomains": "{}"}


def test_hidden_files_and_folders_are_no_keys(tmp_path: Path) -> None:
    (tmp_path / ".swp").write_text("x")
    (tmp_path / "folder").mkdir()
    assert read(str(tmp_path)) == {}


@pytest.mark.parametrize(("octets", "reason"), [(b"\xff", "not UTF-8"), (b" " * (MAX_FILE + 1), "larger than")])
def test_a_file_that_is_no_config_map_is_refused(tmp_path: Path, octets: bytes, reason: str) -> None:
    (tmp_path / "stubDomains").write_bytes(octets)
    with pytest.raises(ResolverError, match=reason):
        read(str(tmp_path))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResolverError, match="nowhere: No such file"):
        read(str(tmp_path / "nowhere"))


LEAVES = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_json_gives_a_message_or_blocks_that_can_be_read(value: object) -> None:
    for key in ("stubDomains", "upstreamNameservers"):
        try:
            found = parse({key: json.dumps(value)})
        except ResolverError:
            continue
        load_text(stub_blocks(found, LOCAL, 53), environ={})
