"""``resolver policy``: lists from what was recorded, and reasons."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from resolver.cli.main import main

CONFIG = """. {
    policy {
        default deny nxdomain
        allow .example.org net 10.8.0.0/16 as office
        deny bad.example.org type AAAA
        rules rules.txt
        rpz local.rpz file local.rpz.db
    }
}
corp.example:53 {
    policy {
        mode audit-only
        default deny
    }
}
other.example {
    whoami
}
"""
ZONE = "$TTL 60\n@ SOA a. b. 1 60 60 60 60\n@ NS a.\nlisted.example.org CNAME .\n"
LEARNT: list[dict[str, Any]] = [
    {"learned": 1, "since": "2026-11-01T00:00:00Z", "written": "2026-11-02T00:00:00Z", "lost_namespaces": 0,
     "lost_queries": 0},
    {"net": "10.8.1.0/24", "name": "api.example.org.", "types": ["A", "AAAA"], "count": 9, "decisions": {"allow": 9}},
    {"net": "10.8.1.0/24", "name": "bad.example.org.", "types": ["A", "AAAA"], "count": 3, "decisions": {"allow": 3}},
    {"net": "192.0.2.0/24", "name": "api.example.org.", "types": ["A"], "count": 2, "decisions": {"allow": 2}},
]  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "Corefile").write_text(CONFIG)
    (tmp_path / "rules.txt").write_text("allow file.example\n")
    (tmp_path / "local.rpz.db").write_text(ZONE)
    return str(tmp_path / "Corefile")


@pytest.fixture
def learnt(tmp_path: Path) -> str:
    path = tmp_path / "learnt.json.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in LEARNT).encode()))
    return str(path)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["policy", *arguments]) == 0
    return capsys.readouterr().out


def test_a_list_is_proposed(learnt: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, "propose", learnt, "--min", "3")
    assert [line.split("  #")[0].rstrip() for line in out.splitlines() if line.startswith("allow")] == [
        "allow api.example.org net 10.8.1.0/24",
        "allow bad.example.org net 10.8.1.0/24",
    ]
    assert "# 9 queries" in out


def test_a_list_may_be_yaml_and_folded(learnt: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, "propose", learnt, "--yaml", "--fold", "2")
    assert '  - allow: ".example.org"  # 12 queries for 2 names\n    net: "10.8.1.0/24"\n' in out


def test_what_would_have_been_denied_is_told_with_the_rule(
    config: str, learnt: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "propose", learnt, "--against", config).splitlines() == [
        "net 10.8.1.0/24",
        f"  bad.example.org.  3 queries: refused by deny bad.example.org ({config}:5) for AAAA",
        "net 192.0.2.0/24",
        "  api.example.org.  2 queries: nxdomain by default (no rule names it)",
        "2 names with 5 queries would have been denied",
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["api.example.org", "--client", "10.8.0.1"], "allow: office"),
        (["api.example.org"], "nxdomain: default (no rule names it)"),
        (["BAD.example.org", "--type", "aaaa", "--client", "10.8.0.1"], "refused: deny bad.example.org"),
        (["listed.example.org", "--client", "10.8.0.1"], "nxdomain: rpz local.rpz. listed.example.org"),
        (["file.example"], "allow: allow file.example"),
        (["www.corp.example"], "audit-only, would be refused: default"),
        (["www.other.example"], "allow: there is no policy"),
    ],
)
def test_a_decision_is_explained(
    config: str, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    head, line = told(capsys, "explain", *arguments, "-conf", config).splitlines()
    assert head.startswith("dns://:53 ")
    assert line.strip().startswith(reason)


def test_pods_are_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "Corefile"
    path.write_text(
        ". {\n identity\n policy {\n default deny\n allow a.example namespace shop\n allow b.example label app=web\n"
        " allow c.example service_account shop/checkout\n }\n}\n"
    )
    for arguments in (
        ["a.example", "--namespace", "shop"],
        ["b.example", "--label", "app=web"],
        ["c.example", "--service-account", "shop/checkout"],
    ):
        assert "  allow: " in told(capsys, "explain", *arguments, "-conf", str(path))
        assert "  refused: default" in told(capsys, "explain", arguments[0], "-conf", str(path))


def test_mistakes_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "propose", str(tmp_path / "missing")]) == 1
    assert "no such file" in capsys.readouterr().err
    for arguments in (["explain", "a..b"], ["explain", "a", "--type", "NONE"], ["propose", "x", "--fold", "1"]):
        with pytest.raises(SystemExit):
            main(["policy", *arguments])


def test_a_client_of_whom_nothing_is_known_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "Corefile"
    path.write_text(". {\nidentity\npolicy {\ndeny bad.example namespace lab\n}\nwhoami\n}\n")
    out = told(capsys, "explain", "bad.example", "--unknown", "-conf", str(path))
    assert "refused: deny bad.example" in out
    assert "allow: default" in told(capsys, "explain", "bad.example", "-conf", str(path))
    assert main(["policy", "explain", "bad.example", "--unknown", "--namespace", "lab", "-conf", str(path)]) == 1


def test_a_file_with_nothing_in_it_is_no_list_that_denies_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "learnt.json"
    for text in ("", "[INFO] plugin/reload\n", '{"level": "info"}\n'):
        path.write_text(text)
        assert main(["policy", "propose", str(path)]) == 1
        assert "no line is one of learn or audit" in capsys.readouterr().err
    path.write_text(json.dumps(LEARNT[0]) + "\n")
    assert main(["policy", "propose", str(path)]) == 0
    assert "there is nothing to allow" in capsys.readouterr().err


def test_names_that_a_rule_denied_are_comments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "audit.log"
    lines = [
        {"client": "10.8.1.7", "name": f"{name}.example.", "type": "A", "decision": "deny", "rule": rule}
        for name, rule in (("bad", "block"), ("api", "default"))
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = told(capsys, "propose", str(path)).splitlines()
    assert [line for line in out if line.startswith("allow")] == ["allow api.example net 10.8.1.7/32  # 1 query"]
    assert "# left out: denied by rule block: 1 name" in out


REWRITING = """. {
    rewrite name exact www.example bad.example
    rewrite name suffix .old.test .new.test
    policy {
        deny bad.example as block
        deny asked.example as asked
    }
    rewrite name exact asked.example good.example
    whoami
}
"""


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("www.example", ["  rewritten to bad.example.", "  refused: block about bad.example. ("]),
        ("asked.example", ["  rewritten to good.example.", "  refused: asked about asked.example. ("]),
        ("a.old.test", ["  rewritten to a.new.test.", "  allow: default about a.new.test. ("]),
        ("other.example", ["  allow: default ("]),
    ],
)
def test_names_are_rewritten_before_they_are_decided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, lines: list[str]
) -> None:
    path = tmp_path / "Corefile"
    path.write_text(REWRITING)
    _, *found = told(capsys, "explain", name, "-conf", str(path)).splitlines()
    assert [one.startswith(start) for one, start in zip(found, lines, strict=True)] == [True] * len(lines)


def test_what_rewrite_makes_of_recorded_names_is_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf, path = tmp_path / "Corefile", tmp_path / "audit.log"
    conf.write_text(REWRITING)
    path.write_text(json.dumps({"client": "10.8.1.7", "name": "www.example.", "type": "A"}) + "\n")
    out = told(capsys, "propose", str(path), "--against", str(conf))
    assert f"  www.example.  1 query: refused, rewritten to bad.example., by block ({conf}:5)" in out.splitlines()


def test_rewriting_that_depends_on_more_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "Corefile"
    path.write_text(". {\nrewrite edns0 local set 0xffee {client_ip}\npolicy\nwhoami\n}\n")
    assert main(["policy", "explain", "www.example", "-conf", str(path)]) == 0
    assert "rewrite looks at more than the question" in capsys.readouterr().err


def test_service_accounts_of_audit_lines_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf, path = tmp_path / "Corefile", tmp_path / "audit.log"
    conf.write_text(
        ". {\nidentity\npolicy {\ndefault deny\nallow api.example service_account shop/web\n"
        "allow both.example namespace shop\n}\nwhoami\n}\n"
    )
    lines = [
        {"namespace": "shop", "service_account": account, "name": f"{name}.example.", "type": "A"}
        for account in ("web", "batch")
        for name in ("api", "both")
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["policy", "propose", str(path), "--against", str(conf)]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out.splitlines() == [
        "namespace shop",
        "  api.example.  2 queries: refused by default (no rule names it) for service account batch",
        "1 name with 2 queries would have been denied",
    ]


def test_a_configuration_that_cannot_deny_is_said(
    learnt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "Corefile"
    path.write_text(". {\nwhoami\n}\n")
    assert main(["policy", "propose", learnt, "--against", str(path)]) == 0
    output = capsys.readouterr()
    assert "has no policy, so it denies nothing" in output.err
    assert output.out == "0 names with 0 queries would have been denied\n"


def test_what_learn_did_not_write_is_said(learnt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "Corefile"
    for who, word in (("label app=web", "labels are not"), ("service_account shop/web", "learn does not write")):
        path.write_text(f". {{\nidentity\npolicy {{\nallow a.example {who}\n}}\nwhoami\n}}\n")
        assert main(["policy", "propose", learnt, "--against", str(path)]) == 0
        assert word in capsys.readouterr().err
