"""A real API server: kube-apiserver with etcd, where both are on PATH."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.support.kubeapi.store import Json

CERTS = Path(__file__).resolve().parents[2] / "parity" / "certs"
ADMIN, READER = "admin-token-of-a-test", "reader-token-of-a-test"
PROGRAMS = ("kube-apiserver", "etcd")
_PATIENCE = 60.0


@dataclass(frozen=True)
class RealApi:
    """A server that is up. ``apply`` and ``delete`` act as an administrator; they block."""

    url: str

    def apply(self, path: str, item: Json) -> None:
        """Create or replace an object; ``path`` is that of its kind's list."""
        if self.request("POST", path, item, (201, 409)).status_code == 409:
            name = item["metadata"]["name"]
            old = self.request("GET", f"{path}/{name}").json()
            version = {"resourceVersion": old["metadata"]["resourceVersion"]}
            self.request("PUT", f"{path}/{name}", item | {"metadata": item["metadata"] | version})

    def delete(self, path: str, name: str) -> None:
        """Delete an object."""
        self.request("DELETE", f"{path}/{name}")

    def kubeconfig(self, folder: Path) -> Path:
        """A file in the folder with which an administrator reaches it."""
        path = folder / "kubeconfig"
        path.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: it\n"
            "contexts: [{name: it, context: {cluster: it, user: me}}]\n"
            f"clusters: [{{name: it, cluster: {{server: '{self.url}', certificate-authority: {CERTS / 'ca.pem'}}}}}]\n"
            f"users: [{{name: me, user: {{token: {ADMIN}}}}}]\n"
        )
        return path

    def request(
        self, method: str, path: str, body: Json | None = None, right: tuple[int, ...] = (200, 201)
    ) -> httpx2.Response:
        """What the API answers an administrator."""
        context = ssl.create_default_context(cafile=str(CERTS / "ca.pem"))
        headers = {"authorization": f"Bearer {ADMIN}"}
        with httpx2.Client(verify=context, trust_env=False, headers=headers) as client:
            answer = client.request(method, self.url + path, json=body)
        if answer.status_code not in right:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer


def missing() -> list[str]:
    """The programs that are not on PATH."""
    return [name for name in PROGRAMS if not shutil.which(name)]


@contextlib.contextmanager
def running(folder: Path) -> Iterator[RealApi]:
    """A server whose files are in this folder, until the end of the block."""
    api, etcd, peer = free_ports(3)
    (folder / "tokens.csv").write_text(f'{ADMIN},admin,1,"system:masters"\n{READER},reader,2,"readers"\n')
    commands = (_etcd(folder, etcd, peer), _apiserver(folder, api, etcd))
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for name, command in zip(("etcd", "apiserver"), commands, strict=True):
            with (folder / f"{name}.log").open("wb") as log:
                processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=folder))
        server = RealApi(f"https://127.0.0.1:{api}")
        _wait(server, processes, folder)
        yield server
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def _wait(server: RealApi, processes: list[subprocess.Popen[bytes]], folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            server.request("GET", "/api/v1/namespaces/default")
            return
        except (httpx2.HTTPError, RuntimeError):
            if time.monotonic() > deadline or any(process.poll() is not None for process in processes):
                log = (folder / "apiserver.log").read_text(errors="replace")
                raise RuntimeError(f"the API server is not up: {log[-2000:]}") from None
            time.sleep(0.1)


def _etcd(folder: Path, port: int, peer: int) -> list[str]:
    client = f"http://127.0.0.1:{port}"
    return [
        "etcd", "--data-dir", str(folder / "etcd"), "--log-level", "error",
        "--listen-client-urls", client, "--advertise-client-urls", client,
        "--listen-peer-urls", f"http://127.0.0.1:{peer}",
    ]  # fmt: skip


def _apiserver(folder: Path, port: int, etcd: int) -> list[str]:
    key, cert, ca = str(CERTS / "server.key"), str(CERTS / "server.pem"), str(CERTS / "ca.pem")
    options = {
        "etcd-servers": f"http://127.0.0.1:{etcd}",
        "bind-address": "127.0.0.1",
        "advertise-address": "10.9.8.7",
        "endpoint-reconciler-type": "none",
        "secure-port": str(port),
        "cert-dir": str(folder),
        "tls-cert-file": cert,
        "tls-private-key-file": key,
        "client-ca-file": ca,
        "token-auth-file": str(folder / "tokens.csv"),
        "authorization-mode": "RBAC",
        "anonymous-auth": "false",
        "disable-admission-plugins": "ServiceAccount",
        "service-cluster-ip-range": "10.96.0.0/12,fd00:10:96::/112",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": cert,
        "service-account-signing-key-file": key,
    }
    return ["kube-apiserver", *(f"--{name}={value}" for name, value in options.items())]


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
