"""What the log says about the API: each thing once, not once for every try."""

from __future__ import annotations

from resolver.telemetry.log import Log

MAX_OBJECTS = 1000  # objects and reasons that are remembered; over that the log only says that there are more


class Complaints:
    """The log lines of one pool."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._objects: set[tuple[str, str, str]] = set()
        self._problems: dict[str, str] = {}
        self._absent: set[str] = set()

    def object(self, kind: str, key: str, reason: str) -> None:
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

    def problem(self, kind: str, reason: str) -> None:
        """A kind cannot be listed or watched: one line until the reason changes or it works again."""
        if self._problems.get(kind) != reason:
            self._problems[kind] = reason
            self._log.warning(f"{reason}; what is known is kept", kind=kind)

    def recovered(self, kind: str) -> None:
        """It works again."""
        if self._problems.pop(kind, None):
            self._log.info(f"{kind}: the API answers again", kind=kind)

    def absent(self, kind: str) -> None:
        """A kind is not served: one line."""
        if kind not in self._absent:
            self._absent.add(kind)
            self._log.info(f"the API does not serve {kind}; it is looked for about once a minute", kind=kind)

    def follower(self, kind: str, reason: str) -> None:
        """One who follows a watch has failed, which is a mistake in this program."""
        self._log.error(f"{kind}: {reason}", kind=kind)
