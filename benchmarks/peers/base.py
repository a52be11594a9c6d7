"""What the suite needs to know about a server."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.names import ZONE


@dataclass(frozen=True, slots=True)
class Setup:
    """How a server is to be set up: ports of 127.0.0.1, a directory for its files, room for ``cache_entries`` answers.

    ``stub_zones`` is how many zones of its own (``z0.bench.test`` and so on) it forwards to the same upstream.
    """

    port: int
    upstream: int
    spare_port: int
    directory: Path
    cache_entries: int
    stub_zones: int = 0
    workers: int = 1

    def zones(self) -> list[str]:
        return [f"z{index}.{ZONE}" for index in range(self.stub_zones)]

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text)
        return path


@dataclass(frozen=True, slots=True)
class Peer:
    """One server: ``command`` writes its configuration and returns the words that start it in the foreground."""

    name: str
    program: str
    command: Callable[[Setup], list[str]]
    ask_version: tuple[str, ...]
    has_stub_zones: bool = False
    has_workers: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def is_installed(self) -> bool:
        return shutil.which(self.program) is not None

    def version(self) -> str:
        """The first version number that the program prints about itself, or "unknown"."""
        try:
            shown = subprocess.run(
                [self.program, *self.ask_version], capture_output=True, text=True, timeout=15, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return "unknown"
        found = re.search(r"[0-9]+\.[0-9]+[-.0-9a-z]*", shown.stdout + shown.stderr)
        return found.group(0) if found else "unknown"
