"""Audit lines of a busy cluster, the same for a seed: ``python -m tests.support.audit_lines COUNT [SEED]``."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
SEARCH = ("{namespace}.svc.cluster.local.", "svc.cluster.local.", "cluster.local.")
UPSTREAMS = (("tls://9.9.9.9:853", 14.0), ("tls://149.112.112.112:853", 19.0), ("10.0.0.53:53", 1.2))
# Namespace, its workloads and how busy it is.
TEAMS = (
    ("payments", ("Deployment/checkout", "Deployment/ledger", "CronJob/settlement"), 30),
    ("shop", ("Deployment/web", "Deployment/search", "StatefulSet/cart"), 40),
    ("data", ("StatefulSet/warehouse", "Job/import"), 15),
    ("monitoring", ("DaemonSet/agent",), 10),
    ("build", ("Deployment/runner",), 5),
)
NAMES = {
    "payments": (
        "api.stripe.example.",
        "api.adyen.example.",
        "vault.corp.internal.",
        "ledger-db.eu-west-1.rds.example.",
    ),
    "shop": (
        "cdn.shop.example.",
        "images.shop.example.",
        "api.maps.example.",
        "search.saas.example.",
        "feature-flags.example.",
    ),
    "data": ("storage.objects.example.", "warehouse.corp.internal.", "ftp.partner.example.co.uk."),
    "monitoring": ("ingest.metrics.example.", "hooks.chat.example."),
    "build": ("registry.images.example.", "index.packages.example.", "github.example.", "objects.github.example."),
}
DENIED = ("pool.coinmine.example.", "telemetry.vendor.example.", "paste.example.")


class Cluster:
    """Makes lines as dictionaries, in order of time, ``a_second`` of them on average."""

    def __init__(self, seed: int = 5, a_second: float = 5.0, start: datetime = START) -> None:
        self.random = random.Random(seed)
        self.time = start
        self.a_second = a_second
        self._weights = [team[2] for team in TEAMS]

    def lines(self, count: int) -> Iterator[dict[str, Any]]:
        """So many lines."""
        made = 0
        while made < count:
            for line in self._event():
                if made >= count:
                    return
                made += 1
                yield line

    def _event(self) -> Iterator[dict[str, Any]]:
        """What one connection of a workload leads to: a name, often behind search suffixes, for both families."""
        draw = self.random.random()
        if draw < 0.004:
            yield from self._tunnel()
        elif draw < 0.012:
            yield self._denial()
        elif draw < 0.014:
            yield self._rebinding()
        elif draw < 0.02:
            yield self._failure()
        else:
            yield from self._lookup()

    def _lookup(self) -> Iterator[dict[str, Any]]:
        namespace, owner = self._workload()
        name = self._pick(NAMES[namespace])
        if self.random.random() < 0.25:
            name = f"{self._pick(('api', 'db', 'cache', 'queue'))}.{namespace}.svc.cluster.local."
        elif self.random.random() < 0.3:
            for suffix in SEARCH:
                for rtype in ("A", "AAAA"):
                    wrong = name + suffix.format(namespace=namespace)
                    yield self._line(namespace, owner, name=wrong, type=rtype, rcode="NXDOMAIN", cache="hit", answers=0)
        for rtype in ("A", "AAAA"):
            has = rtype == "A" or name.startswith(("cdn.", "images.", "github."))
            yield self._answer(namespace, owner, name, rtype, has)

    def _answer(self, namespace: str, owner: str, name: str, rtype: str, has: bool) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "name": name,
            "type": rtype,
            "rcode": "NOERROR",
            "decision": "allow",
            "rule": namespace,
        }
        if has:
            fields |= {"answers": 1, "addresses": ["192.0.2.10" if rtype == "A" else "2001:db8::10"]}
        if self.random.random() < 0.12 and "cluster.local" not in name:
            fields |= self._upstream()
        elif self.random.random() < 0.01:
            fields |= {"cache": "stale", "ede": [{"code": 3, "text": "stale answer"}]}
        return self._line(namespace, owner, **({"cache": "hit"} | fields))

    def _upstream(self) -> dict[str, Any]:
        address, middle = UPSTREAMS[self.random.choices((0, 1, 2), (6, 3, 2))[0]]
        took = round(middle * self.random.lognormvariate(0, 0.5), 3)
        return {"cache": "miss", "upstream": address, "upstream_ms": took, "duration_ms": round(took + 0.2, 3)}

    def _tunnel(self) -> Iterator[dict[str, Any]]:
        for _ in range(12):
            data = "".join(self.random.choices("abcdefghijklmnopqrstuvwxyz234567", k=52))
            yield self._line(
                "build", "Deployment/runner", name=f"{data}.t.exfil.example.", type="TXT", rcode="NOERROR", answers=1,
                size=480, **self._upstream(),
            )  # fmt: skip

    def _denial(self) -> dict[str, Any]:
        namespace, owner = self._workload()
        denied = self.random.random() < 0.7
        return self._line(
            namespace, owner, name=self._pick(DENIED), type="A", rcode="REFUSED" if denied else "NOERROR",
            decision="deny" if denied else "audit-only", rule="default-deny" if denied else "next-default-deny",
            answers=0 if denied else 1, ede=[{"code": 15, "text": "rule default-deny"}] if denied else [],
        )  # fmt: skip

    def _rebinding(self) -> dict[str, Any]:
        return self._line(
            "shop", "Deployment/web", name="rebind.attacker.example.", type="A", rcode="REFUSED", decision="deny",
            rule="rebinding", ede=[{"code": 15, "text": "rebinding: 10.0.0.1 is private"}], **self._upstream(),
        )  # fmt: skip

    def _failure(self) -> dict[str, Any]:
        namespace, owner = self._workload()
        return self._line(
            namespace, owner, name="flaky.partner.example.", type="A", rcode="SERVFAIL", cache="miss",
            ede=[{"code": 22, "text": "no upstream answered"}], duration_ms=5000.0,
        )  # fmt: skip

    def _workload(self) -> tuple[str, str]:
        namespace, owners, _ = self.random.choices(TEAMS, self._weights)[0]
        return namespace, self._pick(owners)

    def _pick(self, items: tuple[str, ...]) -> str:
        """One of them, the first ones more often."""
        return items[min(int(self.random.expovariate(1.0)), len(items) - 1)]

    def _line(self, namespace: str, owner: str, **fields: Any) -> dict[str, Any]:
        self.time += timedelta(seconds=self.random.expovariate(self._rate()))
        replica = self.random.randrange(3)
        kind, _, workload = owner.partition("/")
        line = {
            "time": self.time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "client": f"10.244.{len(namespace)}.{len(workload) * 10 + replica}",
            "port": self.random.randrange(30000, 60000),
            "namespace": namespace,
            "pod": f"{workload}-{'7d9f8b6c5-' if kind == 'Deployment' else ''}{replica}",
            "owner": owner,
            "service_account": workload,
            "node": f"node-{replica + 1}",
            "transport": "tls" if namespace == "payments" else "udp",
            "server": "dns://:53",
            "zone": ".",
            "duration_ms": round(self.random.lognormvariate(-2.3, 0.4), 3),
            "size": self.random.randrange(60, 180),
        }
        return {name: value for name, value in (line | fields).items() if value not in ("", 0, [])}

    def _rate(self) -> float:
        """Lines a second, which follow the day."""
        hour = self.time.hour + self.time.minute / 60
        return self.a_second * (0.35 + 0.65 * max(0.0, 1 - abs(hour - 14) / 8))


def encoded(count: int, seed: int = 5, a_second: float = 5.0) -> bytes:
    """So many lines as octets."""
    return b"".join(_octets(line) for line in Cluster(seed, a_second).lines(count))


def _octets(line: dict[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


if __name__ == "__main__":
    for made in Cluster(int(sys.argv[2]) if len(sys.argv) > 2 else 5).lines(int(sys.argv[1])):
        sys.stdout.buffer.write(_octets(made))
