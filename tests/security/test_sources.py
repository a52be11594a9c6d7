"""What the sources themselves must hold to: nothing that an attacker may gain from guessing comes from ``random``."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2] / "resolver"

# Where ``random`` spreads load or moments in time, and nobody gains from foreseeing it.
HARMLESS = {
    "chain/setup.py", "kube/pauses.py", "kube/pool.py", "kube/reflector.py", "plugins/dnstap/outgoing.py",
    "plugins/etcd/mirror.py", "plugins/loadbalance/orders.py", "upstream/policy.py", "zone/follower.py",
    "zone/refresh.py",
}  # fmt: skip

PARTS = {"Plugin", "Part"}


def _imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
    return found


def test_every_part_that_has_groups_of_clients_is_asked_for_them() -> None:
    """CoreDNS 8289: a part that lacks half of what ``Sorting`` asks for has its answers replayed to everybody."""
    having = {
        f"{path.parent.name}.{node.name}"
        for path in ROOT.glob("plugins/*/*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and {base.id for base in node.bases if isinstance(base, ast.Name)} & PARTS
        if "group" in _methods(node) and "sorts" not in _methods(node)
    }
    assert not having


def _methods(node: ast.ClassDef) -> set[str]:
    return {one.name for one in node.body if isinstance(one, ast.FunctionDef)}


def test_random_is_used_only_where_guessing_gains_nothing() -> None:
    """GHSA-gv9j-4w24-q7vx."""
    users = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if "random" in _imports(path)}
    assert users <= HARMLESS


def test_questions_to_upstreams_have_numbers_from_secrets() -> None:
    for path in (ROOT / "upstream" / "udp.py", ROOT / "upstream" / "stream.py", ROOT / "plugins" / "loop" / "probe.py"):
        assert re.search(r"\b(urandom|secrets|SystemRandom)\b", path.read_text(encoding="utf-8"))


def test_nothing_is_unpickled_or_evaluated_from_outside() -> None:
    """What workers send each other is the one use of pickle; it never comes from a socket that others can reach."""
    users = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if _imports(path) & {"pickle", "marshal"}}
    assert all(user.startswith("runtime/") for user in users), users
