from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from resolver.dnssec.signature import Validity, validity_of
from resolver.plugins.sign import Sign, handler
from resolver.plugins.sign.handler import BEFORE, BEFORE_JITTER, LIFETIME, LIFETIME_JITTER
from resolver.plugins.sign.settings import SignedZone
from resolver.wire.constants import RRSIG, SOA
from resolver.wire.names import from_text
from resolver.zone.text import MasterFile
from tests.plugins.chains import World, until
from tests.support.keys import write_key
from tests.zone.test_signing import PLAIN

ORIGIN = from_text("example.org")
NOW = 1_800_000_000


class Yard:
    """A folder with a zone file and a key, and the part that signs it. ``now`` is the time of day."""

    def __init__(self, folder: Path, worker: int = 0, directory: str = ".") -> None:
        self.folder = folder
        self.now = float(NOW)
        self.source, self.target = folder / "db", folder / directory / "db.example.org.signed"
        self.source.write_text(PLAIN)
        self.world = World()
        self.world.host.worker = worker
        base = write_key(folder, "example.org.")
        lines = f"sign db {{\n key file {base.name}\n directory {directory}\n}}"
        zones: tuple[SignedZone, ...] = self.world.part(f"example.org {{\n{lines}\n}}\n", folder).zones
        self.part = Sign(zones, self.world.host, wall=lambda: self.now)

    @property
    def validity(self) -> Validity:
        """That of the signature over the SOA."""
        return next(validity_of(r.rdata) for r in MasterFile(self.target, ORIGIN).records() if r.type == RRSIG)

    @property
    def serial(self) -> int:
        """The serial number of the signed zone."""
        soa = next(r for r in MasterFile(self.target, ORIGIN).records() if r.type == SOA)
        return int.from_bytes(soa.rdata[-20:-16], "big")

    def said(self, text: str) -> bool:
        """Whether that is in the log."""
        return any(text in line for line in self.world.lines)


async def test_a_zone_is_signed_when_the_server_starts(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    await yard.part.start()
    await until(lambda: yard.said("Successfully signed"), 20)
    await yard.part.stop()
    assert yard.serial == NOW
    begin, end = yard.validity
    assert NOW - BEFORE - BEFORE_JITTER <= begin <= NOW - BEFORE
    assert NOW + LIFETIME <= end <= NOW + LIFETIME + LIFETIME_JITTER
    assert yard.said('[INFO] plugin/sign: Signing "example.org." because')


async def test_it_is_signed_again_only_when_it_is_time(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    await yard.part.look()
    await yard.part.look()
    assert yard.said('Skipping signing zone "example.org."')
    yard.now += 6 * 86400
    await yard.part.look()
    assert yard.serial == NOW + 6 * 86400


async def test_a_change_of_the_source_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "SOURCE_INTERVAL", 0.01)
    yard = Yard(tmp_path)
    await yard.part.start()
    await until(lambda: yard.said("Successfully signed"), 20)
    yard.source.write_text(PLAIN + "new 300 IN A 192.0.2.77\n")
    await until(lambda: "192.0.2.77" in yard.target.read_text(), 20)
    await yard.part.stop()
    assert yard.said(f"{yard.source} is newer than {yard.target}")


async def test_a_source_that_stays_wrong_is_complained_of_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "SOURCE_INTERVAL", 0.001)
    yard = Yard(tmp_path)
    yard.source.write_text("nonsense\n")
    looks = 0
    times = yard.part._source_times

    def counted() -> list[float]:
        nonlocal looks
        looks += 1
        return times()

    monkeypatch.setattr(yard.part, "_source_times", counted)
    await yard.part.start()
    await until(lambda: looks > 10, 20)
    await yard.part.stop()
    assert sum("Error signing" in line for line in yard.world.lines) == 1


async def test_a_mistake_in_the_zone_leaves_the_old_file(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    await yard.part.look()
    yard.source.write_text(PLAIN + "www 300 IN A nonsense\n")
    await yard.part.look()
    assert yard.said('[WARNING] plugin/sign: Error signing "example.org." with key tags')
    assert yard.said(f"{yard.source}:{len(PLAIN.splitlines()) + 1}:14: ")
    assert yard.serial == NOW


async def test_a_directory_that_is_not_there_is_in_the_log(tmp_path: Path) -> None:
    yard = Yard(tmp_path, directory="none")
    await yard.part.look()
    assert yard.said("none: No such file or directory")


async def test_a_source_that_is_not_there_is_in_the_log(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    yard.source.unlink()
    await yard.part.look()
    assert yard.said("Error signing")


async def test_names_outside_of_the_zone_are_left_out_and_named(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    yard.source.write_text(PLAIN + "www.example.net. 300 IN A 192.0.2.1\n")
    await yard.part.look()
    assert yard.said("1 names of ")
    assert yard.said("www.example.net.")
    assert yard.serial == NOW


async def test_of_several_processes_the_first_one_signs(tmp_path: Path) -> None:
    yard = Yard(tmp_path, worker=1)
    await yard.part.start()
    await asyncio.sleep(0)
    await yard.part.stop()
    assert yard.world.lines == []
    assert not yard.target.exists()


async def test_a_process_that_says_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yard = Yard(tmp_path)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    await yard.part.look()
    assert yard.said("the process that signs ended with code 1")
    monkeypatch.setattr(sys, "executable", "/nothing")
    await yard.part.look()
    assert yard.said("cannot start /nothing")


async def test_a_process_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yard = Yard(tmp_path)
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(sleeper))
    monkeypatch.setattr(handler, "_LONGEST", 0.05)
    await yard.part.look()
    assert yard.said("it took longer than 0.05 seconds")


async def test_stopping_ends_the_process_that_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yard = Yard(tmp_path)
    sleeper, began = tmp_path / "sleeper", tmp_path / "began"
    sleeper.write_text(f"#!/bin/sh\necho $$ > {began}.new\nmv {began}.new {began}\nexec sleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(sleeper))
    await yard.part.start()
    await until(began.exists, 10)
    await yard.part.stop()
    assert not Path(f"/proc/{began.read_text().strip()}").exists()


async def test_one_zone_that_cannot_be_signed_does_not_keep_the_others_from_it(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    good = yard.part.zones[0]
    bad = SignedZone(good.origin, tmp_path / "none", tmp_path / "bad.signed", good.keys, good.key_files)
    part = Sign([bad, good], yard.world.host, wall=lambda: yard.now)
    await part.look()
    assert yard.serial == NOW
