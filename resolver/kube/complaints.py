"""What the log says about the API: each thing once, not once for every try."""

from __future__ import annotations

from collections.abc import Hashable

from resolver.telemetry.log import Log

MAX_OBJECTS = 1000  # objects and reasons that are remembered; over that the log only says that there are more


class Complaints:
    """The log lines of one pool. ``where`` tells the lists and watches apart that a line is about."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._objects: set[tuple[str, str, str]] = set()
        self._problems: dict[Hashable, tuple[str, str]] = {}  # what is wrong, and of whom to say that it is over

    def spoken_by(self, log: Log) -> Complaints:
        """The same with another voice: what one has said is not said again by the other."""
        other = Complaints(log)
        other._objects, other._problems = self._objects, self._problems
        return other

    def malformed(self, kind: str, key: str, reason: str) -> None:
        """An object cannot be used: one line for each object and reason."""
        said = (kind, key, reason)
        if said in self._objects or len(self._objects) > MAX_OBJECTS:
            return
        self._objects.add(said)
        if len(self._objects) > MAX_OBJECTS:
            self._log.warning("more objects are malformed than are named here; the metric counts them")
            return
        where = f"{kind} {key}: " if key else f"{kind}: "
        self._log.warning(f"{where}{reason}", kind=kind, object=key)

    def problem(self, where: Hashable, reason: str, whose: str) -> None:
        """Something cannot be listed or watched: one line until the reason changes or it works again.

        What keeps several from working for one reason is said once; ``whose`` problem it is, the last one says that it
        is over.
        """
        if reason not in self._reasons():
            self._log.warning(f"{reason}; what is known is kept")
        self._problems[where] = reason, whose

    def recovered(self, where: Hashable) -> None:
        """It works again."""
        reason, whose = self._problems.pop(where, ("", ""))
        if reason and reason not in self._reasons():
            self._log.info(f"{whose}: the API answers now")

    def absent(self, where: Hashable, title: str) -> None:
        """A kind is not served: one line until that changes."""
        reason = f"the API does not serve {title}; it is looked for about once a minute"
        if reason not in self._reasons():
            self._log.info(reason)
        self._problems[where] = reason, title

    def _reasons(self) -> set[str]:
        return {reason for reason, _ in self._problems.values()}

    def forget(self, where: Hashable) -> None:
        """Nobody asks for it any more."""
        self._problems.pop(where, None)

    def follower(self, kind: str, reason: str) -> None:
        """One who follows a watch has failed, which is a mistake in this program."""
        self._log.error(f"{kind}: {reason}", kind=kind)
