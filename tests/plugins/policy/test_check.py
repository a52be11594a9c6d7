"""``resolver check`` looks into the files that a policy names."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from resolver.cli.main import main
from tests.plugins.policy.test_feeds import write

GOOD = "policy {\n rules rules.txt\n rules rules.yaml\n rpz rpz.test file rpz.db\n learn learnt/names.json\n}"
IDENTITY = f"identity\n{GOOD}"


def checked(folder: Path, lines: str = GOOD) -> int:
    """The exit code of ``resolver check`` for a Corefile with these lines."""
    path = folder / "Corefile"
    path.write_text(f". {{\n{lines}\nwhoami\n}}\n")
    return main(["check", str(path)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files that are in order."""
    (tmp_path / "rules.txt").write_text("group lab net 192.0.2.0/24\nallow .example.com clients lab\n")
    (tmp_path / "rules.yaml").write_text("rules:\n  - deny: [bad.example]\n    action: nxdomain\n")
    write(tmp_path)
    return tmp_path


def places(folder: Path, said: str) -> list[str]:
    """The places that were named, files without their folder."""
    return re.findall(rf"^{re.escape(str(folder))}/(\S+:\d+:\d+): ", said, re.MULTILINE)


def test_files_that_are_in_order_pass_and_nothing_is_written_or_left_running(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {thread for thread in threading.enumerate() if not thread.daemon}
    assert checked(folder) == 0
    assert capsys.readouterr().out.endswith("Corefile: ok, 1 server block, 1 zone\n")
    assert not (folder / "learnt").exists()
    assert {thread for thread in threading.enumerate() if not thread.daemon} == before


def test_all_mistakes_in_rule_files_are_shown_with_their_lines(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "rules.txt").write_text("allow .example.com\npermit api.example.com\ndeny bad.example action explode\n")
    (folder / "rules.yaml").write_text("rules:\n  - deny: [bad.example]\n    reason: none\n")
    assert checked(folder) == 1
    said = capsys.readouterr().err
    assert places(folder, said) == ["rules.txt:2:1", "rules.txt:3:25", "rules.yaml:3:5"]
    assert "    permit api.example.com\n    ^~~~~~\n" in said
    assert said.endswith("Corefile: 3 mistakes\n")


def test_a_rule_that_asks_for_pods_needs_identity(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rules.txt").write_text("allow .example.com\nallow api.example.com namespace shop\n")
    assert checked(folder) == 1
    said = capsys.readouterr().err
    assert places(folder, said) == ["rules.txt:2:7"]
    assert "needs the directive identity" in said
    assert checked(folder, IDENTITY) == 0


def test_groups_of_the_corefile_are_known_in_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rules.txt").write_text("allow .example.com clients office\n")
    assert checked(folder) == 1
    assert "there is no group" in capsys.readouterr().err
    assert checked(folder, GOOD.replace("{", "{\n group office net 192.0.2.0/24")) == 0


def test_the_mistake_in_a_response_policy_zone_is_shown_with_its_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, "nx.example CNAME .\nbroken.example A 192.0.2.300\n")
    assert checked(folder) == 1
    said = capsys.readouterr().err
    assert places(folder, said) == ["rpz.db:5:18"]
    assert "    broken.example A 192.0.2.300\n" in said


def test_what_is_included_is_looked_at_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "$INCLUDE more.db\n")
    (folder / "more.db").write_text("\nnx.example A nowhere\n")
    assert checked(folder) == 1
    assert places(folder, capsys.readouterr().err) == ["more.db:2:14"]


@pytest.mark.parametrize(
    ("name", "place"), [("rules.txt", "Corefile:3:8"), ("rules.yaml", "Corefile:4:8"), ("rpz.db", "Corefile:5:20")]
)
def test_a_missing_file_is_a_mistake_where_it_is_named(
    folder: Path, name: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / name).unlink()
    assert checked(folder) == 1
    said = capsys.readouterr().err
    assert places(folder, said) == [place]
    assert f"{folder / name}: No such file" in said


def test_a_zone_without_a_head_is_a_mistake_where_it_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rpz.db").write_text("$TTL 60\nnx.example CNAME .\n")
    assert checked(folder) == 1
    said = capsys.readouterr().err
    assert places(folder, said) == ["Corefile:5:20"]
    assert "has no SOA record for rpz.test." in said


def test_what_comes_from_elsewhere_is_not_asked_for(folder: Path) -> None:
    lines = "rpz rpz.test transfer from 127.0.0.1:1\nconfigmaps\ndelegate shop .shop.example"
    source = "identity {\n endpoint http://127.0.0.1:1\n}"
    assert checked(folder, f"{source}\npolicy {{\n{lines}\n}}") == 0
