"""The names of the fields of a line."""

from __future__ import annotations

from typing import Final

IDENTITY: Final = ("namespace", "pod", "owner", "service_account", "node")

# What a line can do without; it always says its time, and how many it stands for.
OPTIONAL: Final = (
    "client", "port", *IDENTITY, "transport", "name", "type", "class", "opcode", "server", "zone", "view", "decision",
    "rule", "rewrite", "cache", "upstream", "upstream_ms", "duration_ms", "rcode", "answers", "addresses", "aliases",
    "ede", "size", "dropped",
)  # fmt: skip

HASHABLE: Final = ("client", *IDENTITY, "name", "rewrite", "upstream", "addresses", "aliases")
