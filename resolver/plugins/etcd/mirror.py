"""The keys below the path, read once and kept up to date by a watch."""

from __future__ import annotations

import asyncio
import binascii
import random
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, Protocol

from resolver.errors import ResolverError, ZoneError
from resolver.plugins.etcd.gateway import EtcdError, encoded
from resolver.plugins.etcd.metrics import Metrics
from resolver.plugins.etcd.service import Path, read_service
from resolver.plugins.etcd.tree import Tree
from resolver.telemetry.log import Log

PAGE: Final = 500  # keys that are asked for at a time
MOST_KEYS: Final = 250_000
MOST_OCTETS: Final = 128 << 20  # of keys and values as they are in etcd
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0  # seconds
MOST_COMPLAINTS: Final = 100

Changed = Callable[[set[Path] | None], None]
"""Is told which paths have changed; None says that anything may have."""


class Watching(Protocol):
    """What is needed of a gateway."""

    @property
    def endpoint(self) -> str:
        """Where it asks."""

    async def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request. Raises EtcdError."""

    def watch(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Batches of changes. Raises EtcdError."""

    def turn(self) -> None:
        """Ask elsewhere from now on."""


class Mirror:
    """``synced`` says that everything was read at least once; what is known is kept while etcd is away."""

    def __init__(
        self,
        prefix: bytes,
        gateway: Watching,
        metrics: Metrics,
        log: Log,
        changed: Changed,
        chance: random.Random,
    ) -> None:
        self.tree = Tree()
        self.synced = False
        self.revision = 0
        self._prefix = prefix
        self._end = prefix[:-1] + bytes((prefix[-1] + 1,))
        self._gateway = gateway
        self._metrics = metrics
        self._log = log
        self._changed = changed
        self._chance = chance
        self._problem = ""
        self._complaints = 0
        self._works = False

    async def run(self) -> None:
        """Read and watch until cancelled."""
        pause = FIRST_PAUSE
        current = False  # whether a watch can go on where the last one ended
        while True:
            self._works = False
            try:
                if not current:
                    await self._load()
                    current = True
                await self._follow()
                self._trouble("it has ended the watch")
            except EtcdError as error:
                current = current and not error.compacted
                self._trouble(str(error))
            except ResolverError as error:
                current = False
                self._trouble(str(error))
            except Exception as error:  # a mistake in this program must not leave names as they are for ever
                current = False
                self._log.error(f"recovered from {type(error).__name__}: {error}")
            pause = FIRST_PAUSE if self._works else min(pause * 2, LONGEST_PAUSE)
            self._gateway.turn()
            await asyncio.sleep(pause * (0.5 + self._chance.random()))

    async def _load(self) -> None:
        """Read everything, as of one revision."""
        tree, start, revision = Tree(), self._prefix, 0
        while True:
            body = {"key": encoded(start), "range_end": encoded(self._end), "limit": PAGE, "revision": revision}
            answer = await self._gateway.ask("/v3/kv/range", body)
            revision = revision or _revision(answer)
            found = _list(answer, "kvs")
            for one in found:
                self._put(tree, one)
            if not answer.get("more") or not found:
                break
            start = _octets(found[-1], "key") + b"\0"
        self.tree, self.revision, self.synced = tree, revision, True
        self._metrics.keys.value = len(tree)
        self._fine()
        self._changed(None)

    async def _follow(self) -> None:
        request = {
            "key": encoded(self._prefix),
            "range_end": encoded(self._end),
            "start_revision": self.revision + 1,
            "progress_notify": True,
        }
        async for batch in self._gateway.watch({"create_request": request}):
            if batch.get("created"):
                self._fine()
            changed = {self._apply(event) for event in _list(batch, "events")}
            self.revision = max(self.revision, _revision(batch) if changed else self.revision)
            if changed:
                self._metrics.updates.value += len(changed)
                self._metrics.keys.value = len(self.tree)
                self._changed(changed)

    def _apply(self, event: dict[str, Any]) -> Path:
        one = event.get("kv")
        if not isinstance(one, dict):
            raise ZoneError("a change makes no sense")
        if event.get("type") == "DELETE":
            path = self._path(_octets(one, "key"))
            self.tree.remove(path)
            return path
        return self._put(self.tree, one)

    def _put(self, tree: Tree, one: dict[str, Any]) -> Path:
        key, value = _octets(one, "key"), _octets(one, "value")
        path = self._path(key)
        try:
            service = read_service(path, value, _number(one, "lease"))
        except ZoneError as error:
            service = None
            self._complain(key, str(error))
        tree.put(path, service, len(key) + len(value))
        if len(tree) > MOST_KEYS or tree.octets > MOST_OCTETS:
            self.synced = False
            raise ZoneError(f"there are more than {MOST_KEYS} keys or {MOST_OCTETS >> 20} MiB below {self._shown}")
        return path

    def _path(self, key: bytes) -> Path:
        return tuple(key[len(self._prefix) :].split(b"/"))

    @property
    def _shown(self) -> str:
        return self._prefix.decode("utf-8", "replace").rstrip("/")

    def _complain(self, key: bytes, reason: str) -> None:
        self._metrics.malformed.value += 1
        self._complaints += 1
        if self._complaints <= MOST_COMPLAINTS:
            self._log.warning(f"{key.decode('utf-8', 'replace')} is left out: {reason}")

    def _trouble(self, reason: str) -> None:
        self._metrics.failures.value += 1
        if reason != self._problem:
            self._problem = reason
            known = "what is known is kept" if self.synced else "nothing is known yet"
            self._log.warning(f"{self._gateway.endpoint}: {reason}; {known}")

    def _fine(self) -> None:
        self._works = True
        if self._problem:
            self._problem = ""
            self._log.info(f"{self._gateway.endpoint} answers, {len(self.tree)} keys are known")


def _revision(answer: dict[str, Any]) -> int:
    header = answer.get("header")
    return _number(header, "revision") if isinstance(header, dict) else 0


def _number(found: dict[str, Any], key: str) -> int:
    """Numbers of 64 bits are texts in JSON, and those that are 0 are left out."""
    value = found.get(key, 0)
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ZoneError(f"{key} is not a number") from None


def _octets(found: dict[str, Any], key: str) -> bytes:
    try:
        return b64decode(found.get(key, ""), validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise ZoneError(f"{key} is not base64") from None


def _list(found: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = found.get(key) or []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ZoneError(f"{key} is not a list of objects")
    return value
