"""A configuration that is looked at on another machine than the one that will serve it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from resolver.config.problems import Problems
from resolver.errors import ConfigError

_DEPTH = 8  # causes of a mistake that are looked at


@dataclass(slots=True)
class Elsewhere:
    """Forgives what this machine lacks, and notes it: files, and variables of the environment.

    ``root`` is the folder of the configuration. What is named below it goes where the configuration goes, so that it
    has to be here too. ``notes`` are the mistakes that may be none there, ``skipped`` those of them for which a
    directive was not looked at.
    """

    root: Path
    notes: Problems = field(default_factory=Problems)
    skipped: Problems = field(default_factory=Problems)

    def excuses(self, mistake: ConfigError, cause: BaseException | None = None) -> bool:
        """Whether the mistake is that something is not here, which is noted then. ``cause`` is what led to it."""
        lacking = mistake.absent or self._lacks(cause or mistake)
        if lacking:
            self.notes.add(mistake)
        return lacking

    def _lacks(self, error: BaseException | None) -> bool:
        for _ in range(_DEPTH):
            if isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError):
                return error.filename is None or not Path(error.filename).is_relative_to(self.root)
            error = error and (error.__cause__ or error.__context__)
        return False
