"""What the line says, and what it takes from its surroundings."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.chain.setup import Block
from resolver.config.load import load_text
from resolver.errors import ConfigErrors
from resolver.plugins.searchpath import Stopper
from resolver.plugins.searchpath.settings import Settings, parse
from resolver.wire.names import from_text
from tests.plugins.chains import World
from tests.plugins.searchpath.cluster import stopper


def read(text: str) -> Settings:
    source = load_text(text, environ={}).blocks[0]
    zones = tuple(from_text(key.text) for key in source.keys)
    directive = next(one for one in source.directives if one.name.text == "searchpath")
    return parse(directive, Block(zones, directives=source.directives))


def wires(*names: str) -> tuple[bytes, ...]:
    return tuple(from_text(name) for name in names)


def test_everything_has_a_default() -> None:
    assert read("cluster.local {\n searchpath\n}\n") == Settings(wires("cluster.local"), "answer", None, (), 2, 100)


def test_everything_can_be_said() -> None:
    options = (
        "mode nxdomain\nsearch Node.test corp.test\nexternal com\nexternal example.org net\nmin_labels 3\nnamespaces 7"
    )
    assert read(f". {{\n searchpath Cluster.Local {{\n{options}\n}}\n}}\n") == Settings(
        wires("cluster.local"), "nxdomain", wires("node.test", "corp.test"), wires("com", "example.org", "net"), 3, 7
    )


@pytest.mark.parametrize(
    ("text", "zones"),
    [
        (". {\n searchpath a.test b.test\n kubernetes cluster.local\n}\n", ("a.test", "b.test")),
        (". {\n searchpath\n kubernetes cluster.local in-addr.arpa ip6.arpa\n}\n", ("cluster.local",)),
        (
            ". {\n kubernetes cluster.local 10.0.0.0/8 clusterset.local\n searchpath\n}\n",
            ("cluster.local", "clusterset.local"),
        ),
        ("cluster.local in-addr.arpa {\n searchpath\n kubernetes\n}\n", ("cluster.local",)),
        ("cluster.local {\n searchpath\n kubernetes not..a..zone\n}\n", ("cluster.local",)),
    ],
)
def test_the_zones_are_those_written_or_those_of_the_cluster(text: str, zones: tuple[str, ...]) -> None:
    assert read(text).zones == wires(*zones)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("searchpath", "has to know the zone of the cluster"),
        ("searchpath .", "has to know the zone of the cluster"),
        ("searchpath 10.0.0.1", "is an address, not a zone"),
        ("searchpath cluster.local {\nmode maybe\n}", "maybe"),
        ("searchpath cluster.local {\nmode nxdomain\n}", "which names cannot be in the cluster"),
        ("searchpath cluster.local {\nsearch a b c d e f g h i\n}", "at most 8"),
        ("searchpath cluster.local {\nexternal\n}", "at least 1"),
        ("searchpath cluster.local {\nexternal a..b\n}", "empty label"),
        ("searchpath cluster.local {\nmin_labels 1\n}", "1"),
        ("searchpath cluster.local {\nnamespaces 10001\n}", "10001"),
        ("searchpath cluster.local {\nmode answer {\n}\n}", "takes no block"),
        ("searchpath cluster.local {\nnonsense\n}", "no option nonsense"),
        ("searchpath cluster.local\nsearchpath cluster.local", "only once"),
    ],
)
def test_mistakes_are_said(line: str, said: str) -> None:
    with pytest.raises(ConfigErrors, match=said):
        World().build(f". {{\n{line}\n}}\n")


def test_a_block_of_reverse_zones_has_no_cluster() -> None:
    with pytest.raises(ConfigErrors, match="no zone of this server block"):
        World().build("in-addr.arpa {\n searchpath\n}\n")


async def test_the_domains_of_the_nodes_are_those_of_the_system(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text("search prod.svc.cluster.local svc.cluster.local cluster.local Node.test corp.test node.test\n")
    assert (await stopper(resolv_conf=str(conf))).search == wires("node.test", "corp.test")
    assert (await stopper("search other.test", resolv_conf=str(conf))).search == wires("other.test")
    assert (await stopper("search", resolv_conf=str(conf))).search == ()
    assert (await stopper("mode nxdomain\nexternal com", resolv_conf=str(conf))).search == wires(
        "node.test", "corp.test"
    )


async def test_domains_that_nobody_wrote_down_are_not_denied_by_the_number_of_labels(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text("search node.test\n")
    assert (await stopper("mode nxdomain\nmin_labels 4", resolv_conf=str(conf))).search == ()


async def test_a_system_without_a_search_path_is_worth_a_warning(tmp_path: Path) -> None:
    world = World()
    assert (await stopper(world=world, resolv_conf=str(tmp_path / "missing"))).search == ()
    assert any("no search path of the system" in line for line in world.lines)


def test_the_line_becomes_a_plugin_that_opens_nothing() -> None:
    assert isinstance(World().part(". {\n searchpath cluster.local\n}\n"), Stopper)
