"""Looking through a directory for zones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from resolver.errors import WireError
from resolver.plugins.auto.settings import Settings
from resolver.wire.names import is_below, to_text

MAX_FILES: Final = 200_000


@dataclass(slots=True)
class Found:
    """The files by origin, and what is wrong with others, by their paths."""

    files: dict[bytes, Path] = field(default_factory=dict)
    remarks: dict[Path, str] = field(default_factory=dict)


def look(settings: Settings) -> Found:
    """What is in the directory and below it now. Raises OSError where it cannot be read.

    Directories whose names begin with two dots are passed over: in volumes of Kubernetes they hold what the links
    beside them lead to.
    """
    found = Found()
    os.listdir(settings.directory)  # noqa: PTH208 - the walk passes over errors, also that of the directory itself
    for number, path in enumerate(_files(settings.directory), 1):
        if number > MAX_FILES:
            found.remarks[settings.directory] = f"has more than {MAX_FILES} files; the others are left out"
            break
        groups = settings.pattern.groups(path.name)
        if groups is None:
            continue
        try:
            origin = settings.template.origin(groups)
        except WireError as error:
            found.remarks[path] = f"is left out: {error}"
            continue
        if not any(is_below(origin, zone) or is_below(zone, origin) for zone in settings.zones):
            found.remarks[path] = f"is left out: {to_text(origin)} is not within the zones of the directive"
        elif origin in found.files:
            found.remarks[path] = f"is left out: {found.files[origin]} is {to_text(origin)} already"
        else:
            found.files[origin] = path
    return found


def _files(directory: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(directory):
        below[:] = sorted(name for name in below if not name.startswith(".."))
        for name in sorted(names):
            yield Path(folder, name)
