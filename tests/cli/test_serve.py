"""``resolver``: how it begins, what it says, and what keeps it from beginning."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver import __version__
from tests.runtime.clients import HOST, addresses, ask
from tests.runtime.serving import block, free_port, hosts, refused, serving, until
from tests.support.upstreams import Upstream, answers

WWW = "www.example.org"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture(params=[socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port that another program holds."""
    with socket.socket(socket.AF_INET, request.param) as holder:
        holder.bind((HOST, 0))
        if request.param == socket.SOCK_STREAM:
            holder.listen()
        yield holder.getsockname()[1]


# --- it begins


async def test_it_says_which_zones_it_serves_and_who_it_is(tmp_path: Path, port: int) -> None:
    text = block(port, hosts("192.0.2.1"), zone="example.org")
    text += block(port, "whoami", f"bind {HOST} 127.0.0.2", zone="example.net")
    async with serving(tmp_path, text, port=port) as server:
        bound = "".join(f"example.net:{port} on {host}\n" for host in (HOST, "127.0.0.2"))
        assert server.said == f"example.org:{port} on {HOST}\n{bound}k8s-resolver {__version__}\n"
        assert addresses(await ask(port, WWW)) == ["192.0.2.1"]


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_quiet_says_nothing(workers: str, tmp_path: Path, port: int) -> None:
    flags = ("-quiet", "--workers", workers)
    async with serving(tmp_path, block(port, hosts("192.0.2.1")), *flags, port=port, begins="") as server:
        await until(lambda: _answers(port))
    assert (server.said, server.complained) == ("", "")


@pytest.mark.parametrize("flag", ["-pidfile", "--pidfile"])
async def test_the_pid_file_stands_while_it_serves(flag: str, tmp_path: Path, port: int) -> None:
    path = tmp_path / "pid"
    async with serving(tmp_path, block(port, "whoami"), flag, str(path), port=port) as server:
        assert path.read_text() == f"{server.process.pid}\n"
    assert not path.exists()


