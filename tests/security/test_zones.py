"""Which zone decides about a name: the longest by labels, for queries, transfers and policies alike."""

from __future__ import annotations

import asyncio
from pathlib import Path

import dns.query
import dns.rdatatype
import dns.xfr
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply
from resolver.runtime.routing import Route, Router
from resolver.wire.constants import A
from resolver.wire.names import from_text
from tests.runtime.clients import HOST
from tests.runtime.serving import free_port, serving

LABELS = st.sampled_from(["a", "b", "ab", "org", "example", "xexample", "z"])
NAMES = st.lists(LABELS, max_size=5).map(lambda labels: ".".join(labels) or ".")

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


@pytest.mark.parametrize("parent", ["example.org", "z.example.org"])
async def test_a_subzone_is_transferred_by_its_own_rule_only(tmp_path: Path, parent: str) -> None:
    """CVE-2026-33489: whoever may have the parent, or a zone that sorts behind, must not get the subzone."""
    closed = "secret.example.org"
    for zone in (parent, closed):
        (tmp_path / zone).write_text(ZONE.format(zone))
    files = f"file {parent} {parent}\n file {closed} {closed}"
    rules = f"transfer {parent} {{\n to *\n }}\n transfer {closed} {{\n to 192.0.2.9\n }}"
    port = free_port()
    corefile = f"example.org:{port} {{\n bind {HOST}\n {files}\n {rules}\n}}\n"
    async with serving(tmp_path, corefile, port=port):
        assert await asyncio.to_thread(_transferred, parent, port)
        assert not await asyncio.to_thread(_transferred, closed, port)


def _transferred(zone: str, port: int) -> bool:
    try:
        return bool(dns.zone.from_xfr(dns.query.xfr(HOST, zone, port=port, lifetime=5)).nodes)
    except dns.xfr.TransferError:
        return False
