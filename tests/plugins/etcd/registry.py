"""etcd for tests: the real one as a process of its own, and one that only says what a test wants."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from resolver.plugins.etcd.gateway import EtcdError
from tests.runtime.serving import free_port, until

needs_etcd = pytest.mark.skipif(shutil.which("etcd") is None, reason="needs etcd (Debian: etcd-server)")


def key_of(name: str, prefix: str = "/skydns") -> str:
    """The key of a name."""
    return "/".join((prefix, *reversed(name.rstrip(".").split("."))))


def base64(text: str | bytes) -> str:
    return b64encode(text.encode() if isinstance(text, str) else text).decode()


class Registry:
    """A member of its own cluster, with its data in a folder."""

    def __init__(self, folder: Path, *flags: str, scheme: str = "http") -> None:
        self.port = free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._folder = folder
        self._flags = flags
        self._peer = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        words = [
            "etcd", "-data-dir", str(self._folder / "etcd"),
            "-listen-client-urls", self.url, "-advertise-client-urls", self.url,
            "-listen-peer-urls", f"http://127.0.0.1:{self._peer}", *self._flags,
        ]  # fmt: skip
        log = (self._folder / "etcd.log").open("wb")
        with log:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        await until(self._answers)

    def stop(self) -> None:
        """End it; its data stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def put(self, name: str, lease: str = "0", **fields: Any) -> None:
        """Register a service."""
        self.put_text(name, json.dumps(fields), lease)

    def put_text(self, name: str, text: str, lease: str = "0") -> None:
        """Put any text at the key of a name."""
        self.post("/v3/kv/put", {"key": base64(key_of(name)), "value": base64(text), "lease": lease})

    def put_all(self, hosts: dict[str, str]) -> None:
        """Register hosts by name, a hundred at a time."""
        names = list(hosts)
        for at in range(0, len(names), 100):
            puts = [
                {"requestPut": {"key": base64(key_of(name)), "value": base64(json.dumps({"host": hosts[name]}))}}
                for name in names[at : at + 100]
            ]
            self.post("/v3/kv/txn", {"success": puts})

    def delete(self, name: str) -> None:
        """Take a service away."""
        self.post("/v3/kv/deleterange", {"key": base64(key_of(name))})

    def post(self, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
        """Any request."""
        headers = {"authorization": token} if token else {}
        answer = httpx.post(self.url + path, json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "etcd.log").read_text()
        try:
            self.post("/v3/kv/range", {"key": base64("/")})
        except httpx.HTTPError:
            return False
        return True


class Scripted:
    """A gateway that answers from lists: ``pages`` to ranges, ``batches`` to watches. An exception is raised.

    ``asked`` is what was asked for. A watch whose list is at its end waits until ``ended`` is set.
    """

    def __init__(self) -> None:
        self.endpoint = "http://etcd.test:2379"
        self.pages: list[dict[str, Any] | EtcdError] = []
        self.batches: list[list[dict[str, Any] | EtcdError]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.turned = 0

    async def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((path, body))
        answer = self.pages.pop(0)
        if isinstance(answer, EtcdError):
            raise answer
        return answer

    async def watch(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        self.asked.append(("/v3/watch", body))
        if not self.batches:
            await asyncio.Event().wait()
        for batch in self.batches.pop(0):
            if isinstance(batch, EtcdError):
                raise batch
            yield batch

    def turn(self) -> None:
        self.turned += 1


def stored(name: str, lease: int = 0, **fields: Any) -> dict[str, Any]:
    """A key and its value as the gateway tells of them."""
    return {"key": base64(key_of(name)), "value": base64(json.dumps(fields)), "lease": str(lease)}


def page(*keys: dict[str, Any], revision: int = 5, more: bool = False) -> dict[str, Any]:
    """The answer to a range."""
    return {"header": {"revision": str(revision)}, "kvs": list(keys), "count": str(len(keys)), "more": more}


def batch(*events: dict[str, Any], revision: int = 6) -> dict[str, Any]:
    """Changes of one revision."""
    return {"header": {"revision": str(revision)}, "events": list(events)}