async def test_a_start_that_fails_leaves_the_pid_file_of_the_server_that_holds_the_port(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    path.write_text("1\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind((HOST, 0))
        (tmp_path / "conf").write_text(block(holder.getsockname()[1], "whoami"))
        complaint(tmp_path, "-conf", "conf", "-pidfile", "pid")
    assert path.read_text() == "1\n"


async def test_a_pid_file_that_another_server_has_written_since_stays(tmp_path: Path, port: int) -> None:
    path = tmp_path / "pid"
    async with serving(tmp_path, block(port, "whoami"), "-pidfile", str(path), port=port):
        path.write_text("1\n")
    assert path.read_text() == "1\n"


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_json_log_lines_are_objects(workers: str, tmp_path: Path, port: int) -> None:
    flags = ("-quiet", "--log-format", "json", "--workers", workers)
    text = block(port, "log", hosts("192.0.2.1"))
    async with serving(tmp_path, text, *flags, port=port, begins="") as server:
        await until(lambda: _answers(port))
        await server.reload("", outcome="reload failed")
    lines = [json.loads(line) for line in server.said.splitlines()]
    assert {"info", "error"} == {line["level"] for line in lines}
    assert any(WWW in line["message"] for line in lines)


async def test_without_a_configuration_it_forwards_to_the_system_servers_and_says_so(tmp_path: Path, port: int) -> None:
    async with serving(tmp_path, "", "-dns.port", str(port), port=port, conf=None) as server:
        assert "[INFO] no configuration given and no ./Corefile: forwarding to the servers of /etc/resolv.conf" in (
            server.said
        )
        assert f".:{port}\n" in server.said


async def test_a_corefile_in_the_working_directory_is_used(tmp_path: Path, port: int) -> None:
    (tmp_path / "Corefile").write_text(block(port, hosts("192.0.2.9")))
    async with serving(tmp_path, "", port=port, conf=None):
        assert addresses(await ask(port, WWW)) == ["192.0.2.9"]


@pytest.mark.parametrize("flag", ["-dns.port", "-p"])
async def test_the_default_port_is_that_of_the_command_line(flag: str, tmp_path: Path, port: int) -> None:
    async with Upstream(answers("192.0.2.7")) as upstream:
        text = f". {{\n    bind {HOST}\n    forward . {upstream.to}\n}}\n"
        async with serving(tmp_path, text, flag, str(port), port=port):
            assert addresses(await ask(port, WWW)) == ["192.0.2.7"]


# --- it does not begin


def complaint(folder: Path, *arguments: str, without_rights: bool = False) -> str:
    """The one line on standard error of a server that ends with exit code 1 and has said nothing else."""
    code, out, err = refused(folder, *arguments, without_rights=without_rights)
    assert (code, out) == (1, "")
    assert err.endswith("\n")
    assert err.count("\n") == 1, err
    return err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_one_clear_line(workers: str, tmp_path: Path, taken: int) -> None:
    (tmp_path / "conf").write_text(block(taken, "whoami"))
    line = complaint(tmp_path, "-conf", "conf", "--workers", workers)
    assert line.startswith("cannot listen on ")
    assert line.endswith(f" {HOST}:{taken}: the port is in use by another program\n")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_http_port_in_use_is_one_clear_line(workers: str, tmp_path: Path, port: int) -> None:
    with socket.create_server((HOST, 0)) as holder:
        number = holder.getsockname()[1]
        (tmp_path / "conf").write_text(block(port, "whoami", http=number))
        line = complaint(tmp_path, "-conf", "conf", "--workers", workers)
    assert line == f"cannot listen on tcp {HOST}:{number}: the port is in use by another program\n"


def rights_can_be_dropped() -> bool:
    return os.geteuid() != 0 or shutil.which("setpriv") is not None


def low_ports_are_free_for_all() -> bool:
    path = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    return not path.exists() or int(path.read_text()) <= 53


@pytest.mark.skipif(not rights_can_be_dropped(), reason="root, and setpriv is not installed")
@pytest.mark.skipif(low_ports_are_free_for_all(), reason="this system lets everybody use port 53")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_low_port_without_the_right_is_one_clear_line(workers: str, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(block(53, "whoami", bind="127.0.0.53"))
    line = complaint(tmp_path, "-conf", "conf", "--workers", workers, without_rights=True)
    assert line.startswith("cannot listen on udp 127.0.0.53:53: no right to use port 53; ")
    assert "CAP_NET_BIND_SERVICE" in line


@pytest.mark.skipif(not rights_can_be_dropped(), reason="root, and setpriv is not installed")
def test_a_file_that_may_not_be_read_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(block(1053, "whoami"))
    (tmp_path / "conf").chmod(0)
    assert complaint(tmp_path, "-conf", "conf", without_rights=True) == "cannot read conf: Permission denied\n"


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("missing", "cannot read missing: No such file or directory\n"),
        ("folder", "cannot read folder: Is a directory\n"),
        ("empty", "empty has no server block\n"),
        ("comments", "comments has no server block\n"),
        ("empty.yaml", "empty.yaml has no server block\n"),
    ],
)
def test_a_file_without_a_configuration_is_one_clear_line(name: str, line: str, workers: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "empty.yaml").touch()
    (tmp_path / "comments").write_text("# nothing yet\n")
    assert complaint(tmp_path, "-conf", name, "--workers", workers) == line


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_mistake_is_shown_with_its_place_and_its_line(workers: str, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(". {\n    cach 30\n}\n")
    code, out, err = refused(tmp_path, "-conf", "conf", "--workers", workers)
    assert (code, out) == (1, "")
    assert err.splitlines()[:3] == ["conf:2:5: unknown directive 'cach'", "    " * 2 + "cach 30", "    " * 2 + "^~~~"]


def test_a_pid_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path, port: int) -> None:
    (tmp_path / "conf").write_text(block(port, "whoami"))
    line = complaint(tmp_path, "-conf", "conf", "-pidfile", "/no/such/folder/pid")
    assert line == "cannot write pid file /no/such/folder/pid: No such file or directory\n"


@pytest.mark.parametrize("flags", [("-dns.port", "70000"), ("--workers", "0"), ("--workers", "65"), ("--no-such",)])
def test_a_flag_that_makes_no_sense_is_refused(flags: tuple[str, ...], tmp_path: Path) -> None:
    code, out, err = refused(tmp_path, *flags)
    assert (code, out) == (2, "")
    assert flags[0].lstrip("-") in err


async def _answers(port: int) -> bool:
    try:
        return bool((await ask(port, WWW, timeout=0.2)).spans)
    except TimeoutError:
        return False
