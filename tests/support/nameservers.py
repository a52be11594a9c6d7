"""nsd and knot from Debian, as primary or secondary of example.org on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from tests.runtime.serving import until
from tests.support.zones import HOST, KEY_NAME, SECRET, answer

PROGRAMS = {"nsd": ("nsd", "-d", "-c"), "knot": ("knotd", "-c")}

_NSD = """
    server:
        ip-address: {host}@{port}
        do-ip6: no
        username: ""
        chroot: ""
        database: ""
        zonesdir: {folder}
        pidfile: {folder}/pid
        xfrdfile: {folder}/xfrd
        zonelistfile: {folder}/zones
        xfrdir: {folder}
        server-count: 1
        xfrd-reload-timeout: 0
    remote-control:
        control-enable: no
    key:
        name: {key_name}
        algorithm: hmac-sha256
        secret: {secret}
    zone:
        name: example.org
        zonefile: {file}
"""
_NSD_PRIMARY = "    provide-xfr: {host} {key}\n    notify: {host}@{peer} {key}\n    notify-retry: 5\n"
_NSD_SECONDARY = "    request-xfr: {host}@{peer} {key}\n    allow-notify: {host} {key}\n"

_KNOT = """
    server:
        listen: {host}@{port}
        rundir: {folder}
    database:
        storage: {folder}
    key:
      - id: {key_name}
        algorithm: hmac-sha256
        secret: {secret}
    remote:
      - id: peer
        address: {host}@{peer}
        {key_line}
    acl:
      - id: peer
        address: {host}
        {key_line}
        action: [transfer, notify]
    template:
      - id: default
        storage: {folder}
        zonefile-load: difference
        journal-content: changes
    zone:
      - domain: example.org
        file: {file}
        acl: peer
"""
_KNOT_PRIMARY = "    notify: peer\n"
_KNOT_SECONDARY = "    master: peer\n"


@dataclass
class Nameserver:
    """A server that runs."""

    process: asyncio.subprocess.Process
    port: int

    async def serial(self) -> int:
        """The serial number of the zone, 0 while there is none."""
        try:
            reply = await answer(self.port, "example.org", "SOA")
        except Exception:
            return 0
        return int(reply.answer[0][0].serial) if reply.answer else 0

    def reload(self) -> None:
        """Read the zone file again."""
        self.process.send_signal(signal.SIGHUP)


def is_installed(program: str) -> bool:
    """Whether the server is there."""
    return shutil.which(PROGRAMS[program][0], path=f"{os.environ['PATH']}:/usr/sbin") is not None


@asynccontextmanager
async def nameserver(
    program: str, folder: Path, port: int, peer: int, *, file: Path | None = None, signed: bool = False
) -> AsyncIterator[Nameserver]:
    """A server whose other side has the port ``peer``: a primary where it has a zone file, else a secondary."""
    folder.mkdir(exist_ok=True)
    key_name = KEY_NAME.removesuffix(".")
    head, primary, secondary = (
        (_NSD, _NSD_PRIMARY, _NSD_SECONDARY) if program == "nsd" else (_KNOT, _KNOT_PRIMARY, _KNOT_SECONDARY)
    )
    text = (dedent(head) + (primary if file else secondary)).format(
        host=HOST,
        port=port,
        peer=peer,
        folder=folder,
        file=file or folder / "fetched",
        key=key_name if signed else "NOKEY",
        key_line=f"key: {key_name}" if signed else "",
        key_name=key_name,
        secret=SECRET,
    )
    path = folder / "server.conf"
    path.write_text(text)
    command = PROGRAMS[program]
    found = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin") or command[0]
    with (folder / "log").open("w") as log:
        process = await asyncio.create_subprocess_exec(found, *command[1:], str(path), stdout=log, stderr=log)
    one = Nameserver(process, port)
    try:
        if file is not None:
            await until(lambda: _has_zone(one))
        yield one
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _has_zone(one: Nameserver) -> bool:
    return await one.serial() > 0
