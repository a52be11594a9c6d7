"""Questions from a Pod, each from a port of its own, until standard input ends; then one line of JSON.

A program of its own, as it runs in another network namespace: ``load.py SERVER,SERVER QUERIES_PER_SECOND``.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import sys
import time

QUESTION = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03who\x04test\x00\x00\x01\x00\x01"
PATIENCE = 3.0  # seconds; a stub resolver would ask again after five


class Load:
    """What was asked, what came back, and how long it took."""

    def __init__(self) -> None:
        self.asked = self.answered = self.failed = 0
        self.slowest = 0.0

    async def ask(self, server: str, number: int) -> None:
        """Ask once."""
        self.asked += 1
        message_id = struct.pack("!H", number & 0xFFFF)
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        begun = time.monotonic()
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            try:
                sock.connect((server, 53))
                sock.send(message_id + QUESTION)
                async with asyncio.timeout(PATIENCE):
                    answer = await asyncio.get_running_loop().sock_recv(sock, 512)
            except (OSError, TimeoutError):
                self.failed += 1
                return
        self.answered += answer[:2] == message_id and answer[3] & 15 == 0
        self.slowest = max(self.slowest, time.monotonic() - begun)


async def main(servers: list[str], rate: float) -> None:
    """Ask all servers in turn at a steady rate."""
    load, asking = Load(), set()
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(0, lambda: ended.set() if not os.read(0, 64) else None)
    begun = loop.time()
    while not ended.is_set():
        task = loop.create_task(load.ask(servers[load.asked % len(servers)], load.asked))
        asking.add(task)
        task.add_done_callback(asking.discard)
        await asyncio.sleep(max(0.0, begun + (load.asked + 1) / rate - loop.time()))
    while asking:
        await asyncio.wait(asking)
    sys.stdout.write(json.dumps(vars(load)) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1].split(","), float(sys.argv[2])))
