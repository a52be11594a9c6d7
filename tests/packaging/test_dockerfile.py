"""What can be said about the image without building it."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()


def instructions(name: str) -> list[str]:
    """The arguments of every such instruction, in order."""
    return [line.split(None, 1)[1].strip() for line in LINES if line.split(None, 1)[:1] == [name]]


def test_the_process_runs_as_a_numeric_user_that_is_not_root() -> None:
    user = instructions("USER")[-1]
    assert re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", user)  # runAsNonRoot can only verify numbers


def test_base_images_are_pinned_to_a_python_version() -> None:
    images = [words.split()[0] for words in instructions("FROM")]
    assert len(images) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim", image) for image in images)


def test_the_files_it_copies_exist_and_are_not_ignored() -> None:
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"
    }
    sources = [word for words in instructions("COPY") if not words.startswith("--from") for word in words.split()[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in allowed, source


def test_the_ports_of_its_corefile_are_exposed() -> None:
    exposed = set(instructions("EXPOSE")[0].split())
    assert exposed == {"53/udp", "53/tcp", "8080/tcp", "8181/tcp", "9153/tcp"}


def test_it_starts_the_command_that_the_package_installs() -> None:
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["resolver"]
    assert json.loads(instructions("CMD")[-1]) == ["-conf", "/etc/resolver/Corefile"]


def test_the_health_check_is_a_program_that_python_can_read() -> None:
    command = json.loads(instructions("HEALTHCHECK")[0].split("CMD", 1)[1])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "HEALTHCHECK", "exec")
