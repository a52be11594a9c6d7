"""Lists of upstreams that stay fresh."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from resolver.errors import UpstreamError
from resolver.upstream.address import Address
from resolver.upstream.lookup import Addresses
from resolver.upstream.refresh import MAX_ADDRESSES, Pace, Refresher, fixed
from resolver.upstream.targets import HostName, NameServerFile, Target
from tests.plugins.chains import until

QUICK = Pace(files=0.01, least=0.01, most=0.02, retry=0.01)
NAME = HostName("dns.test", 5353, place="Corefile:1:2: ")


class Names:
    """Stands in for the servers that are asked for names."""

    def __init__(self, *addresses: str, ttl: float = 0.0) -> None:
        self.addresses = addresses
        self.ttl = ttl
        self.asked: list[str] = []

    async def __call__(self, name: str) -> Addresses:
        self.asked.append(name)
        if not self.addresses:
            raise UpstreamError(f"no addresses found for {name}")
        return Addresses(self.addresses, self.ttl)


def refresher(*targets: Target, names: Names | None = None, warnings: list[str] | None = None) -> Refresher:
    loop = asyncio.get_running_loop()
    warn = [] if warnings is None else warnings
    return Refresher(targets, names or Names(), loop.time, warn.append, QUICK)


@asynccontextmanager
async def following(refresher: Refresher) -> AsyncIterator[list[list[str]]]:
    """The lists of hosts, as they change."""
    seen: list[list[str]] = []
    task = asyncio.create_task(refresher.follow(lambda found: seen.append([address.host for address in found])))
    yield seen
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_addresses_stay_in_the_order_of_the_targets(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 192.0.2.3\nnameserver 192.0.2.2\n")
    found = refresher(Address("192.0.2.9", 53), NameServerFile(file), NAME, names=Names("192.0.2.8", "192.0.2.7"))
    await found.find()
    assert [str(address) for address in found.addresses()] == [
        "192.0.2.9:53", "192.0.2.3:53", "192.0.2.2:53", "192.0.2.7:5353", "192.0.2.8:5353",
    ]  # fmt: skip


async def test_an_address_is_listed_once() -> None:
    found = refresher(Address("192.0.2.9", 5353), NAME, names=Names("192.0.2.9"))
    await found.find()
    assert len(found.addresses()) == 1


def test_plain_addresses_do_not_move(tmp_path: Path) -> None:
    first, second = Address("192.0.2.9", 53), Address("192.0.2.8", 53)
    assert fixed((first, second, first)) == [first, second]
    assert fixed((first, NAME)) is None
    assert fixed((NameServerFile(tmp_path),)) is None


async def test_the_number_of_addresses_is_bounded() -> None:
    found = refresher(NAME, names=Names(*(f"10.0.{number}.1" for number in range(200))))
    await found.find()
    assert len(found.addresses()) == MAX_ADDRESSES


async def test_a_changed_file_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 192.0.2.1\n")
    found = refresher(NameServerFile(file))
    await found.find()
    async with following(found) as seen:
        file.write_text("nameserver 192.0.2.2\nnameserver 192.0.2.3\n")
        await until(lambda: bool(seen))
        assert seen == [["192.0.2.2", "192.0.2.3"]]


async def test_a_link_that_is_turned_elsewhere_is_seen(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("nameserver 192.0.2.1\n")
    (tmp_path / "new").write_text("nameserver 192.0.2.2\n")
    link = tmp_path / "resolv.conf"
    link.symlink_to("old")
    found = refresher(NameServerFile(link))
    await found.find()
    async with following(found) as seen:
        (tmp_path / "next").symlink_to("new")
        (tmp_path / "next").replace(link)
        await until(lambda: seen == [["192.0.2.2"]])


async def test_the_last_good_list_of_a_file_stays_in_use(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 192.0.2.1\n")
    warnings: list[str] = []
    found = refresher(NameServerFile(file), warnings=warnings)
    await found.find()
    async with following(found) as seen:
        file.write_text("search corp.test\n")
        await until(lambda: bool(warnings))
        file.unlink()
        await asyncio.sleep(0.05)
        assert (seen, [address.host for address in found.addresses()]) == ([], ["192.0.2.1"])
        assert warnings == [f"{file} has no nameserver line; going on with 192.0.2.1:53"]
        file.write_text("nameserver 192.0.2.4\n")
        await until(lambda: seen == [["192.0.2.4"]])


async def test_a_name_that_moves_is_followed() -> None:
    names = Names("192.0.2.1")
    found = refresher(NAME, names=names)
    await found.find()
    async with following(found) as seen:
        names.addresses = ("192.0.2.2",)
        await until(lambda: seen == [["192.0.2.2"]])


async def test_answers_in_another_order_are_no_change() -> None:
    names = Names("192.0.2.1", "192.0.2.2")
    found = refresher(NAME, names=names)
    await found.find()
    async with following(found) as seen:
        names.addresses = ("192.0.2.2", "192.0.2.1")
        asked = len(names.asked)
        await until(lambda: len(names.asked) > asked + 2)
        assert seen == []


async def test_a_name_that_is_gone_keeps_its_last_addresses_and_one_warning() -> None:
    names, warnings = Names("192.0.2.1"), list[str]()
    found = refresher(NAME, names=names, warnings=warnings)
    await found.find()
    async with following(found) as seen:
        names.addresses = ()
        asked = len(names.asked)
        await until(lambda: len(names.asked) > asked + 3)
        assert (seen, [address.host for address in found.addresses()]) == ([], ["192.0.2.1"])
        assert warnings == ["Corefile:1:2: no addresses found for dns.test; going on with 192.0.2.1:5353"]


async def test_a_name_that_was_never_found_is_an_error_with_its_place() -> None:
    with pytest.raises(UpstreamError, match=r"Corefile:1:2: no addresses found for dns\.test"):
        await refresher(NAME).find()


async def test_what_was_known_before_stands_in_for_what_cannot_be_found() -> None:
    before = refresher(NAME, names=Names("192.0.2.1"))
    await before.find()
    warnings: list[str] = []
    after = refresher(NAME, warnings=warnings)
    await after.find(before.known)
    assert [address.host for address in after.addresses()] == ["192.0.2.1"]
    assert len(warnings) == 1
