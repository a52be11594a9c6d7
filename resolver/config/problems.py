"""Gathering mistakes, so that all errors of a configuration are reported at once."""

from __future__ import annotations

from types import TracebackType

from resolver.errors import ConfigError, ConfigErrors, Place

MAX_PROBLEMS = 100


class Problems:
    """A list of mistakes that is also a context manager.

    What is raised inside ``with problems:`` is noted and not passed on. The same mistake at the same place is noted
    once, and at most 100 are.
    """

    def __init__(self) -> None:
        self._noted: dict[tuple[str, Place | None], ConfigError] = {}

    def __bool__(self) -> bool:
        return bool(self._noted)

    def add(self, error: ConfigError | ConfigErrors) -> None:
        """Note one mistake or several."""
        for one in error.errors if isinstance(error, ConfigErrors) else (error,):
            if len(self._noted) < MAX_PROBLEMS:
                self._noted.setdefault((one.message, one.at), one)

    def all(self) -> list[ConfigError]:
        """What was noted, in that order."""
        return list(self._noted.values())

    def raise_any(self) -> None:
        """Raise the noted mistakes as one ConfigErrors, those of one file in the order of its lines."""
        if self._noted:
            raise ConfigErrors(in_file_order(self.all()))

    def __enter__(self) -> Problems:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, ConfigError | ConfigErrors):
            self.add(error)
            return True
        return False


def in_file_order(errors: list[ConfigError]) -> list[ConfigError]:
    """Sorted by line within each file; files in the order in which they first appear."""
    files: dict[str, int] = {}
    for error in errors:
        files.setdefault(error.at.file if error.at else "", len(files))

    def rank(error: ConfigError) -> tuple[int, int, int]:
        if error.at is None:
            return files[""], 0, 0
        return files[error.at.file], error.at.line, error.at.column

    return sorted(errors, key=rank)
