"""What may stand in the configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resolver.errors import ConfigErrors
from resolver.plugins.audit import Audit
from resolver.plugins.audit.destinations import ToFile, ToOtlp, ToStdout, ToTap
from resolver.plugins.audit.settings import QUEUE, Settings
from resolver.telemetry.rotation import Keeping
from resolver.telemetry.snapshot import Snapshot
from resolver.wire.constants import MX, A
from resolver.wire.names import from_text
from tests.plugins.chains import World

KEY = "0123456789abcdef"


def parsed(options: str, zones: str = "", root: Path = Path()) -> Settings:
    part = World().part(f". {{\n audit {zones} {{\n {options}\n }}\n whoami\n}}\n", root)
    assert isinstance(part, Audit)
    return part.settings


def test_nothing_but_the_name_writes_everything_to_standard_output() -> None:
    part = World().part(". {\n audit\n whoami\n}\n")
    assert (part.settings.targets, part.settings.sample, part.settings.queue) == ((ToStdout(),), 1, QUEUE)
    assert part.settings.filters.takes_question(from_text("a.example."), A)


def test_places(tmp_path: Path) -> None:
    options = """
        otlp http://collector:4318 {
            header Authorization "Bearer secret"
            service resolver
        }
        otlp https://collector/other?tenant=1
        dnstap unix:///run/tap.sock
        dnstap tcp://127.0.0.1:6000
        dnstap tls://[::1]:6000
        file audit.json {
            max_size 1GiB
            rotate 24h
            keep 0
            compress
        }
        file /var/log/audit.json
        stdout
    """
    assert parsed(options, root=tmp_path).targets == (
        ToStdout(),
        ToFile(str(tmp_path / "audit.json"), Keeping(1 << 30, 86400.0, 0, True)),
        ToFile("/var/log/audit.json", Keeping(100 << 20, 0.0, 10, False)),
        ToTap("unix:///run/tap.sock", "unix", "/run/tap.sock"),
        ToTap("tcp://127.0.0.1:6000", "tcp", host="127.0.0.1", port=6000),
        ToTap("tls://[::1]:6000", "tls", host="::1", port=6000),
        ToOtlp("http://collector:4318/v1/logs", "resolver", (("authorization", "Bearer secret"),)),
        ToOtlp("https://collector/other?tenant=1"),
    )


@pytest.mark.parametrize("line", ["audit file /var/log/audit.json", "audit example.org ./audit.json", "audit stdout"])
def test_an_option_without_a_block_is_not_taken_for_a_zone(line: str) -> None:
    with pytest.raises(ConfigErrors, match="is no zone"):
        World().part(f". {{\n {line}\n whoami\n}}\n")


def test_secrets_are_not_shown() -> None:
    (target,) = parsed('otlp http://collector {\n header Authorization "Bearer secret"\n }').targets
    assert "secret" not in target.shown
    assert "secret" not in repr(target)


def test_choices() -> None:
    filters = parsed("only type A MX\n only type TXT\n except class denial", "example.org 10.0.0.0/8").filters
    assert filters.takes_question(from_text("a.example.org."), MX)
    assert filters.takes_question(from_text("1.0.0.10.in-addr.arpa."), A)
    assert not filters.takes_question(from_text("example.net."), A)
    assert filters.takes_answer("error", "")
    assert not filters.takes_answer("denial", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("only", "only needs at least 2 arguments"),
        ("only type", "only needs at least 2 arguments"),
        ("only kind A", "kind is not known here"),
        ("only type BOGUS", "BOGUS is not a record type"),
        ("except class failure", "failure is not known here"),
        ("except decision refuse", "refuse is not known here"),
        ("only client host.example", "host.example is not a network"),
        ("sample 0", "0 is out of range"),
        ("sample 2\n sample 3", "sample is already given"),
        ("hash rcode", "rcode is not known here"),
        ("omit time", "time is not known here"),
        ("omit sampled", "sampled is not known here"),
        ("key key", "audit has a key and hashes nothing"),
        ("hash name\n key missing", "cannot read the key: no such file"),
        ("hash name\n key short", "a key of less than 16 octets can be guessed"),
        ("queue 1KiB", "1KiB is out of range"),
        ("stdout now", "stdout takes no arguments"),
        ("file", "file needs 1 argument"),
        ("file log {\n max_size 1KiB\n }", "a file of less than 64KiB is full at once"),
        ("file log {\n rotate 1s\n }", "1s is out of range"),
        ("file log {\n rotate\n }", "rotate needs 1 argument"),
        ("file log {\n keep -1\n }", "-1 is out of range"),
        ("file log {\n gzip\n }", "file has no option gzip"),
        ("dnstap udp://127.0.0.1:6000", "udp:// is no way to send dnstap"),
        ("dnstap tcp://127.0.0.1", "has no port"),
        ("dnstap unix://", "a unix socket needs a path"),
        ("otlp collector:4318", "is not the URL of a collector"),
        ("otlp http://user:secret@collector", "is not the URL of a collector"),
        ("otlp http://collector:0", "is not the URL of a collector"),
        ("otlp http://collector {\n header Bad:Name x\n }", "is not the name of a header"),
        ('otlp http://collector {\n header X "a\u00e9"\n }', "a header holds printable ASCII only"),
        ("syslog", "audit has no option syslog"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, options: str, message: str) -> None:
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "short").write_text("short\n")
    with pytest.raises(ConfigErrors, match=re.escape(message)):
        parsed(options, root=tmp_path)


async def _scrape() -> Snapshot:
    raise AssertionError


def test_hashes_of_several_workers_need_a_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    world = World()
    world.host.scrape = _scrape
    text = ". {{\n audit {{\n hash name\n {}\n }}\n whoami\n}}\n"
    with pytest.raises(ConfigErrors, match="cannot be compared without a key"):
        world.build(text.format(""), tmp_path)
    world.build(text.format("key key"), tmp_path)


def test_a_size_that_is_too_small_is_shown_at_its_own_place() -> None:
    with pytest.raises(ConfigErrors) as refused:
        parsed("file audit.json {\n keep 3\n max_size 1KiB\n }")
    (mistake,) = refused.value.errors
    assert mistake.at is not None
    assert (mistake.at.line, mistake.at.column, mistake.length) == (5, 11, 4)
