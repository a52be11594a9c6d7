"""What can be said about the image without building it."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import resolver
from tests.runtime.serving import block, free_port, serving, until

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES = re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
FINAL = LINES[max(number for number, line in enumerate(LINES) if line.startswith("FROM ")) :]
SCRIPT = ROOT / "deploy" / "image" / "assemble.sh"


def instructions(name: str, lines: list[str] = LINES) -> list[str]:
    """The arguments of every such instruction, in order."""
    return [line.split(None, 1)[1].strip() for line in lines if line.split(None, 1)[:1] == [name]]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a file out: the last line that fits counts, and fits whatever is below."""
    out = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.lstrip("!")
        parts = path.split("/")
        if any(fnmatch.fnmatchcase("/".join(parts[:end]), pattern) for end in range(1, len(parts) + 1)):
            out = not line.startswith("!")
    return out


def test_the_process_runs_as_a_numeric_user_that_is_not_root() -> None:
    assert [re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) is not None for user in instructions("USER")] == [True]


def test_it_begins_with_nothing_and_builds_on_a_release_of_debian() -> None:
    assert instructions("FROM") == ["debian:${DEBIAN}-slim AS build", "scratch"]
    assert instructions("ARG")[0] == "DEBIAN=trixie"


def test_nothing_is_run_or_left_over_in_the_final_stage() -> None:
    assert instructions("RUN", FINAL) == []  # there is no shell to run it
    copied = instructions("COPY", FINAL)
    assert copied == ["--from=build /rootfs /", "config/container.Corefile /etc/resolver/Corefile"]


def test_every_extra_but_that_of_developers_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (extras,) = re.findall(r"'\.\[([\w,]+)\]'", TEXT)
    assert set(extras.split(",")) == set(project["optional-dependencies"]) - {"dev"}


def test_no_compiler_and_no_pip_get_in() -> None:
    build = " ".join(instructions("RUN"))
    assert "--without-pip" in build
    assert "--only-binary=:all:" in build
    packages = SCRIPT.read_text(encoding="utf-8").partition('packages="')[2].partition('"')[0].split()
    assert packages
    assert not [
        name for name in packages if re.search(r"^gcc|^g\+\+|binutils|pip|-dev|^apt|dpkg|bash|dash|busybox", name)
    ]


def test_python_has_the_same_version_in_both_stages() -> None:
    (here,) = re.findall(r"^python=(python3\.\d+)$", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
    assert f"/rootfs/usr/lib/{here} " in TEXT


def test_the_files_it_copies_exist_and_are_not_ignored() -> None:
    sources = [word for words in instructions("COPY") if not words.startswith("--from") for word in words.split()[:-1]]
    assert "deploy/image/assemble.sh" in sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert not ignored(source), source
    assert not ignored("resolver/cli/main.py")


@pytest.mark.parametrize("path", [".git/config", "tests/packaging", "deploy/helm", "resolver/cli/__pycache__", "docs"])
def test_what_the_build_does_not_need_is_ignored(path: str) -> None:
    assert ignored(path)


def test_the_ports_of_its_corefile_are_exposed() -> None:
    exposed = set(instructions("EXPOSE")[0].split())
    assert exposed == {"53/udp", "53/tcp", "8080/tcp", "8181/tcp", "9153/tcp"}


def test_it_starts_the_command_that_the_package_installs() -> None:
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["resolver"]
    assert json.loads(instructions("CMD")[-1]) == ["-conf", "/etc/resolver/Corefile"]
    (environment,) = instructions("ENV")
    assert environment.split()[0].startswith("PATH=/opt/resolver/bin:")


def test_it_is_labelled_with_its_version() -> None:
    (labels,) = instructions("LABEL")
    for name in ("title", "description", "version", "revision"):
        assert f"org.opencontainers.image.{name}=" in labels
    assert f"VERSION={resolver.__version__}" in instructions("ARG")


def test_it_is_built_for_the_common_machines() -> None:
    bake = (ROOT / "deploy" / "image" / "docker-bake.hcl").read_text(encoding="utf-8")
    assert 'platforms  = ["linux/amd64", "linux/arm64"]' in bake
    assert f'"VERSION" {{ default = "{resolver.__version__}" }}' in bake
    names = set(re.findall(r"(\w+) = \w+", bake.partition("args")[2].partition("\n")[0]))
    assert names == {"VERSION", "REVISION"}


def test_the_script_can_be_read_by_a_shell_and_be_started() -> None:
    assert os.access(SCRIPT, os.X_OK)
    subprocess.run(["sh", "-n", SCRIPT], check=True, timeout=10)


async def test_the_health_check_says_whether_a_server_answers(tmp_path: Path) -> None:
    program, *flags, code = json.loads(instructions("HEALTHCHECK")[0].split("CMD", 1)[1])
    port, http = free_port(), free_port()

    def healthy() -> bool:
        command = [sys.executable, *flags, code.replace("8080", str(http))]
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0

    assert program == "python"
    assert not healthy()
    async with serving(tmp_path, block(port, "whoami", http=http), port=port, http=http) as server:
        await until(server.ready)
        assert healthy()
