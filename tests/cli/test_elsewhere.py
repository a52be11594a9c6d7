"""A configuration is looked at on another machine than the one that will serve it."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.cli.main import main

CERTIFICATE = "/etc/no-such-folder/tls.crt"
IN_THE_POD = f"""tls://.:853 {{
    tls {CERTIFICATE} /etc/no-such-folder/tls.key
    identity {{
        scope node
    }}
    policy {{
        rules rules.txt
    }}
    forward . tls://192.0.2.1%dns.example {{
        tls /etc/no-such-folder/ca.crt
    }}
}}
"""


@pytest.fixture
def corefile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NODE_NAME", raising=False)
    (tmp_path / "rules.txt").write_text("allow api.example.com namespace shop\n")
    path = tmp_path / "Corefile"
    path.write_text(IN_THE_POD)
    return path


def test_check_is_strict_and_says_what_to_do_where_a_pod_will_serve(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(corefile)]) == 1
    shown = capsys.readouterr().err
    assert "3 mistakes" in shown
    assert "NODE_NAME is not set" in shown
    assert shown.endswith("where another machine will serve it, say --elsewhere\n")


def test_a_mistake_of_its_own_is_not_for_another_machine(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corefile.write_text(". {\n    cach 30\n}\n")
    assert main(["check", str(corefile)]) == 1
    assert "--elsewhere" not in capsys.readouterr().err


def test_elsewhere_notes_what_is_not_here(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--elsewhere", str(corefile)]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{corefile}: ok, 1 server block, 1 zone\n"
    notes = shown.err.splitlines()
    assert len(notes) == 3
    assert f"note: {corefile}:2:9: cannot use the certificate {CERTIFICATE}: No such file or directory" in notes
    assert any("NODE_NAME is not set" in note for note in notes)
    assert any("/etc/no-such-folder/ca.crt" in note for note in notes)


def test_variables_can_be_given(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--elsewhere", "--env", "NODE_NAME=worker-1", str(corefile)]) == 0
    assert "NODE_NAME" not in capsys.readouterr().err
    corefile.write_text(". {\n    bind {$ADDRESS}\n    whoami\n}\n")
    assert main(["check", "--env", "ADDRESS=127.0.0.1", str(corefile)]) == 0
    assert main(["check", "--env", "ADDRESS=nonsense/1", "--elsewhere", str(corefile)]) == 1


@pytest.mark.parametrize("variable", ["NODE_NAME", "=worker-1"])
def test_a_variable_has_a_name_and_a_value(variable: str, corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--env", variable, str(corefile)])
    assert "is no variable such as" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        "tsig {\n secrets /etc/no-such-folder/keys\n}",
        "forward lan. /etc/no-such-folder/lan.conf",
        "cookies {\n secret /etc/no-such-folder/secret\n}",
        "audit {\n hash client\n key /etc/no-such-folder/key\n}",
        "dnssec {\n key file /etc/no-such-folder/Kexample\n}",
        "prometheus {\n tls /etc/no-such-folder/a /etc/no-such-folder/b\n}",
        "dnstap listen tls://127.0.0.1:1 {\n tls /etc/no-such-folder/a /etc/no-such-folder/b\n}",
        "policy {\n rules /etc/no-such-folder/rules\n}",
        "policy {\n rpz rpz.example file /etc/no-such-folder/zone\n}",
        "bind eth77",
        "bind {$NO_SUCH_VARIABLE}",
    ],
)
def test_whatever_only_the_other_machine_has_is_a_note(
    line: str, corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corefile.write_text(f". {{\n{line}\nwhoami\n}}\n")
    assert main(["check", str(corefile)]) == 1
    assert "say --elsewhere" in capsys.readouterr().err
    assert main(["check", "--elsewhere", str(corefile)]) == 0
    assert capsys.readouterr().err.startswith(f"note: {corefile}:")


@pytest.mark.parametrize(
    "line",
    [
        "tls tls.crt tls.key",
        "policy {\n rules gone.txt\n}",
        "forward . ./gone.conf",
        "bind 127.0.0.999",
        "tls /etc/no-such-folder/a /etc/no-such-folder/b {\n client_auth maybe\n}",
    ],
)
def test_what_goes_along_with_the_configuration_has_to_be_here(
    line: str, corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corefile.write_text(f". {{\n{line}\nwhoami\n}}\n")
    assert main(["check", "--elsewhere", str(corefile)]) == 1
    assert "1 mistake" in capsys.readouterr().err


def test_network_policies_are_made_without_what_is_not_here(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["netpol", "-conf", str(corefile)]) == 1
    capsys.readouterr()
    assert main(["netpol", "--elsewhere", "-conf", str(corefile)]) == 0
    shown = capsys.readouterr()
    assert "port: 853" in shown.out
    assert "cidr: 192.0.2.1/32" in shown.out
    assert f"resolver netpol: note: {corefile}:2:9: cannot use the certificate" in shown.err
    assert "not looked at" not in shown.out


def test_a_directive_that_could_not_be_looked_at_is_said_in_the_manifest(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corefile.write_text(". {\nbind eth77\nwhoami\n}\n")
    assert main(["netpol", "--elsewhere", "-conf", str(corefile)]) == 0
    shown = capsys.readouterr()
    assert "eth77" in shown.out
    assert "not looked at" in shown.err


def test_a_policy_is_explained_without_what_is_not_here(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["api.example.com", "--namespace", "shop", "-conf", str(corefile)]
    assert main(["policy", "explain", *words]) == 1
    assert main(["policy", "explain", "--elsewhere", *words]) == 0
    assert "allow: allow api.example.com" in capsys.readouterr().out
