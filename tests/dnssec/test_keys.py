from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from resolver.dnssec.keys import ALGORITHMS, ECDSAP256, ED25519, RSASHA256, Key, keys_of, need_library, read_key
from resolver.errors import SigningError
from resolver.wire.names import from_text
from tests.support.keys import ZONE_ONLY, write_key

ORIGIN = from_text("example.org")


def as_dnspython(key: Key) -> DNSKEY:
    rdata = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.DNSKEY, key.rdata, 0, len(key.rdata))
    assert isinstance(rdata, DNSKEY)
    return rdata


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_keys_of_every_algorithm_are_read(algorithm: int, tmp_path: Path) -> None:
    key = read_key(write_key(tmp_path, "Example.ORG.", algorithm, ttl="300"))
    assert (key.owner, key.ttl, key.algorithm, key.is_entry_point) == (ORIGIN, 300, algorithm, True)


@pytest.mark.parametrize("ending", ["", ".key", ".private"])
def test_a_key_is_named_with_or_without_its_endings(ending: str, tmp_path: Path) -> None:
    base = write_key(tmp_path, "example.org.", flags=ZONE_ONLY)
    key = read_key(Path(f"{base}{ending}"))
    assert (key.flags, key.ttl) == (ZONE_ONLY, None)


def test_tag_and_digest_are_those_of_another_implementation(tmp_path: Path) -> None:
    for algorithm in ALGORITHMS:
        key = read_key(write_key(tmp_path, "example.org.", algorithm))
        other = as_dnspython(key)
        assert key.tag == dns.dnssec.key_id(other)
        ds = dns.dnssec.make_ds(dns.name.from_text("example.org."), other, "SHA256").to_wire()
        assert key.ds(ORIGIN) == ds


def test_what_a_key_shows_has_no_secret_in_it(tmp_path: Path) -> None:
    key = read_key(write_key(tmp_path, "example.org."))
    assert "sign" not in repr(key)
    assert str(key) == f"example.org. (tag {key.tag}, ECDSAP256SHA256)"


@pytest.mark.skipif(not shutil.which("dnssec-keygen"), reason="dnssec-keygen (bind9-utils) is not installed")
@pytest.mark.parametrize("words", [("-a", "ECDSAP384SHA384"), ("-a", "ED25519", "-f", "KSK"), ("-a", "RSASHA512")])
def test_files_of_dnssec_keygen_are_read(words: tuple[str, ...], tmp_path: Path) -> None:
    command = ["dnssec-keygen", "-q", "-K", str(tmp_path), *words, "example.org"]
    name = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    key = read_key(tmp_path / name)
    assert name == f"Kexample.org.+{key.algorithm:03d}+{key.tag:05d}"
    assert key.is_entry_point == ("KSK" in words)


def test_a_record_over_several_lines_is_read(tmp_path: Path) -> None:
    base = write_key(tmp_path, "example.org.")
    changed(Path(f"{base}.key"), "DNSKEY 257 3 13 ", "DNSKEY (257 3 ; a comment\n ECDSAP256SHA256\n ")
    with Path(f"{base}.key").open("a") as file:
        file.write(")\n")
    assert read_key(base).algorithm == ECDSAP256


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("DNSKEY", "TXT", "has no DNSKEY record"),
        ("DNSKEY 257 3 13 ", "DNSKEY 257 3 13 !", "cannot be read"),
        ("257 3 13", "257 2 13", "not a key of a zone"),
        ("257 3 13", "1 3 13", "not a key of a zone"),
        ("257 3 13", "70000 3 13", "not a key of a zone"),
        ("257 3 13", "257 3 16", "algorithm 16"),
        ("257 3 13", "257 3 15", "another algorithm"),
        ("example.org.", "..", "cannot be read"),
    ],
)
def test_a_public_key_that_cannot_be_used_is_refused(old: str, new: str, reason: str, tmp_path: Path) -> None:
    base = write_key(tmp_path, "example.org.")
    changed(Path(f"{base}.key"), old, new)
    with pytest.raises(SigningError, match=reason):
        read_key(base)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Private-key-format: v1.3", "nonsense", "not a private key in the format"),
        ("PrivateKey:", "Label:", "no field privatekey"),
        ("PrivateKey: ", "PrivateKey: !", "not base64"),
        ("PrivateKey: ", "PrivateKey: AA==\nOther: ", "not a key that can sign"),
        (
            "PrivateKey: ",
            "PrivateKey: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAU=\nOther: ",
            "not belong to the public",
        ),
    ],
)
def test_a_private_key_that_cannot_be_used_is_refused(old: str, new: str, reason: str, tmp_path: Path) -> None:
    base = write_key(tmp_path, "example.org.")
    changed(Path(f"{base}.private"), old, new)
    with pytest.raises(SigningError, match=reason):
        read_key(base)


@pytest.mark.parametrize("algorithm", [RSASHA256, ED25519])
def test_the_private_half_of_another_key_is_refused(algorithm: int, tmp_path: Path) -> None:
    base = write_key(tmp_path, "example.org.", algorithm)
    other = write_key(tmp_path, "other.org.", algorithm, number=1)
    Path(f"{other}.private").replace(f"{base}.private")
    with pytest.raises(SigningError, match="does not belong to the public key"):
        read_key(base)


def test_files_that_are_not_there_or_no_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SigningError, match=r"Knone\.key: No such file"):
        read_key(tmp_path / "Knone")
    base = write_key(tmp_path, "example.org.")
    Path(f"{base}.private").unlink()
    with pytest.raises(SigningError, match=r"\.private: No such file"):
        read_key(base)
    Path(f"{base}.private").mkdir()
    with pytest.raises(SigningError, match=r"Is a directory|not a regular file"):
        read_key(base)
    Path(f"{base}.key").write_bytes(b"x" * 70000)
    with pytest.raises(SigningError, match="too large"):
        read_key(base)


def test_keys_of_a_zone_are_found_by_their_names(tmp_path: Path) -> None:
    ours = {write_key(tmp_path, "example.org.", number=number).name + ".key" for number in (1, 2)}
    write_key(tmp_path, "www.example.org.")
    assert {path.name for path in keys_of(tmp_path, ORIGIN)} == ours
    with pytest.raises(SigningError, match="No such file"):
        keys_of(tmp_path / "none", ORIGIN)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "resolver.dnssec.algorithms", raising=False)
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(SigningError, match=r"k8s-resolver\[dnssec\]"):
        need_library()
