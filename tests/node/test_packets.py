"""A Pod, a node and real packets: what a Pod gets while the node-local mode comes, serves, is disturbed and goes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.node.namespaces import (
    CLUSTER,
    HERE,
    LOCAL,
    LOCAL6,
    ROOT,
    TEMPLATE,
    THERE,
    Node,
    Program,
    missing,
    node,
    resolver,
    until,
)

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

NOBODY = "10.244.0.99"
IN_PLACE = "rules for the local addresses are in place"
WITHOUT_RIGHTS = (
    *("setpriv", "--reuid=65532", "--regid=65532", "--clear-groups"),
    *("--inh-caps=-all,+net_bind_service", "--ambient-caps=-all,+net_bind_service"),
    "--bounding-set=-all,+net_bind_service",
)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as made:
        yield made


@pytest.fixture
def open_here() -> Iterator[Node]:
    """A node whose files every user can read."""
    with TemporaryDirectory(prefix="k8sr-") as folder:
        path = Path(folder)
        path.chmod(0o777)
        if subprocess.run([*WITHOUT_RIGHTS, sys.executable, "-c", "import resolver"], cwd=ROOT, check=False).returncode:
            pytest.skip("another user cannot run this Python")
        with node(path) as made:
            yield made


def needs(*programs: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(bool(missing(*programs)), reason=missing(*programs))


FIREWALLS = [
    pytest.param("nftables"),
    pytest.param("iptables", marks=needs("iptables", "ip6tables")),
]


@pytest.mark.parametrize("firewall", FIREWALLS)
def test_a_pod_is_answered_on_all_addresses_and_connection_tracking_sees_nothing(here: Node, firewall: str) -> None:
    server = here.serve("-firewall", firewall)
    server.says(IN_PLACE)
    before = here.tracked()  # how the server was found to answer
    for address in (LOCAL, CLUSTER, LOCAL6):
        assert here.dig(address) == HERE
        assert here.dig(address, "+tcp", kind="AAAA") == "2001:db8::1"
        assert here.dig(address, where="node") == HERE
    assert here.tracked() <= before
    assert here.installed(firewall)
    assert server.end() == 0
    assert not here.installed(firewall)
    assert here.addresses() == set()


def test_without_rules_connection_tracking_sees_the_same_queries(here: Node) -> None:
    here.serve("-firewall", "none").says("k8s-resolver")
    until(lambda: here.dig(LOCAL) == HERE)
    assert any("src=10.244.0.2" in flow for flow in here.tracked())


def test_the_link_is_a_dummy_where_the_kernel_has_such(here: Node) -> None:
    if here.run("ip", "link", "add", "try0", "type", "dummy").returncode:
        pytest.skip("this kernel has no dummy links")
    here.serve("-firewall", "none").says("k8s-resolver")
    assert here.kind() == "dummy"


@pytest.mark.parametrize("firewall", FIREWALLS)
def test_at_the_end_the_rules_go_first_and_clients_of_the_service_reach_the_cluster(here: Node, firewall: str) -> None:
    here.cluster_dns()
    server = here.serve("-firewall", firewall, template=TEMPLATE.replace("lameduck 0s", "lameduck 20s"))
    server.says(IN_PLACE)
    assert (here.dig(CLUSTER), here.dig(LOCAL)) == (HERE, HERE)
    server.process.send_signal(signal.SIGTERM)
    server.says("lameduck")
    assert (here.dig(CLUSTER), here.dig(LOCAL), here.dig(LOCAL6)) == (THERE, HERE, HERE)
    assert server.end() == 0
    assert (here.dig(CLUSTER), here.dig(LOCAL)) == (THERE, "")


def test_a_killed_server_leaves_no_nftables_rule_behind_and_the_next_one_adopts_the_link(here: Node) -> None:
    here.cluster_dns()
    first = here.serve("-firewall", "nftables")
    first.says(IN_PLACE)
    first.end(signal.SIGKILL)
    assert here.tables() == []
    assert here.dig(CLUSTER) == THERE
    assert here.addresses() == {LOCAL, LOCAL6, CLUSTER}
    second = here.serve("-firewall", "nftables")
    second.says(IN_PLACE)
    assert here.dig(CLUSTER) == HERE
    assert "added" not in second.said


@needs("iptables", "ip6tables")
def test_what_a_killed_server_left_in_iptables_is_adopted_by_the_next_and_cleared_by_teardown(here: Node) -> None:
    for _ in range(2):
        server = here.serve("-firewall", "iptables")
        server.says(IN_PLACE)
        assert here.jumps() == 8
        server.end(signal.SIGKILL)
    assert here.jumps() == 8
    done = here.run(*resolver("node", "teardown", "-localip", f"{LOCAL},{CLUSTER},{LOCAL6}"))
    assert (done.returncode, here.jumps(), here.addresses()) == (0, 0, set()), done.stdout + done.stderr


@needs("iptables", "ip6tables")
def test_rules_of_the_other_kind_are_cleared_at_the_start(here: Node) -> None:
    server = here.serve("-firewall", "iptables")
    server.says(IN_PLACE)
    server.end(signal.SIGKILL)
    here.serve("-firewall", "nftables").says(IN_PLACE)
    assert (here.jumps(), len(here.tables())) == (0, 1)


@needs("iptables", "ip6tables")
def test_where_iptables_drops_the_rules_are_written_there(here: Node) -> None:
    for words in (["-A", "INPUT", "-i", "lo", "-j", "ACCEPT"], ["-P", "INPUT", "DROP"]):
        here.ok(["ip", "netns", "exec", here.names["node"], "iptables", *words])
    server = here.serve(local=LOCAL)
    server.says("rules by iptables: only a rule of iptables lets packets pass its own iptables: -P INPUT DROP")
    here.becomes(LOCAL, HERE)


def test_a_chain_of_others_that_drops_is_warned_of(here: Node) -> None:
    rules = "table inet strict { chain in { type filter hook input priority 0; policy drop; iif lo accept; }; }"
    here.ok(["ip", "netns", "exec", here.names["node"], "nft", "-f", "-"], rules)
    server = here.serve("-firewall", "nftables", local=LOCAL)
    server.says(IN_PLACE)
    assert "the nftables chain strict in drops what it does not let in by name" in server.said


@pytest.mark.parametrize("firewall", FIREWALLS)
def test_what_somebody_removes_comes_back(here: Node, firewall: str) -> None:
    server = here.serve("-firewall", firewall, "-skipteardown")
    server.says(IN_PLACE)
    here.run("ip", "link", "del", "nodelocaldns")
    here.becomes(LOCAL6, HERE)
    if firewall == "nftables":
        here.run("nft", "flush", "table", "inet", "resolver_node")
    else:
        here.run("iptables", "-t", "raw", "-I", "PREROUTING", "-j", "ACCEPT")
        here.run("ip6tables", "-t", "filter", "-F", "RESOLVER-NODE")
    server.says("again, as they had been changed")
    assert here.dig(LOCAL) == HERE
    assert here.installed(firewall)


@pytest.mark.parametrize("firewall", FIREWALLS)
def test_with_skipteardown_link_and_rules_stay(here: Node, firewall: str) -> None:
    server = here.serve("-firewall", firewall, "-skipteardown")
    server.says(IN_PLACE)
    assert server.end() == 0
    assert here.installed(firewall)
    assert here.addresses() == {LOCAL, LOCAL6, CLUSTER}


def test_a_server_that_cannot_begin_makes_no_rules_and_takes_its_link_away(here: Node) -> None:
    server = here.serve(template=TEMPLATE.replace("hosts {", "hosts /nowhere/{$NOTHING} {\n ttl many\n"))
    assert server.wait() == 1
    assert "many is not a whole number" in server.said
    assert (here.tables(), here.addresses()) == ([], set())


@pytest.mark.parametrize("workers", ["1", "2"])
def test_upgrading_loses_no_query_and_shares_every_port(here: Node, workers: str) -> None:
    flags = ("-firewall", "nftables", "-workers", workers)
    template = TEMPLATE + f"slow.test:53 {{\n bind {LOCAL}\n forward . {NOBODY}\n}}\n"
    old = here.serve(*flags, template=template)
    old.says(IN_PLACE)
    load = here.start(sys.executable, str(Path(__file__).with_name("load.py")), f"{LOCAL},{LOCAL6}", "400", where="pod")
    for _ in range(2):
        # A query that stays under way keeps the old instance from ending while new ones come.
        here.start("dig", "+tries=1", "+time=6", f"@{LOCAL}", "under-way.slow.test", where="pod")
        new = here.serve(*flags, template=template)
        new.says(IN_PLACE)
        assert len(here.tables()) == 2
        assert old.end() == 0
        assert len(here.tables()) == 1
        old = new
    figures = _figures(load)
    assert figures["asked"] > 400
    assert figures["answered"] == figures["asked"], figures
    assert here.addresses() == {LOCAL, LOCAL6, CLUSTER}
    assert "cannot listen" not in old.said
    assert here.dig(CLUSTER) == HERE
    assert here.run("cat", "/proc/net/tcp").stdout.count(":2489 ") == 1  # the set-up metrics, now of one instance


@needs("iptables", "ip6tables")
def test_an_ending_instance_leaves_the_iptables_rules_to_the_one_that_serves_on(here: Node) -> None:
    old, new = (here.serve("-firewall", "iptables") for _ in range(2))
    old.says("rules by iptables")
    for one in (old, new):
        one.says("k8s-resolver")
        until(lambda: here.jumps() == 8)
    until(lambda: here.run("cat", "/proc/net/unix").stdout.count("nodelocaldns/rules/") == 2)
    assert old.end() == 0
    assert "another instance serves the local addresses: the rules stay" in old.said
    assert (here.jumps(), here.dig(CLUSTER)) == (8, HERE)
    assert new.end() == 0
    assert (here.jumps(), here.addresses()) == (0, set())


@needs("setpriv")
def test_a_guard_keeps_the_rules_of_a_server_that_has_no_rights(open_here: Node) -> None:
    here = open_here
    here.cluster_dns()
    setup = here.run(*resolver("node", "setup", "-localip", f"{LOCAL},{CLUSTER}"))
    assert setup.returncode == 0, setup.stdout + setup.stderr
    guard = here.start(*resolver("node", "guard", "-localip", f"{LOCAL},{CLUSTER}", "-firewall", "nftables"))
    flags = here.flags("-setupinterface=false", "-setupiptables=false", local=f"{LOCAL},{CLUSTER}")

    def start() -> Program:
        return here.start(*WITHOUT_RIGHTS, *resolver("node", *flags), PYTHONDONTWRITEBYTECODE="1")

    server = start()
    server.says("k8s-resolver")
    guard.says(IN_PLACE)
    here.becomes(CLUSTER, HERE)
    assert server.end(signal.SIGKILL) != 0
    guard.says("did not answer 3 times")
    here.becomes(CLUSTER, THERE)
    start().says("k8s-resolver")
    guard.says(IN_PLACE, times=2)
    here.becomes(CLUSTER, HERE)
    assert guard.end() == 0
    assert (here.dig(CLUSTER), here.dig(LOCAL)) == (THERE, HERE)


@needs("setpriv")
def test_the_right_that_is_missing_is_named(open_here: Node) -> None:
    server = open_here.start(*WITHOUT_RIGHTS, *resolver("node", *open_here.flags()))
    assert server.wait() == 1
    assert "link and rules take the capability NET_ADMIN" in server.said


def test_setup_makes_the_rules_only_once_the_server_answers(here: Node) -> None:
    words = resolver("node", "setup", "-localip", LOCAL, "-setupiptables", "-firewall", "nftables")
    done = here.run(*words, "-wait", "0s")
    assert done.returncode == 1
    assert f"no rules: {LOCAL} did not answer on port 53" in done.stderr
    assert here.tables() == []
    here.serve("-setupinterface=false", "-setupiptables=false", local=LOCAL).says("k8s-resolver")
    assert here.run(*words).returncode == 0
    assert here.tables() == ["resolver_node"]
    assert here.dig(LOCAL) == HERE
    in_use = here.run(*resolver("node", "teardown", "-localip", LOCAL))
    assert in_use.returncode == 1
    assert "an instance serves the local addresses now" in in_use.stderr
    assert here.run(*resolver("node", "teardown", "-localip", LOCAL, "-force")).returncode == 0
    assert (here.tables(), here.addresses()) == ([], set())


@pytest.mark.parametrize("interface", ["true", "false"])
def test_an_address_of_ipvs_is_left_alone_and_named(here: Node, interface: str) -> None:
    for words in (
        ["link", "add", "kube-ipvs0", "type", "bridge"],
        ["addr", "add", f"{CLUSTER}/32", "dev", "kube-ipvs0"],
    ):
        here.ok(["ip", "-n", here.names["node"], *words])
    assert here.run(*resolver("node", "setup", "-localip", f"{LOCAL},{LOCAL6}")).returncode == 0
    server = here.serve("-firewall", "nftables", f"-setupinterface={interface}")
    server.says(IN_PLACE)
    assert f"{CLUSTER} is on kube-ipvs0: kube-proxy runs in IPVS mode" in server.said
    assert here.addresses() == {LOCAL, LOCAL6}
    assert CLUSTER not in here.run("nft", "list", "table", "inet", here.tables()[0]).stdout


def test_addresses_of_others_stay_on_a_link_that_is_not_ours(here: Node) -> None:
    for words in (["link", "add", "own0", "type", "bridge"], ["addr", "add", "192.0.2.77/32", "dev", "own0"]):
        here.ok(["ip", "-n", here.names["node"], *words])
    server = here.serve("-interfacename=own0", "-firewall=none")
    server.says("k8s-resolver")
    assert here.addresses("own0") == {LOCAL, LOCAL6, CLUSTER, "192.0.2.77"}
    server.end()
    assert here.addresses("own0") == {"192.0.2.77"}


def test_a_changed_config_map_is_served_and_a_broken_one_is_not(here: Node) -> None:
    config_map = here.folder / "kube-dns"
    config_map.mkdir()
    server = here.serve("-firewall=none", "-kubednscm", str(config_map), local=LOCAL)
    server.says("k8s-resolver")
    (config_map / "stubDomains").write_text(json.dumps({"acme.test": ["192.0.2.53"]}))
    server.says("Reloading complete")
    generated = next(here.folder.glob("Corefile-*"))
    assert "acme.test:53 {" in generated.read_text()
    (config_map / "stubDomains").write_text('{"acme.test": ["not-an-address"]}')
    server.says("is not an IP address")
    assert "acme.test:53 {" in generated.read_text()
    until(lambda: 'errortype="configmap"} 1.0' in here.run("python3", "-c", _SCRAPE).stdout)
    assert here.dig(LOCAL) == HERE


_SCRAPE = "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:9353/metrics').read().decode())"


def _figures(load: Program) -> dict[str, float]:
    deadline = time.monotonic() + 2.0
    while load.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    if load.process.stdin is not None:
        load.process.stdin.close()
        load.process.stdin = None
    assert load.wait() == 0
    return dict(json.loads(load.said))
