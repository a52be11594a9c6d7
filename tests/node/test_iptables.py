"""The rules in iptables' chains, written by a made-up iptables that keeps them as the real one lists them."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from resolver.node.iptables import CHAIN, Iptables, Ran, choose_variant
from resolver.node.rules import FirewallError, accepted, untracked

V4, V6 = ip_address("169.254.20.10"), ip_address("fd00::10")
HOOKS = {"raw": ("PREROUTING", "OUTPUT"), "filter": ("INPUT", "FORWARD", "OUTPUT")}


class Kernel:
    """What iptables-restore and iptables -S do, for both families. ``fails`` are the next outcomes."""

    def __init__(self) -> None:
        self.tables = {
            (program, table): {hook: [] for hook in hooks}
            for program in ("iptables", "ip6tables")
            for table, hooks in HOOKS.items()
        }  # type: dict[tuple[str, str], dict[str, list[str]]]
        self.policies: dict[str, str] = {}
        self.fails: list[Ran] = []
        self.writes = 0

    async def run(self, words: Sequence[str], text: str) -> Ran:
        assert words[1:3] == ["-w", "5"]
        if self.fails:
            return self.fails.pop(0)
        program = words[0].removesuffix("-restore")
        if words[0] != program:
            assert words[3:] == ["--noflush"]
            return self._restore(program, text.splitlines())
        return Ran(0, self._listing(program, words[4]))

    def _listing(self, program: str, table: str) -> str:
        chains = self.tables[program, table]
        heads = [
            f"-P {name} {self.policies.get(name, 'ACCEPT')}" if name in HOOKS[table] else f"-N {name}"
            for name in chains
        ]
        return "\n".join([*heads, *(f"-A {name} {rule}" for name, rules in chains.items() for rule in rules), ""])

    def _restore(self, program: str, lines: list[str]) -> Ran:
        self.writes += 1
        table, end = lines[0][1:], lines[-1]
        assert (lines[0][0], end) == ("*", "COMMIT")
        chains = {name: list(rules) for name, rules in self.tables[program, table].items()}
        for line in lines[1:-1]:
            if line.startswith(":"):
                chains[line[1:].split()[0]] = []
                continue
            action, name, *rest = line.split(" ", 2)
            rule = rest[0] if rest else ""
            if action == "-A":
                chains[name].append(rule)
            elif action == "-I":
                chains[name].insert(0, rule.removeprefix("1 "))
            elif action == "-D" and rule not in chains[name]:
                return Ran(1, err=f"iptables-restore: no such rule: {line}")
            elif action == "-D":
                chains[name].remove(rule)
            elif action == "-F":
                chains[name] = []
            elif action == "-X":
                assert not any(one.endswith(f"-j {name}") for rules in chains.values() for one in rules)
                del chains[name]
        self.tables[program, table] = chains
        return Ran(0)


def rules(kernel: Kernel) -> Iptables:
    addresses = (V4, V6)
    return Iptables(untracked(addresses, 53, 8080), accepted(addresses, 53), run=kernel.run)


async def test_both_families_get_chains_of_their_own_with_a_jump_from_each_hook() -> None:
    kernel = Kernel()
    assert await rules(kernel).install()
    raw = kernel.tables["iptables", "raw"]
    assert raw["PREROUTING"] == raw["OUTPUT"] == [f"-j {CHAIN}"]
    comment = '-m comment --comment "k8s-resolver node"'
    assert raw[CHAIN][:2] == [
        f"-d 169.254.20.10/32 -p udp -m udp --dport 53 {comment} -j NOTRACK",
        f"-s 169.254.20.10/32 -p udp -m udp --sport 53 {comment} -j NOTRACK",
    ]
    assert len(raw[CHAIN]) == 6
    accept = kernel.tables["ip6tables", "filter"]
    assert (accept["INPUT"], accept["FORWARD"]) == ([f"-j {CHAIN}"], [])
    assert accept[CHAIN][0] == f"-d fd00::10/128 -p udp -m udp --dport 53 {comment} -j ACCEPT"
    assert not any("8080" in rule for rule in accept[CHAIN])


async def test_nothing_is_written_while_all_is_as_it_should_be() -> None:
    kernel = Kernel()
    firewall = rules(kernel)
    await firewall.install()
    writes = kernel.writes
    assert not await firewall.install()
    assert kernel.writes == writes


async def test_installing_over_what_an_earlier_process_left_gives_the_same_rules() -> None:
    kernel = Kernel()
    await rules(kernel).install()
    before = {key: {name: list(lines) for name, lines in chains.items()} for key, chains in kernel.tables.items()}
    kernel.tables["iptables", "raw"]["PREROUTING"].append(f"-j {CHAIN}")  # an add that happened twice
    assert await rules(kernel).install()
    assert kernel.tables == before


@pytest.mark.parametrize("harm", ["another rule came first", "a rule is gone", "the chain is gone"])
async def test_what_somebody_changed_is_put_right(harm: str) -> None:
    kernel = Kernel()
    firewall = rules(kernel)
    await firewall.install()
    raw = kernel.tables["iptables", "raw"]
    if harm == "another rule came first":
        raw["PREROUTING"].insert(0, "-j ACCEPT")
    elif harm == "a rule is gone":
        raw[CHAIN].pop()
    else:
        raw.clear()
        raw.update({"PREROUTING": [], "OUTPUT": []})
    assert await firewall.install()
    assert raw is not kernel.tables["iptables", "raw"]
    assert kernel.tables["iptables", "raw"]["PREROUTING"][0] == f"-j {CHAIN}"
    assert len(kernel.tables["iptables", "raw"][CHAIN]) == 6


async def test_removing_leaves_the_rules_of_others() -> None:
    kernel = Kernel()
    kernel.tables["iptables", "filter"]["INPUT"].append("-i lo -j ACCEPT")
    firewall = rules(kernel)
    await firewall.install()
    assert await firewall.remove()
    assert kernel.tables["iptables", "filter"] == {"INPUT": ["-i lo -j ACCEPT"], "FORWARD": [], "OUTPUT": []}
    assert not await firewall.remove()


async def test_rules_of_nodelocal_dnscache_are_found_by_their_mark() -> None:
    kernel = Kernel()
    theirs = '-d 169.254.20.10/32 -p udp -m comment --comment "NodeLocal DNS Cache: skip conntrack" -j NOTRACK'
    kernel.tables["iptables", "raw"]["OUTPUT"] += [theirs, "-j ACCEPT"]
    assert await rules(kernel).remove_foreign() == 1
    assert kernel.tables["iptables", "raw"]["OUTPUT"] == ["-j ACCEPT"]


@pytest.mark.parametrize(
    ("ran", "kind"),
    [
        (Ran(4, err="Another app is currently holding the xtables lock; still 0s 0us time ahead"), "iptables_lock"),
        (Ran(4, err="iptables: Permission denied (you must be root)"), "iptables"),
        (Ran(127, err="cannot start iptables: No such file or directory"), "iptables"),
        (Ran(1), "iptables"),
    ],
)
async def test_a_failure_is_told_from_a_lock_that_others_hold(ran: Ran, kind: str) -> None:
    kernel = Kernel()
    kernel.fails = [ran]
    with pytest.raises(FirewallError) as caught:
        await rules(kernel).install()
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    ("line", "blocks"),
    [
        ("-j DROP", True),
        ("-p udp -j REJECT --reject-with icmp-port-unreachable", True),
        ("-m conntrack --ctstate INVALID -j DROP", False),
        ("-i lo -j ACCEPT", False),
        ("-j KUBE-FIREWALL", False),
    ],
)
async def test_a_hook_that_drops_by_itself_is_found(line: str, blocks: bool) -> None:
    kernel = Kernel()
    assert await rules(kernel).blocks() == ""
    kernel.tables["ip6tables", "filter"]["INPUT"].append(line)
    assert bool(await rules(kernel).blocks()) == blocks


async def test_a_policy_that_drops_is_found_where_packets_come_in_and_not_where_they_pass_through() -> None:
    kernel = Kernel()
    kernel.policies = {"FORWARD": "DROP"}
    assert await rules(kernel).blocks() == ""
    kernel.policies = {"INPUT": "DROP"}
    assert await rules(kernel).blocks() == "iptables: -P INPUT DROP"


@pytest.mark.parametrize(
    ("saved", "variant"),
    [
        ({}, ""),
        ({"iptables-legacy-save": ":KUBE-IPTABLES-HINT - [0:0]\n", "iptables-nft-save": "-A x\n-A y\n"}, "-legacy"),
        ({"iptables-nft-save": ":KUBE-IPTABLES-HINT - [0:0]\n"}, "-nft"),
        ({"iptables-legacy-save": "-A x\n"}, "-legacy"),
        ({"iptables-nft-save": "-A x\n-A y\n", "iptables-legacy-save": "-A x\n"}, "-nft"),
    ],
)
async def test_the_kind_of_iptables_is_that_which_the_node_uses(
    saved: dict[str, str], variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(words: Sequence[str], text: str) -> Ran:
        return Ran(0, saved.get(words[0], ""))

    monkeypatch.setattr("resolver.node.iptables.shutil.which", lambda name: f"/usr/sbin/{name}")
    assert await choose_variant(run) == variant


async def test_where_only_one_kind_is_installed_there_is_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.node.iptables.shutil.which", lambda name: None)
    assert await choose_variant(Kernel().run) == ""
