"""Zones from and to nsd and knot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.serving import free_port, until
from tests.support.nameservers import PROGRAMS, is_installed, nameserver
from tests.support.zones import HOST, KEY, KEY_NAME, SECRET, Serving, answer, serving, transferred, write

RECORDS = ("www A 192.0.2.1", "*.wild TXT x", "sub NS ns.sub", "ns.sub A 192.0.2.3", "mail MX 10 www")
MANY = tuple(f"host{number} A 192.0.2.1" for number in range(1500))
TSIG = f"tsig {{\n secret {KEY_NAME} {SECRET}\n }}"

each_program = pytest.mark.parametrize(
    "program",
    [
        pytest.param(name, marks=pytest.mark.skipif(not is_installed(name), reason=f"{name} is not installed"))
        for name in PROGRAMS
    ],
)
signed_or_not = pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])


@each_program
@signed_or_not
async def test_a_zone_comes_from_a_primary_and_changes_with_it(tmp_path: Path, program: str, signed: bool) -> None:
    here, there = free_port(), free_port()
    path = write(tmp_path, 7, *RECORDS, *MANY)
    tsig, key = (TSIG, f"key {KEY_NAME}") if signed else ("", "")
    part = f"secondary {{\n transfer from {HOST}:{there}\n {key}\n }}"
    text = f"example.org:{here} {{\n bind {HOST}\n {tsig}\n {part}\n transfer {{\n to *\n }}\n}}\n"
    async with (
        nameserver(program, tmp_path / program, there, here, file=path, signed=signed) as primary,
        serving(text) as server,
    ):
        await until(lambda: _serials(server) == {7})
        key_of = KEY if signed else None
        assert sorted(await transferred(here)) == sorted(await transferred(there, key=key_of))
        write(tmp_path, 8, *RECORDS, *MANY, "new A 192.0.2.8")
        primary.reload()
        await until(lambda: _serials(server) == {8})
        assert (await answer(here, "new.example.org")).answer[0][0].to_text() == "192.0.2.8"
        assert sorted(await transferred(here)) == sorted(await transferred(there, key=key_of))


@each_program
@signed_or_not
async def test_a_zone_goes_to_a_secondary_and_changes_there(tmp_path: Path, program: str, signed: bool) -> None:
    here, there = free_port(), free_port()
    path = write(tmp_path, 7, *RECORDS, *MANY)
    tsig = TSIG.replace("\n }", "\n require AXFR IXFR\n }") if signed else ""
    key = f"key {KEY_NAME}" if signed else ""
    file = f"file {path} example.org {{\n reload 100ms\n }}"
    out = f"transfer {{\n to {HOST}:{there}\n {key}\n }}"
    text = f"example.org:{here} {{\n bind {HOST}\n {tsig}\n {file}\n {out}\n}}\n"
    async with (
        nameserver(program, tmp_path / program, there, here, signed=signed) as secondary,
        serving(text) as server,
    ):

        async def has(serial: int) -> bool:
            return await secondary.serial() == serial

        await until(lambda: has(7), within=30)
        assert (await answer(there, "host1499.example.org")).answer[0][0].to_text() == "192.0.2.1"
        write(tmp_path, 8, *RECORDS, *MANY, "new A 192.0.2.8")
        await until(lambda: has(8), within=30)
        assert (await answer(there, "new.example.org")).answer[0][0].to_text() == "192.0.2.8"
        assert "incremental transfer of example.org. with serial 8" in server.output.getvalue()


def _serials(server: Serving) -> set[int]:
    return {zone.serial for zone in server.part("secondary").zones().values()}
