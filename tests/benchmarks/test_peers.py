from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.peers.base import Setup
from benchmarks.processes import free_ports


def prepared(directory: Path, stub_zones: int = 0, workers: int = 1) -> Setup:
    port, upstream, spare = free_ports(3)
    return Setup(port, upstream, spare, directory, 1000, stub_zones, workers)


@pytest.mark.parametrize("peer", peers.PEERS, ids=lambda peer: str(peer.name))
def test_every_peer_gets_its_ports_and_loopback_only(peer: peers.Peer, tmp_path: Path) -> None:
    setup = prepared(tmp_path)
    command = peer.command(setup)
    written = " ".join(path.read_text() for path in tmp_path.iterdir())
    assert command[0] == peer.program
    assert f"{setup.port}" in written
    assert f"{setup.upstream}" in written
    assert "0.0.0.0" not in written


@pytest.mark.parametrize("peer", [peer for peer in peers.PEERS if peer.has_stub_zones], ids=lambda peer: str(peer.name))
def test_stub_zones_are_written_out(peer: peers.Peer, tmp_path: Path) -> None:
    peer.command(prepared(tmp_path, stub_zones=3))
    written = " ".join(path.read_text() for path in tmp_path.iterdir())
    assert all(f"z{index}.bench.test" in written for index in range(3))


def test_workers_are_asked_for(tmp_path: Path) -> None:
    (ours,) = peers.chosen(["ours"])
    assert ours.command(prepared(tmp_path, workers=2))[-2:] == ["--workers", "2"]


@pytest.mark.skipif(shutil.which("unbound-checkconf") is None, reason="unbound is not installed")
def test_unbound_accepts_its_configuration(tmp_path: Path) -> None:
    (unbound,) = peers.chosen(["unbound"])
    unbound.command(prepared(tmp_path, stub_zones=2, workers=2))
    done = subprocess.run(["unbound-checkconf", tmp_path / "unbound.conf"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_unknown_server_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bind9"):
        peers.chosen(["unbound", "bind9"])
