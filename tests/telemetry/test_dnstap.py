"""dnstap payloads, read by a decoder that knows nothing of them, and by one that knows them well."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from resolver.telemetry import dnstap
from resolver.telemetry.framestream import START, STOP, control_frame, data_frame
from tests.support.protobuf import fields

ENDS = dnstap.sockets("udp", ("192.0.2.1", 51234), ("192.0.2.53", 53))
QUERY = bytes.fromhex("1234010000010000000000000377777707657861 6d706c65036f72670000010001")


def read(payload: bytes) -> tuple[dict[int, Any], dict[int, Any]]:
    outer = fields(payload)
    return outer, fields(outer[14])


def test_a_query_has_its_fields() -> None:
    message = dnstap.message(dnstap.CLIENT_QUERY, ENDS, dnstap.query_part(1700000000.25, QUERY))
    outer, inner = read(dnstap.Envelope(b"node-1", b"v1").wrap(message, b"more"))
    assert (outer[1], outer[2], outer[3], outer[15]) == (b"node-1", b"v1", b"more", 1)
    assert inner == {
        1: 5, 2: 1, 3: 1, 4: bytes((192, 0, 2, 1)), 5: bytes((192, 0, 2, 53)), 6: 51234, 7: 53,
        8: 1700000000, 9: 250000000, 10: QUERY,
    }  # fmt: skip


def test_a_response_has_both_times() -> None:
    part = dnstap.response_part(1700000000.5, 1700000001.75, QUERY)
    _, inner = read(dnstap.Envelope(b"", b"").wrap(dnstap.message(dnstap.CLIENT_RESPONSE, ENDS, part)))
    assert [inner[n] for n in (1, 8, 9, 12, 13, 14)] == [6, 1700000000, 500000000, 1700000001, 750000000, QUERY]
    assert 10 not in inner


@pytest.mark.parametrize(("transport", "number"), [("udp", 1), ("tcp", 2), ("tls", 3), ("https", 4), ("quic", 7)])
def test_transports_are_told_apart(transport: str, number: int) -> None:
    assert fields(dnstap.sockets(transport, ("192.0.2.1", 1), None))[3] == number


def test_addresses_of_both_families() -> None:
    six = fields(dnstap.sockets("udp", ("2001:db8::1", 1), ("2001:db8::2%eth0", 2)))
    assert (six[2], len(six[4]), len(six[5])) == (2, 16, 16)
    mapped = fields(dnstap.sockets("udp", ("::ffff:192.0.2.1", 1), ("192.0.2.2", 2)))
    assert (mapped[2], mapped[4], mapped[5]) == (1, bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)))


def test_an_unknown_side_is_left_out() -> None:
    found = fields(dnstap.sockets("udp", ("", 0), ("192.0.2.2", 53)))
    assert found == {2: 1, 3: 1, 5: bytes((192, 0, 2, 2)), 7: 53}


@pytest.mark.skipif(not shutil.which("dnstap-ldns"), reason="needs dnstap-ldns")
def test_another_program_reads_what_is_written(tmp_path: Path) -> None:
    message = dnstap.message(dnstap.CLIENT_QUERY, ENDS, dnstap.query_part(1700000000.25, QUERY))
    frames = [
        control_frame(START, dnstap.CONTENT_TYPE),
        data_frame(dnstap.Envelope(b"node-1", b"v1").wrap(message, b"more")),
        control_frame(STOP),
    ]
    (tmp_path / "log").write_bytes(b"".join(frames))
    command = ["dnstap-ldns", "-y", "-r", str(tmp_path / "log")]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    for line in ("type: CLIENT_QUERY", 'identity: "node-1"', "2023-11-14 22:13:20.250000", "www.example.org."):
        assert line in shown
