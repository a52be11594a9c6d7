"""Noticing that master files have changed, and when they are read again."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from resolver.errors import ZoneError
from resolver.wire.names import from_text
from resolver.zone.data import Zone
from resolver.zone.files import ZoneFile, release, remains
from tests.plugins.chains import World

ORIGIN = from_text("example.org.")
LONG_AGO = 1_000_000_000


class Written:
    """A master file that a test writes, long ago by its time of change, and its reader."""

    def __init__(self, folder: Path, *, by_time: bool = False, origin: bytes = ORIGIN) -> None:
        self.world = World()
        self.path = folder / "db"
        self.changes = 0
        self.file = ZoneFile(self.path, origin, self.world.host.log, by_time=by_time)

    def write(self, serial: int, more: str = "", *, path: Path | None = None, long_ago: bool = True) -> None:
        path = path or self.path
        path.write_text(f"$TTL 60\n$ORIGIN example.org.\n@ SOA ns host {serial} 2 3 4 5\n{more}\n")
        self.changes += 1
        if long_ago:
            os.utime(path, (LONG_AGO, LONG_AGO + self.changes))

    def read(self, previous: Zone | None = None) -> Zone | None:
        return asyncio.run(self.file.read(previous))

    def first(self) -> Zone:
        zone = self.read()
        assert zone is not None
        return zone


@pytest.fixture
def db(tmp_path: Path) -> Written:
    return Written(tmp_path)


def test_a_file_has_changed_until_it_was_read(db: Written) -> None:
    db.write(1)
    assert db.file.is_changed()
    db.first()
    assert not db.file.is_changed()
    db.write(2)
    assert db.file.is_changed()


def test_a_higher_serial_is_read(db: Written) -> None:
    db.write(1)
    zone = db.first()
    db.write(2, "www A 192.0.2.1")
    after = db.read(zone)
    assert after is not None
    assert (after.serial, len(after)) == (2, 2)


def test_the_same_serial_is_not_read_and_the_log_says_so(db: Written) -> None:
    db.write(1)
    zone = db.first()
    db.write(1, "www A 192.0.2.1")
    assert db.read(zone) is None
    assert not db.file.is_changed()
    assert "its serial was not" in db.world.lines[-1]


def test_the_same_serial_is_read_where_the_time_of_change_counts(tmp_path: Path) -> None:
    db = Written(tmp_path, by_time=True)
    db.write(1)
    zone = db.first()
    db.write(1, "www A 192.0.2.1")
    assert db.read(zone) is not None


def test_a_file_that_was_just_being_written_is_read_once_more(db: Written) -> None:
    db.write(1, long_ago=False)
    zone = db.first()
    db.write(1, "www A 192.0.2.1")
    assert db.read(zone) is not None


def test_a_serial_of_zero_is_read(db: Written) -> None:
    db.write(0)
    assert db.first().serial == 0


def test_an_included_file_counts_too(db: Written, tmp_path: Path) -> None:
    db.write(1, path=tmp_path / "soa")
    db.path.write_text("$INCLUDE soa\n")
    os.utime(db.path, (LONG_AGO, LONG_AGO))
    zone = db.first()
    db.write(2, path=tmp_path / "soa")
    assert db.file.is_changed()
    after = db.read(zone)
    assert after is not None
    assert after.serial == 2


def test_an_included_file_that_was_missing_is_noticed_when_it_comes(db: Written, tmp_path: Path) -> None:
    db.write(1, "$INCLUDE more")
    with pytest.raises(ZoneError, match=r"cannot read .*more"):
        db.read()
    assert not db.file.is_changed()
    (tmp_path / "more").write_text("www A 192.0.2.1\n")
    assert db.file.is_changed()


def test_a_mistake_is_told_once_and_again_when_the_file_has_changed(db: Written) -> None:
    db.write(1, "www A nonsense")
    with pytest.raises(ZoneError, match="db:4:7"):
        db.read()
    assert not db.file.is_changed()
    db.write(1, "www A 192.0.2.1")
    assert db.file.is_changed()


def test_a_file_that_changes_meanwhile_is_not_taken(db: Written) -> None:
    db.write(1, "www A 192.0.2.1\n" * 10_000)  # takes several turns of the event loop

    async def changed_meanwhile() -> None:
        reading = asyncio.create_task(db.file.read(None))
        await asyncio.sleep(0)
        db.write(2)
        await reading

    with pytest.raises(ZoneError, match="changed while it was read"):
        asyncio.run(changed_meanwhile())
    assert db.file.is_changed()


def test_a_file_without_a_soa_record_is_refused(db: Written) -> None:
    db.path.write_text("www.example.org. 60 A 192.0.2.1\n")
    with pytest.raises(ZoneError, match=r"has no SOA record for example\.org\."):
        db.read()


def test_a_file_of_a_zone_below_is_served_as_that_zone(tmp_path: Path) -> None:
    db = Written(tmp_path, origin=b"\0")
    db.write(1, "www A 192.0.2.1\nelsewhere.test. A 192.0.2.2\n")
    assert db.first().origin == ORIGIN
    assert "is the zone example.org., not ." in db.world.lines[0]
    assert "1 names outside of example.org., the first is elsewhere.test." in db.world.lines[1]


def test_a_file_of_another_zone_is_refused(tmp_path: Path) -> None:
    db = Written(tmp_path, origin=from_text("example.net."))
    db.write(1)
    with pytest.raises(ZoneError, match=r"no SOA record for example\.net\., but one for example\.org\."):
        db.read()


def test_where_another_reader_was_it_can_be_gone_on(db: Written) -> None:
    db.write(1)
    db.first()
    other = ZoneFile(db.path, ORIGIN, db.world.host.log)
    other.resume(db.file)
    assert not other.is_changed()


def test_a_zone_that_is_released_stays_for_others_that_hold_it(db: Written) -> None:
    db.write(1, "www A 192.0.2.1\na.b A 192.0.2.2")
    zone = db.first()
    asyncio.run(release(remains(zone)))
    assert len(zone.nodes) == 4
