"""Who asks: headers and certificates, read again when they have changed."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from resolver.errors import KubeError
from resolver.kube.access import Access, Exec

TOKEN_AGE = 60.0  # seconds after which a token file is read again; the kubelet renews it long before it expires
EARLY = 30.0  # seconds before its expiry in which what a plugin gave is replaced
PLUGIN_TIME = 60.0  # seconds that a plugin may take
MAX_OUTPUT = 1 << 20


class Identity(NamedTuple):
    """A client certificate and its key as PEM texts."""

    cert: str
    key: str


class Credentials:
    """The credentials of one Access, as they are now."""

    def __init__(self, access: Access, clock: Callable[[], float]) -> None:
        self._access = access
        self._clock = clock
        self._token = access.token
        self._until = 0.0 if access.token_file or access.command else float("inf")
        self._lock = asyncio.Lock()
        self.identity: Identity | None = None

    async def headers(self) -> dict[str, str]:
        """The Authorization header, if there is one. Raises KubeError when the credentials cannot be had."""
        if self._clock() >= self._until:
            async with self._lock:
                if self._clock() >= self._until:
                    await self._read()
        if self._token:
            return {"authorization": f"Bearer {self._token}"}
        if self._access.username:
            pair = f"{self._access.username}:{self._access.password}".encode()
            return {"authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
        return {}

    async def renew(self) -> bool:
        """The API has refused them: get others; whether these are different."""
        if not (self._access.token_file or self._access.command):
            return False
        before = (self._token, self.identity)
        async with self._lock:
            if (self._token, self.identity) == before:
                await self._read()
        return (self._token, self.identity) != before

    async def _read(self) -> None:
        if self._access.command:
            await self._run(self._access.command)
        else:
            self._token = _token_in(Path(self._access.token_file))
            self._until = self._clock() + TOKEN_AGE

    async def _run(self, plugin: Exec) -> None:
        status = await _asked(plugin)
        self._token = str(status.get("token") or "")
        cert, key = status.get("clientCertificateData"), status.get("clientKeyData")
        self.identity = Identity(str(cert), str(key)) if cert and key else None
        if not (self._token or self.identity):
            raise KubeError(f"{plugin.command} gave neither a token nor a certificate with its key")
        self._until = self._clock() + _seconds_left(status.get("expirationTimestamp"))


def tls_context(access: Access, identity: Identity | None) -> ssl.SSLContext:
    """How the server is verified and the client shown. Raises KubeError when a certificate cannot be used."""
    if not access.server.startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # is not used, and reading all known CAs takes long
    try:
        context = ssl.create_default_context(cafile=access.ca_file or None, cadata=access.ca or None)
        if access.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if identity:
            _load(context, identity.cert, identity.key)
        elif access.cert or access.cert_file:
            cert = access.cert or Path(access.cert_file).read_text(encoding="ascii")
            _load(context, cert, access.key or Path(access.key_file).read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise KubeError(f"TLS: {error}") from error
    return context


def _load(context: ssl.SSLContext, cert: str, key: str) -> None:
    """Through a file that exists in memory only: file systems of Pods are often read-only, and keys are secret."""
    descriptor = os.memfd_create("client", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, f"{cert}\n{key}\n".encode("ascii"))
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _token_in(file: Path) -> str:
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise KubeError(f"cannot read the token in {file}: {error}") from error
    if not token or not token.isprintable():
        raise KubeError(f"there is no token in {file}")
    return token


async def _asked(plugin: Exec) -> dict[str, Any]:
    """The status of the ExecCredential that the command prints. Raises KubeError."""
    spec: dict[str, Any] = {"interactive": False}
    if plugin.cluster:
        spec["cluster"] = json.loads(plugin.cluster)
    told = json.dumps({"apiVersion": plugin.version, "kind": "ExecCredential", "spec": spec})
    env = os.environ | dict(plugin.env) | {"KUBERNETES_EXEC_INFO": told}
    output = await _output(plugin, env)
    try:
        credential = json.loads(output)
        status = credential["status"]
        if credential["apiVersion"] != plugin.version or not isinstance(status, dict):
            raise KubeError(f"{plugin.command} answered in another version than {plugin.version}")
    except (ValueError, KeyError, TypeError) as error:
        raise KubeError(f"{plugin.command} printed no ExecCredential") from error
    return status


async def _output(plugin: Exec, env: dict[str, str]) -> bytes:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            plugin.command, *plugin.args, env=env, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
    except OSError as error:
        hint = f"; {plugin.hint}" if plugin.hint else ""
        raise KubeError(f"cannot run {plugin.command}: {error.strerror}{hint}") from error
    try:
        async with asyncio.timeout(PLUGIN_TIME):
            output, complaint = await process.communicate()
    except TimeoutError as error:
        raise KubeError(f"{plugin.command} has not answered within {PLUGIN_TIME:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        said = complaint.decode("utf-8", "replace").strip()[:300]
        raise KubeError(f"{plugin.command} ended with {process.returncode}: {said}")
    if len(output) > MAX_OUTPUT:
        raise KubeError(f"{plugin.command} printed more than {MAX_OUTPUT} octets")
    return output


def _seconds_left(stamp: Any) -> float:
    """How long credentials are good; without a stamp until they are refused."""
    if not stamp:
        return float("inf")
    try:
        until = datetime.fromisoformat(str(stamp))
    except ValueError as error:
        raise KubeError(f"{stamp!r} is no time") from error
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds() - EARLY)
