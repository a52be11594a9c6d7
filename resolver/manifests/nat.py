"""Way 4 without a proxy: rules of the packet filter that hand a node's ports to external addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from resolver.manifests.settings import Host, ManifestError

_HEAD = """\
#!/usr/sbin/nft -f
# Way 4 without a proxy: the kernel of a node (or a gateway) hands its ports to external addresses.
# Load with `nft -f nat.nft`, again after each change; remove with `nft delete table inet resolver_nat`.
# A rule knows no names: when an external address changes, this file has to change.
# The ports must be no NodePorts of Services, and the node must forward (sysctl net.ipv4.ip_forward=1).

table inet resolver_nat
delete table inet resolver_nat
"""


def ruleset(hosts: Sequence[Host], places: Sequence[tuple[str, str]], first_port: int) -> str:
    """Rules for the hosts whose address is known, the first of them on ``first_port`` of the node.

    Raises ManifestError for an address of a host that is not among the hosts.
    """
    known = {host.target: host for host in hosts}
    for name, _ in places:
        if name not in known:
            raise ManifestError(f"--nat {name}: it is none of the hosts")
    rules = [(first_port + index, known[name], place) for index, (name, place) in enumerate(places)]
    if rules[-1][0] > 65535:
        raise ManifestError(f"no ports left above {first_port} for {len(rules)} hosts")
    return _HEAD + _table(rules)


def _table(rules: Sequence[tuple[int, Host, str]]) -> str:
    lines = ["table inet resolver_nat {"]
    for chain, hook, priority in (("incoming", "prerouting", "dstnat"), ("own", "output", "-100")):
        lines += [f"    chain {chain} {{", f"        type nat hook {hook} priority {priority}; policy accept;"]
        if chain == "own":
            lines.append(
                "        # Only what is meant for this node; otherwise the port would be taken from all the world."
            )
        lines += [f"        {_dnat(port, host, place)}" for port, host, place in rules]
        lines.append("    }")
    lines += [
        "    chain outgoing {",
        "        type nat hook postrouting priority srcnat; policy accept;",
        "        # Answers have to come back this way, so the external server sees the node as its client.",
        *(f"        {_masquerade(host, place)}" for _, host, place in rules),
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _dnat(port: int, host: Host, place: str) -> str:
    six = ipaddress.ip_address(place).version == 6
    family, target = ("ip6", f"[{place}]") if six else ("ip", place)
    matched = f"meta nfproto ipv{6 if six else 4} fib daddr type local tcp dport {port}"
    return f'{matched} dnat {family} to {target}:{host.port} comment "{host.target}"'


def _masquerade(host: Host, place: str) -> str:
    family = "ip6" if ipaddress.ip_address(place).version == 6 else "ip"
    return f"ct status dnat {family} daddr {place} tcp dport {host.port} masquerade"
