"""geoip tells of clients what a database says, and keeps up with its file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from resolver.chain.query import Query
from resolver.errors import ConfigErrors, ResolverError
from resolver.plugins.geoip.database import open_database
from resolver.plugins.geoip.places import GeoIp
from resolver.wire.edns import Edns, option
from tests.plugins.chains import World, question

pytest.importorskip("maxminddb", reason="the extra geoip is not installed")
mmdb_writer = pytest.importorskip("mmdb_writer", reason="mmdb_writer, which makes databases, is not installed")
netaddr = pytest.importorskip("netaddr", reason="netaddr, which mmdb_writer needs, is not installed")

CAMBRIDGE = {
    "city": {"names": {"en": "Cambridge", "de": "Cambridge"}},
    "continent": {"code": "EU", "names": {"en": "Europe"}},
    "country": {"iso_code": "GB", "names": {"en": "United Kingdom"}, "is_in_european_union": False},
    "location": {"latitude": 52.2242, "longitude": 0.1315, "time_zone": "Europe/London"},
    "postal": {"code": "CB4"},
    "subdivisions": [{"iso_code": "ENG"}, {"iso_code": "CAM"}],
}
LABELS = {
    "geoip/city/name": "Cambridge", "geoip/country/code": "GB", "geoip/country/name": "United Kingdom",
    "geoip/country/is_in_european_union": "false", "geoip/continent/code": "EU", "geoip/continent/name": "Europe",
    "geoip/latitude": "52.2242", "geoip/longitude": "0.1315", "geoip/timezone": "Europe/London",
    "geoip/postalcode": "CB4", "geoip/subdivisions/code": "ENG,CAM",
}  # fmt: skip


def database(path: Path, records: dict[str, Any], kind: str = "GeoLite2-City") -> Path:
    """A database with these records by network, put into place at once."""
    writer = mmdb_writer.MMDBWriter(ip_version=6, database_type=kind, ipv4_compatible=True, float_type="f64")
    for network, record in records.items():
        writer.insert_network(netaddr.IPSet([network]), record)
    fresh = path.with_suffix(".new")
    writer.to_db_file(str(fresh))
    return fresh.replace(path)


def part(path: Path, options: str = "", world: World | None = None, more: str = "metadata") -> GeoIp:
    block = (world or World()).build(f". {{\n geoip {path} {{\n{options}\n}}\n{more}\n}}\n")
    return next(one for one in block.parts if isinstance(one, GeoIp))


def described(geoip: GeoIp, *queries: Query) -> list[dict[str, str]]:
    async def run() -> list[dict[str, str]]:
        await geoip.start()
        found: list[dict[str, str]] = []
        for query in queries:
            labels: dict[str, str] = {}
            geoip.describe(query, labels)
            found.append(labels)
        await geoip.stop()
        return found

    return asyncio.run(run())


def asked(client: str, subnet: bytes | None = None) -> Query:
    edns = None if subnet is None else Edns(1232, False, 0, option(8, subnet))
    query = question("www.example.org", client=(client, 4000))
    return query.derive(edns=edns)


def test_a_city_is_known_by_all_of_its_labels(tmp_path: Path) -> None:
    path = database(tmp_path / "city.mmdb", {"81.2.69.0/24": CAMBRIDGE, "2001:db8::/32": CAMBRIDGE})
    four, again, six = described(part(path), asked("81.2.69.142"), asked("81.2.69.142"), asked("2001:db8::1"))
    assert four == again == six == LABELS


def test_a_network_is_known_by_number_and_owner(tmp_path: Path) -> None:
    record = {"autonomous_system_number": 64496, "autonomous_system_organization": "EXAMPLE-NET"}
    path = database(tmp_path / "asn.mmdb", {"81.2.69.0/24": record}, "GeoLite2-ASN")
    known, unknown = described(part(path), asked("81.2.69.1"), asked("10.0.0.1"))
    assert known == {"geoip/asn/number": "64496", "geoip/asn/org": "EXAMPLE-NET"}
    assert unknown == {"geoip/asn/number": "0", "geoip/asn/org": ""}


def test_of_an_unknown_client_all_labels_are_empty(tmp_path: Path) -> None:
    path = database(tmp_path / "city.mmdb", {"81.2.69.0/24": CAMBRIDGE})
    (labels,) = described(part(path), asked("10.0.0.1"))
    assert labels == dict.fromkeys(LABELS, "") | {"geoip/country/is_in_european_union": "false"}


def test_what_is_no_address_has_no_labels(tmp_path: Path) -> None:
    path = database(tmp_path / "city.mmdb", {"81.2.69.0/24": CAMBRIDGE})
    assert described(part(path), asked("nobody")) == [{}]


@pytest.mark.parametrize(
    ("subnet", "is_taken"),
    [
        (bytes([0, 1, 24, 0, 81, 2, 69]), True),
        (bytes([0, 2, 32, 0, 0x20, 0x01, 0x0D, 0xB8]), True),
        (bytes([0, 1, 24, 0, 81, 2, 69, 0, 0]), False),
        (bytes([0, 9, 24, 0, 81, 2, 69]), False),
        (b"\0\1", False),
        (None, False),
    ],
)
def test_the_client_subnet_counts_where_it_was_asked_for(tmp_path: Path, subnet: bytes | None, is_taken: bool) -> None:
    path = database(tmp_path / "city.mmdb", {"81.2.69.0/24": CAMBRIDGE, "2001:db8::/32": CAMBRIDGE})
    (by_subnet,) = described(part(path, "edns-subnet"), asked("10.0.0.1", subnet))
    (by_client,) = described(part(path), asked("10.0.0.1", subnet))
    assert by_subnet["geoip/city/name"] == ("Cambridge" if is_taken else "")
    assert by_client["geoip/city/name"] == ""


def test_a_view_can_choose_by_the_place(tmp_path: Path) -> None:
    path = database(tmp_path / "city.mmdb", {"81.2.69.0/24": CAMBRIDGE})

    async def run() -> tuple[bool, bool]:
        block = World().build(
            f". {{\n geoip {path}\n metadata\n view gb {{\n expr metadata('geoip/country/code') == 'GB'\n }}\n}}\n"
        )
        geoip, view = (next(one for one in block.parts if one.name == name) for name in ("geoip", "view"))
        await geoip.start()
        answers = view.takes(asked("81.2.69.142")), view.takes(asked("10.0.0.1"))  # type: ignore[attr-defined]
        await geoip.stop()
        return answers

    assert asyncio.run(run()) == (True, False)


def test_a_new_file_is_taken_over_and_a_broken_one_is_not(tmp_path: Path) -> None:
    path = database(tmp_path / "city.mmdb", {"81.2.69.0/24": CAMBRIDGE})
    world = World()
    geoip = part(path, world=world)

    async def city() -> str:
        await geoip.refresh()
        labels: dict[str, str] = {}
        geoip.describe(asked("81.2.69.142"), labels)
        return labels["geoip/city/name"]

    async def run() -> list[str]:
        await geoip.start()
        found = [await city()]
        database(path, {"81.2.69.0/24": {"city": {"names": {"en": "Ely"}}}})
        found.append(await city())
        path.write_bytes(b"nonsense")  # in place, as a careless copy does
        found += [await city(), await city()]
        path.unlink()
        found.append(await city())
        await geoip.stop()
        return found

    assert asyncio.run(run()) == ["Cambridge", "Ely", "Ely", "Ely", "Ely"]
    assert [line.partition("plugin/geoip: ")[2].replace(str(path), "FILE").split(":")[0] for line in world.lines] == [
        "FILE was read again", "FILE is no MaxMind database", "cannot read FILE",
    ]  # fmt: skip


def test_without_metadata_a_warning_says_that_it_is_of_no_use(tmp_path: Path) -> None:
    world = World()
    described(part(database(tmp_path / "city.mmdb", {}), world=world, more=""))
    assert "of no use without metadata" in world.lines[0]


def test_the_server_does_not_start_without_a_database_that_it_can_use(tmp_path: Path) -> None:
    with pytest.raises(ResolverError, match="cannot read"):
        described(part(tmp_path / "none.mmdb"))
    tmp_path.joinpath("text").write_text("text")
    with pytest.raises(ResolverError, match="no MaxMind database"):
        described(part(tmp_path / "text"))
    with pytest.raises(ResolverError, match="of the type 'Other'"):
        open_database(database(tmp_path / "other.mmdb", {}, "Other"))
    with pytest.raises(ResolverError, match="cannot read"):
        open_database(tmp_path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [("geoip", "needs 1 argument"), ("geoip a b", "takes 1 argument"), ("geoip a\ngeoip b", "only once"),
     ("geoip a {\n nonsense\n}", "no option"), ("geoip a {\n edns-subnet x\n}", "takes no arguments")],
)  # fmt: skip
def test_mistakes_are_refused(line: str, reason: str) -> None:
    with pytest.raises(ConfigErrors, match=reason):
        World().build(f". {{\n{line}\n}}\n")
