"""The commands as an operator types them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from resolver import __version__
from resolver.cli.main import main

_HOSTS = """example.org {
    hosts {
        192.0.2.1 www.example.org
        192.0.2.2 www.example.org
    }
}
"""


@pytest.fixture
def corefile(tmp_path: Path) -> Path:
    path = tmp_path / "Corefile"
    path.write_text(_HOSTS)
    return path


@pytest.mark.parametrize("flag", ["-version", "--version"])
def test_version_names_the_server_and_its_python(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([flag]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"k8s-resolver-{__version__}\n")
    assert "Python" in out


@pytest.mark.parametrize("flag", ["-h", "-help", "--help"])
def test_help_names_the_flags_and_the_commands(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([flag])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "-dns.port" in out
    assert "convert" in out


@pytest.mark.parametrize("flag", ["-plugins", "--plugins"])
def test_plugins_are_listed_in_the_order_of_the_chain(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([flag]) == 0
    names = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert names.index("errors") < names.index("cache") < names.index("hosts") < names.index("forward")
    assert "route53" not in names


def test_check_says_that_a_good_file_is_good(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(corefile)]) == 0
    assert capsys.readouterr().out == f"{corefile}: ok, 1 server block, 1 zone\n"


def test_check_shows_all_mistakes_with_the_word_underlined_and_a_hint(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corefile.write_text(". {\n    cach 30\n    forward . 192.0.2.1 {\n        polcy random\n    }\n    errors\n}\n")
    assert main(["check", str(corefile)]) == 1
    shown = capsys.readouterr().err
    assert f"{corefile}:2:5: " in shown
    assert "    cach 30\n        ^~~~\n" in shown
    assert "did you mean cache" in shown
    assert f"{corefile}:4:9: " in shown
    assert "did you mean policy" in shown
    assert shown.endswith(f"{corefile}: 2 mistakes\n")


def test_check_refuses_what_is_not_built_yet_and_says_so(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corefile.write_text(". {\n    nomad\n}\n")
    assert main(["check", str(corefile)]) == 1
    assert "known to CoreDNS but not built into this version yet" in capsys.readouterr().err


def test_check_opens_no_socket_even_where_the_port_is_taken(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        corefile.write_text(f".:{taken.getsockname()[1]} {{\n    bind 127.0.0.1\n    whoami\n}}\n")
        assert main(["check", str(corefile)]) == 0
    assert "ok" in capsys.readouterr().out


def test_an_unreadable_file_is_one_line_and_exit_code_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-conf", "/no/such/file"]) == 1
    assert capsys.readouterr().err == "cannot read /no/such/file: No such file or directory\n"


def test_convert_gives_yaml_that_converts_back(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corefile.write_text("# who asks\n.:53 {\n    errors # shown\n    cache 30\n    forward . 192.0.2.1\n}\n")
    assert main(["convert", str(corefile)]) == 0
    yaml = capsys.readouterr().out
    assert "# who asks" in yaml
    assert "- cache 30" in yaml
    written = corefile.with_suffix(".yaml")
    written.write_text(yaml)
    assert main(["convert", str(written)]) == 0
    assert capsys.readouterr().out == corefile.read_text()


def test_query_asks_a_configuration_without_starting_it(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "www.example.org", "-conf", str(corefile)]) == 0
    out = capsys.readouterr().out
    assert "www.example.org. 3600 IN A 192.0.2.1" in out
    assert ";; server block example.org. of dns://:53, answered by hosts" in out


def test_query_outside_of_all_blocks_is_refused_with_the_reason(
    corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "www.example.com", "AAAA", "-conf", str(corefile)]) == 0
    out = capsys.readouterr().out
    assert "REFUSED" in out
    assert "no server block takes the question" in out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["www.example.org", "NOTYPE"], "type NOTYPE is not known"),
        (["a" * 64 + ".example.org"], "63"),
        (["www.example.org", "@localhost"], "no IP address"),
    ],
)
def test_a_query_that_cannot_be_asked_is_one_clear_line(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", *words]) == 1
    shown = capsys.readouterr().err
    assert complaint in shown
    assert shown.count("\n") == 1


def test_query_of_a_server_that_is_not_there_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert main(["query", "a.example.org", "--tcp", "@127.0.0.1", "-p", str(port)]) == 1
    assert f"no answer from 127.0.0.1 port {port}" in capsys.readouterr().err


def test_a_mistake_in_a_block_names_its_directive(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corefile.write_text(". {\n    health {\n        lameduck long\n    }\n}\n")
    assert main(["check", str(corefile)]) == 1
    assert f"{corefile}:3:18: health: long is not a duration" in capsys.readouterr().err


@pytest.mark.parametrize("scheme", ["tls", "https"])
def test_check_warns_where_every_connection_will_fail(
    scheme: str, corefile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corefile.write_text(f". {scheme}://example.org {{\n    whoami\n}}\n")
    assert main(["check", str(corefile)]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{corefile}: ok, 1 server block, 2 zones\n"
    assert f"warning: {corefile}:1:3: {scheme}://:" in shown.err
    assert "has no tls directive: every connection fails\n" in shown.err
    assert f"      ^{'~' * (len(scheme) + 13)}\n" in shown.err


def test_check_does_not_warn_of_grpc_in_the_clear(corefile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corefile.write_text("grpc://. {\n    whoami\n}\n")
    assert main(["check", str(corefile)]) == 0
    assert capsys.readouterr().err == ""
