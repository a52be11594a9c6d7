from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.sign import Sign
from resolver.wire.names import from_text
from tests.plugins.chains import World
from tests.support.keys import ZONE_ONLY, write_key


def built(lines: str, root: Path, zone: str = "example.org") -> Sign:
    part = World().part(f"{zone} {{\n{lines}\n}}\n", root)
    assert isinstance(part, Sign)
    return part


def refused(lines: str, root: Path, zone: str = "example.org") -> str:
    with pytest.raises(ConfigErrors) as caught:
        built(lines, root, zone)
    return str(caught.value)


def test_a_zone_of_the_block_is_signed_into_the_default_directory(tmp_path: Path) -> None:
    base = write_key(tmp_path, "example.org.")
    (zone,) = built(f"sign db {{\n key file {base.name}\n}}", tmp_path).zones
    assert (zone.origin, zone.source) == (from_text("example.org"), tmp_path / "db")
    assert str(zone.target) == "/var/lib/coredns/db.example.org.signed"
    assert [key.owner for key in zone.keys] == [from_text("example.org")]


def test_a_file_is_signed_for_several_zones_and_there_are_several_lines(tmp_path: Path) -> None:
    base = write_key(tmp_path, "example.org.")
    lines = f"sign db a.org B.org {{\n key file {base}.key\n directory out\n}}\n"
    lines += f"sign /db2 c.org {{\n key file {base}.private\n directory /out\n}}\n"
    zones = built(lines, tmp_path).zones
    assert [str(zone.target) for zone in zones] == [
        f"{tmp_path}/out/db.a.org.signed",
        f"{tmp_path}/out/db.b.org.signed",
        "/out/db.c.org.signed",
    ]
    assert [str(zone.source) for zone in zones] == [f"{tmp_path}/db", f"{tmp_path}/db", "/db2"]


def test_keys_in_a_directory_are_found_for_each_zone(tmp_path: Path) -> None:
    for number, zone in enumerate(["a.org.", "b.org.", "b.org."]):
        write_key(tmp_path, zone, number=number)
    zones = built(f"sign db a.org b.org {{\n key directory {tmp_path}\n directory .\n}}", tmp_path).zones
    assert [len(zone.keys) for zone in zones] == [1, 2]
    assert {key.owner for key in zones[1].keys} == {from_text("b.org")}


def test_a_directory_without_keys_of_the_zone_is_refused(tmp_path: Path) -> None:
    write_key(tmp_path, "a.org.")
    lines = f"sign db a.org b.org {{\n key directory {tmp_path}\n}}"
    assert f"there are no keys for b.org. in {tmp_path}" in refused(lines, tmp_path)


def test_a_zone_signing_key_is_refused(tmp_path: Path) -> None:
    base = write_key(tmp_path, "example.org.", flags=ZONE_ONLY)
    assert "is no key signing key" in refused(f"sign db {{\n key file {base}\n}}", tmp_path)


def test_a_signed_zone_never_replaces_its_source(tmp_path: Path) -> None:
    base = write_key(tmp_path, "example.org.")
    lines = f"sign db.example.org.signed {{\n key file {base}\n directory .\n}}"
    assert "would replace its source" in refused(lines, tmp_path)


@pytest.mark.parametrize("path", ["db\ufffd", '""'])
def test_a_path_that_no_file_has_is_refused(path: str, tmp_path: Path) -> None:
    assert "3:" not in refused(f"sign {path} {{\n}}", tmp_path)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("", "needs a key"),
        ("key file", "needs at least 2 arguments"),
        ("key vault K", "vault"),
        ("key file Knone", "Knone.key: No such file"),
        ("key directory none", "none: No such file"),
        ("directory", "needs 1 argument"),
        ("directory a b", "takes 1 argument"),
        ("nonsense", "no option nonsense"),
    ],
)
def test_mistakes_are_named(block: str, reason: str, tmp_path: Path) -> None:
    assert reason in refused(f"sign db {{\n{block}\n}}", tmp_path)


def test_a_file_is_needed(tmp_path: Path) -> None:
    assert "needs at least 1 argument" in refused("sign", tmp_path)
