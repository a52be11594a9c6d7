"""The same zones served by nsd and knot must give the same answers."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

import dns.message
import dns.name
import pytest

from resolver.chain.finish import finish
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.wire.constants import (
    AA,
    AAAA,
    CNAME,
    DNAME,
    MX,
    NS,
    NSEC,
    NSEC3,
    REFUSED,
    RRSIG,
    SRV,
    TYPE_NUMBERS,
    A,
    type_name,
)
from resolver.wire.edns import Edns
from resolver.wire.message import Message, scan
from resolver.wire.names import from_text, is_below, to_text
from resolver.wire.records import Record
from resolver.zone.files import ZoneFile
from resolver.zone.keeping import ZoneKeeper
from resolver.zone.serving import ZoneAnswers
from tests.plugins.chains import World, nobody
from tests.zone.drawn import draw_question, draw_zone
from tests.zone.opinions import program, serving
from tests.zone.proofs import unproven

SEED = 20
ID = 4711
PACKAGES = {"nsd": "nsd", "knotd": "knot"}
NASTY = Path(__file__).with_name("nasty.zone")
QUESTIONS = 60
DRAWN = 12
SIGNERS = {"nsec": (), "nsec3": ("-n", "-t", "2", "-s", "beef"), "optout": ("-n", "-p", "-t", "1")}


@dataclass(frozen=True)
class Served:
    """A zone that all servers have."""

    origin: str
    path: Path
    questions: Sequence[tuple[str, str]]


class Ours:
    """This server with the zones."""

    def __init__(self, zones: Sequence[Served]) -> None:
        world = World()
        world.host.ask = nobody_serves
        self._answers = ZoneAnswers("file", world.host)
        keeper = ZoneKeeper(self._answers, world.host.log)
        for zone in zones:
            assert asyncio.run(keeper.read(ZoneFile(zone.path, from_text(zone.origin), world.host.log)))

    def ask(self, query: Query) -> Message:
        """What it answers, as octets read again; nothing in it has to wait."""
        try:
            self._answers.resolve(query, nobody).send(None)
        except StopIteration as stop:
            return scan(finish(query, stop.value))
        raise AssertionError("it waits")


async def nobody_serves(query: Query) -> Reply:
    return failure(query, "", REFUSED)


def signed(zone: Served, arguments: Sequence[str]) -> Served:
    """The zone with signatures by ldns-signzone, in a file beside it."""
    folder = zone.path.parent
    keygen, signzone = program("ldns-keygen"), program("ldns-signzone")
    assert keygen is not None
    assert signzone is not None
    made = subprocess.run(
        [keygen, "-a", "ECDSAP256SHA256", "-r", "/dev/urandom", zone.origin],
        cwd=folder, check=True, capture_output=True, text=True, timeout=10,
    )  # fmt: skip
    target = zone.path.with_suffix(".signed")
    command = [signzone, *arguments, "-o", zone.origin, "-f", str(target), str(zone.path), made.stdout.strip()]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=20)
    return Served(zone.origin, target, zone.questions)


def drawn(number: int, folder: Path) -> Served:
    """A zone by chance, with questions."""
    chance = Random(f"{SEED} {number}")
    origin = f"z{number}.test."
    path = folder / f"z{number}.zone"
    path.write_text(draw_zone(chance, origin))
    return Served(origin, path, [draw_question(chance, origin) for _ in range(QUESTIONS)])


def nasty(name: str, folder: Path) -> Served:
    """The zone of all mischief, with questions for all of its names and some beside them."""
    origin = f"{name}.test."
    path = folder / f"{name}.zone"
    path.write_text(f"$ORIGIN {origin}\n{NASTY.read_text()}")
    owners = sorted({line.split()[0] for line in NASTY.read_text().splitlines() if line[:1] not in (";", " ", "$", "")})
    questions = []
    for owner in owners:
        full = origin if owner == "@" else f"{owner}.{origin}"
        questions += [(full, qtype) for qtype in ("A", "MX", "CNAME", "NS", "DS", "TXT", "SRV")]
        questions += [
            (f"x.{full}", "A"),
            (f"x.{full}", "CNAME"),
            (f"a.b.x.{full}", "TXT"),
            (full.partition(".")[2], "AAAA"),
        ]
    questions += [(f"{name}.{origin}", qtype) for name, qtype in TYPED]
    return Served(
        origin,
        path,
        list(dict.fromkeys(q for q in questions if q[0].endswith(origin))),
    )


TYPED = (
    ("svc", "HTTPS"), ("svc2", "HTTPS"), ("caa", "CAA"), ("naptr", "NAPTR"), ("hinfo", "HINFO"), ("loc", "LOC"),
    ("ptr", "PTR"), ("_443._tcp", "TLSA"), ("www", "NSEC"), ("www", "NSEC3"),
)  # fmt: skip


class Normal(NamedTuple):
    """What must be alike in two answers."""

    rcode: int
    is_authoritative: bool
    answer: list[str]
    authority: list[str]
    additional: list[str]


def normal(message: Message, origin: bytes) -> Normal:
    """What must be alike: code, AA, and the records of each section, without what servers may do as they like.

    Positive answers may have the zone's own NS records in the authority section or not. A denial's SOA has its TTL or
    that of denials. Which records prove a denial is for another test. Of the additional section, glue counts, and
    addresses of hosts that the answer names.
    """
    answer, authority, additional = message.sections()
    if any(record.type == DNAME and is_below(record.rdata.lower(), record.owner.lower()) for record in answer):
        first = message.qname.lower()  # such a redirection has no end; each server stops after another step
        answer = [record for record in answer if record.type not in (CNAME, RRSIG) or record.owner.lower() == first]
    is_referral = any(record.type == NS and record.owner.lower() != origin for record in authority)
    if not is_referral:
        authority = [record for record in authority if not _is_apex_ns(record, origin)]
    hosts = {
        record.rdata[{MX: 2, SRV: 6, NS: 0}[record.type] :].lower()
        for record in (*answer, *(authority if is_referral else ()))
        if record.type in (MX, SRV) or (record.type == NS and is_referral)
    }
    additional = [record for record in additional if record.type in (A, AAAA) and record.owner.lower() in hosts]
    authority = [record for record in authority if not _is_proof(record)]
    return Normal(message.rcode, bool(message.flags & AA), _shown(answer), _shown(authority), _shown(additional))


def _alike(mine: Normal, theirs: Normal) -> bool:
    """Addresses of hosts below a cut may go with MX and SRV records or not."""
    if mine[:4] != theirs[:4]:
        return False
    return mine.additional == theirs.additional or (bool(mine.answer) and set(theirs.additional) < set(mine.additional))


def _is_proof(record: Record) -> bool:
    return record.type in (NSEC, NSEC3) or (record.type == RRSIG and record.rdata[:2] in (b"\0\x2f", b"\0\x32"))


def _is_apex_ns(record: Record, origin: bytes) -> bool:
    is_servers = record.type == NS or (record.type == RRSIG and record.rdata[:2] == b"\0\2")
    return is_servers and record.owner.lower() == origin


def _shown(records: Sequence[Record]) -> list[str]:
    return sorted(
        {
            f"{to_text(record.owner.lower())} {type_name(record.type)} {record.rdata.lower().hex()[:60]}"
            for record in records
        }
    )


@pytest.fixture(scope="module")
def zones(tmp_path_factory: pytest.TempPathFactory) -> list[Served]:
    folder = tmp_path_factory.mktemp("zones")
    plain = [nasty("nasty", folder), *(drawn(number, folder) for number in range(DRAWN))]
    if program("ldns-signzone") is None:
        return plain
    number = DRAWN
    for name, arguments in SIGNERS.items():
        plain.append(signed(nasty(f"nasty-{name}", folder), arguments))
        plain += [signed(drawn(number + more, folder), arguments) for more in range(DRAWN // 3)]
        number += DRAWN
    return plain


@pytest.mark.parametrize("server", ["nsd", "knotd"])
def test_the_answers_are_those_of(server: str, zones: list[Served], tmp_path: Path) -> None:
    if program(server) is None:
        pytest.skip(f"{server} is not installed (apt-get install {PACKAGES[server]})")
    ours = Ours(zones)
    different = []
    with serving(server, {zone.origin: zone.path for zone in zones}, tmp_path / server) as ask:
        for zone in zones:
            origin = from_text(zone.origin)
            for query in queries(zone):
                mine, theirs = normal(ours.ask(query), origin), normal(ask(query.wire(ID)), origin)
                if not _alike(mine, theirs):
                    different.append((query, mine, theirs))
    assert not different, _report(different)


def test_what_is_denied_is_proven_in_signed_zones(zones: list[Served]) -> None:
    signed_zones = [zone for zone in zones if zone.path.suffix == ".signed"]
    if not signed_zones:
        pytest.skip("ldns-signzone is not installed (apt-get install ldnsutils)")
    ours = Ours(zones)
    missing = []
    for zone in signed_zones:
        for query in queries(zone):
            if query.do:
                answer = dns.message.from_wire(ours.ask(query).octets, one_rr_per_rrset=False)
                missing += [(str(query), what) for what in unproven(answer, dns.name.from_text(zone.origin))]
    assert missing == []


def queries(zone: Served) -> Iterator[Query]:
    """The questions for a zone, without and with DO."""
    for name, qtype in zone.questions:
        for do in (False, True):
            yield Query(from_text(name), TYPE_NUMBERS[qtype], edns=Edns(4096, do), message_id=ID)


def _without(one: object, other: object) -> object:
    if isinstance(one, list) and isinstance(other, list):
        return [item for item in one if item not in other]
    return one


def _report(different: Sequence[tuple[Query, Normal, Normal]]) -> str:
    lines = [f"{len(different)} answers differ"]
    for query, mine, theirs in different[:50]:
        lines.append(f"{query} {'DO' if query.do else ''}")
        for part, one, other in zip(Normal._fields, mine, theirs, strict=True):
            if one != other:
                lines += [f"   {part}: only we {_without(one, other)}", f"   {part}: only they {_without(other, one)}"]
    return "\n".join(lines)
