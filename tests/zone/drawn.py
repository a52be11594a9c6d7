"""Zones that nobody would write, drawn by chance from a seed: few labels, so that everything meets everything."""

from __future__ import annotations

from random import Random

LABELS = ("a", "b", "c")
PLAIN = (
    "A 192.0.2.{n}",
    "AAAA 2001:db8::{n}",
    'TXT "text {n}"',
    "MX {n} {name}",
    "SRV 1 2 {n} {name}",
)
TYPES = ("A", "AAAA", "TXT", "MX", "NS", "CNAME", "DS", "SOA", "DNAME", "SRV", "NSEC3PARAM", "DNSKEY")


def draw_zone(chance: Random, origin: str) -> str:
    """The text of a zone, with absolute names."""
    lines = [f"{origin} 3600 IN SOA ns.{origin} host.{origin} 1 7200 1800 1209600 300"]
    lines += [f"{origin} 3600 IN NS ns.{origin}", f"ns.{origin} 3600 IN A 192.0.2.53"]
    redirected: list[str] = []
    for number in range(chance.randint(5, 14)):
        name = draw_name(chance, origin)
        if name in redirected or any(line.startswith(f"{name} ") for line in lines):
            continue
        if any(name.endswith(f".{above}") for above in redirected):
            continue
        if "*" not in name and chance.random() < 0.25:
            lines += _cut(chance, name, number)
            continue
        if chance.random() < 0.25:
            target = draw_name(chance, origin) if chance.random() < 0.8 else "www.elsewhere.test."
            kind = "DNAME" if "*" not in name and chance.random() < 0.4 else "CNAME"
            if kind == "DNAME" and any(line.split()[0].endswith(f".{name}") for line in lines):
                kind = "CNAME"
            if kind == "DNAME":
                redirected.append(name)
            lines.append(f"{name} 3600 IN {kind} {target.replace('*', 'a')}")
            continue
        for record in chance.sample(PLAIN, chance.randint(1, 3)):
            lines.append(f"{name} 3600 IN " + record.format(n=number + 1, name=draw_name(chance, origin)))
    return "\n".join(lines) + "\n"


def draw_name(chance: Random, origin: str) -> str:
    """A name in a zone, perhaps a wildcard or the name of many others."""
    labels = [chance.choice(LABELS) for _ in range(chance.randint(1, 3))]
    if chance.random() < 0.2:
        labels[0] = "*"
    return ".".join(labels) + "." + origin


def draw_question(chance: Random, origin: str) -> tuple[str, str]:
    """A name, which may not be there, and a type."""
    labels = [chance.choice((*LABELS, "ns", "x", "*")) for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 4)))]
    return ".".join([*labels, origin]), chance.choice(TYPES)


def _cut(chance: Random, name: str, number: int) -> list[str]:
    inside = f"ns.{name}"
    lines = [f"{name} 3600 IN NS {inside}", f"{inside} 3600 IN A 192.0.2.{number + 1}"]
    if chance.random() < 0.5:
        lines.append(f"{name} 3600 IN NS ns.elsewhere.test.")
    if chance.random() < 0.5:
        lines.append(f"{name} 3600 IN DS {number + 1} 13 2 {'ab' * 32}")
    return lines
