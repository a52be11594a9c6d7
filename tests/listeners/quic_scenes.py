"""A listener for QUIC within the test, with a server behind it that does as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from resolver.chain.capabilities import ListenSettings, Pem
from resolver.listeners.quic import QuicListener
from resolver.listeners.quic_client import QuicClient
from resolver.listeners.quic_metrics import doq_metrics, http3_metrics
from resolver.listeners.quic_queries import DoqClient
from resolver.listeners.sockets import open_udp
from resolver.telemetry.exposition import render
from resolver.telemetry.metrics import Registry
from resolver.telemetry.snapshot import snapshot
from tests.support.quic_clients import CERTIFICATES

SERVER = "quic://:853"


class Certificate:
    """A certificate that a test can exchange."""

    identity: object = "certificate"

    def __init__(self, name: str = "server") -> None:
        self.now = read_pem(CERTIFICATES / f"{name}.pem", CERTIFICATES / f"{name}.key")

    def pem(self) -> Pem:
        return self.now

    def context(self, protocols: object) -> Any:
        raise AssertionError("QUIC does without")


def read_pem(certificate: Any, key: Any) -> Pem:
    """Both files."""
    return Pem(certificate.read_bytes(), key.read_bytes())


@dataclass
class Scene:
    """The listener, and what it has asked. ``late`` keeps queries until ``answer`` is called."""

    registry: Registry = field(default_factory=Registry)
    asked: list[bytes] = field(default_factory=list)
    late: bool = False
    waiting: list[tuple[bytes, Callable[[Any], None]]] = field(default_factory=list)
    reply: Callable[[bytes], Any] = lambda packet: answer_to(packet)
    listener: QuicListener | None = None

    def serve(
        self,
        packet: bytes,
        client: tuple[str, int],
        local: tuple[str, int],
        transport: str,
        send: Callable[[Any], None],
    ) -> Any:
        self.asked.append(packet)
        self.seen = client, local, transport
        if self.late:
            self.waiting.append((packet, send))
            return None
        return self.reply(packet)

    def answer(self) -> None:
        """Answer the query that has waited longest."""
        packet, send = self.waiting.pop(0)
        send(self.reply(packet))

    def count(self, metric: str, *parts: str) -> float:
        """A metric, summed over the series whose labels contain all of ``parts``."""
        lines = render(snapshot(self.registry))[1].decode().splitlines()
        found = [line for line in lines if line.startswith(metric + "{") and all(part in line for part in parts)]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    @property
    def port(self) -> int:
        assert self.listener is not None
        return int(self.listener.sock.getsockname()[1])


def answer_to(packet: bytes) -> bytes:
    """The query itself, with QR set."""
    return packet[:2] + bytes([packet[2] | 0x80]) + packet[3:]


@asynccontextmanager
async def scene(
    kind: type[QuicClient] = DoqClient, *, host: str = "127.0.0.1", batched: bool | None = None, **settings: Any
) -> AsyncIterator[Scene]:
    """A listener on a free port."""
    here = Scene()
    wanted = ListenSettings(certificate=settings.pop("certificate", None) or Certificate(), **settings)
    metrics = (doq_metrics if kind is DoqClient else http3_metrics)(here.registry, SERVER)
    here.listener = QuicListener(open_udp(host, 0), wanted, here.serve, kind=kind, metrics=metrics, batched=batched)
    here.listener.start()
    try:
        yield here
    finally:
        here.listener.close()
