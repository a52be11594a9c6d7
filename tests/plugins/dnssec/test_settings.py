from __future__ import annotations

import sys
from pathlib import Path

import pytest

from resolver.dnssec.keys import ECDSAP256, ED25519
from resolver.errors import ConfigErrors
from resolver.plugins.dnssec import Dnssec
from resolver.wire.names import from_text
from tests.plugins.chains import World
from tests.support.keys import ENTRY_POINT, ZONE_ONLY, write_key


def built(block: str, root: Path, zone: str = "example.org", args: str = "") -> Dnssec:
    part = World().part(f"{zone} {{\n dnssec {args} {{\n{block}\n }}\n}}\n", root)
    assert isinstance(part, Dnssec)
    return part


def refused(block: str, root: Path, zone: str = "example.org", args: str = "") -> str:
    with pytest.raises(ConfigErrors) as caught:
        built(block, root, zone, args)
    return str(caught.value)


def test_keys_are_read_from_below_the_root(tmp_path: Path) -> None:
    base = write_key(tmp_path, "example.org.")
    settings = built(f"key file {base.name}", tmp_path).settings
    assert [key.algorithm for key in settings.keys] == [ECDSAP256]
    assert (settings.zones, settings.capacity, settings.is_split) == ((from_text("example.org"),), 10000, False)


def test_zones_keys_and_capacity_are_as_given(tmp_path: Path) -> None:
    one = write_key(tmp_path, "example.org.", ED25519, ENTRY_POINT)
    two = write_key(tmp_path, "example.org.", ECDSAP256, ZONE_ONLY)
    block = f"key file {one}.key\nkey file {two}.private\ncache_capacity 5"
    settings = built(block, Path(), ".", "Sub.example.org a.example.org").settings
    assert settings.zones == (from_text("sub.example.org"), from_text("a.example.org"))
    assert (settings.capacity, settings.is_split) == (5, True)
    assert [key.algorithm for key in settings.signing_keys(dnskey=True)] == [ED25519]
    assert [key.algorithm for key in settings.signing_keys(dnskey=False)] == [ECDSAP256]


def test_a_key_of_another_zone_is_refused(tmp_path: Path) -> None:
    base = write_key(tmp_path, "www.example.org.")
    assert "can not sign any of the zones" in refused(f"key file {base}", tmp_path)


def test_a_key_that_is_not_there_is_named_with_its_place(tmp_path: Path) -> None:
    assert "3:10: " in (message := refused("key file Knone", tmp_path))
    assert "Knone.key: No such file or directory" in message


def test_keys_of_a_cloud_are_refused_with_a_way_out(tmp_path: Path) -> None:
    assert "mount them as files" in refused("key aws_secretsmanager Kexample.org", tmp_path)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("", "needs a key"),
        ("key file", "needs at least 2 arguments"),
        ("key vault Kx", "vault"),
        ("cache_capacity 0", "0"),
        ("cache_capacity many", "many"),
        ("nonsense", "no option nonsense"),
    ],
)
def test_mistakes_are_named(block: str, reason: str, tmp_path: Path) -> None:
    assert reason in refused(block, tmp_path)


def test_the_same_key_twice_is_a_mistake(tmp_path: Path) -> None:
    base = write_key(tmp_path, "example.org.")
    assert "is given twice" in refused(f"key file {base} {base}.key", tmp_path)


def test_it_stands_once_in_a_block(tmp_path: Path) -> None:
    base = write_key(tmp_path, "example.org.")
    twice = f"dnssec {{\n key file {base}\n}}\n" * 2
    with pytest.raises(ConfigErrors, match="only once"):
        World().build(f"example.org {{\n{twice}}}\n", tmp_path)


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = write_key(tmp_path, "example.org.")
    monkeypatch.delitem(sys.modules, "resolver.dnssec.algorithms", raising=False)
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    assert "pip install 'k8s-resolver[dnssec]'" in refused(f"key file {base}", tmp_path)
