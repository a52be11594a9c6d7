"""Which zone decides about a name: the longest by labels, for queries, transfers and policies alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply
from resolver.runtime.routing import Route, Router
from resolver.wire.constants import NOERROR, A
from resolver.wire.message import scan
from resolver.wire.names import from_text
from tests.security.transports import EVERY, Everywhere, everywhere

LABELS = st.sampled_from(["a", "b", "ab", "org", "example", "xexample", "z"])
NAMES = st.lists(LABELS, max_size=5).map(lambda labels: ".".join(labels) or ".")

TRANSFERRING = ("tcp", "tls", "quic")
AXFR = b"\0\7\0\0\0\1\0\0\0\0\0\0"  # a header; the question comes behind it
ZONE = "$ORIGIN {0}.\n$TTL 60\n@ SOA ns.{0}. admin.{0}. 1 60 60 60 60\n@ NS ns.{0}.\nns A 192.0.2.53\n"


async def _nobody(query: Query) -> Reply:
    raise AssertionError("it is only looked for")


@given(zones=st.sets(NAMES, min_size=1, max_size=6), name=NAMES)
def test_the_longest_zone_by_labels_decides(zones: set[str], name: str) -> None:
    """CVE-2026-33489: the order of strings decided, so that a zone's rules held for names of its subzone."""
    router = Router()
    for zone in sorted(zones):
        router.add(Route(from_text(zone), Site("dns://:53", zone, ""), _nobody))
    labels = [] if name == "." else name.split(".")
    above = [".".join(labels[at:]) or "." for at in range(len(labels) + 1)]
    wanted = next((zone for zone in above if zone in zones), None)
    found = router.find(Query(from_text(name), A))
    assert (found.site.zone if found is not None else None) == wanted


@EVERY
@pytest.mark.parametrize("parent", ["example.org", "z.example.org"])
async def test_a_subzone_is_transferred_by_its_own_rule_only(tmp_path: Path, transport: str, parent: str) -> None:
    """CVE-2026-33489: whoever may have the parent, or a zone that sorts behind, must not get the subzone."""
    closed = "secret.example.org"
    for zone in (parent, closed):
        (tmp_path / zone).write_text(ZONE.format(zone))
    files = f"file {parent} {parent}\n file {closed} {closed}"
    rules = f"transfer {parent} {{\n to *\n }}\n transfer {closed} {{\n to 192.0.2.9\n }}"
    async with everywhere(tmp_path, files, rules, zone="example.org") as server:
        assert await _transfer_begins(server, transport, parent) is (transport in TRANSFERRING)
        assert not await _transfer_begins(server, transport, closed)


async def _transfer_begins(server: Everywhere, transport: str, zone: str) -> bool:
    """Whether the first message has the zone, and not only says no."""
    answer = await server.ask(transport, AXFR + from_text(zone) + b"\0\xfc\0\1")
    assert answer is not None
    message = scan(answer)
    records = message.sections().answer
    assert not records or message.rcode == NOERROR
    return bool(records)
