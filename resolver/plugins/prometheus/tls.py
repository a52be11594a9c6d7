"""The certificate of the metrics endpoint: a web configuration file as Prometheus exporters know it, or plain paths."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resolver.config.cursor import args, no_block
from resolver.config.model import Directive, Word

_VERIFY = {
    "": ssl.CERT_NONE,
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_KEYS = frozenset({"cert_file", "key_file", "client_ca_file", "client_auth_type", "min_version", "max_version"})
_MAX_FILE = 64 << 10


def read_tls(option: Directive, root: Path) -> ssl.SSLContext:
    """``tls FILE`` (web configuration) or ``tls CERT KEY [CA]``. Raises ConfigError at the word that is wrong."""
    no_block(option)
    words = args(option, 1, 3)
    if len(words) == 1:
        path = root / words[0].text
        return _context(words[0], path.parent, _web_config(words[0], path))
    names = ("cert_file", "key_file", "client_ca_file")
    given = {name: word.text for name, word in zip(names, words, strict=False)}
    if len(words) == 3:
        given["client_auth_type"] = "RequireAndVerifyClientCert"
    return _context(words[0], root, given)


def _web_config(word: Word, path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        with path.open("rb") as file:
            config = yaml.safe_load(file.read(_MAX_FILE))
    except OSError as error:
        raise word.error(f"cannot read {path}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise word.error(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(config, dict) or not isinstance(config.get("tls_server_config"), dict):
        raise word.error(f"{path} has no tls_server_config", "give a web configuration file, or tls CERT KEY [CA]")
    section: dict[str, Any] = config["tls_server_config"]
    unknown = [str(key) for key in (config.keys() - {"tls_server_config"}) | (section.keys() - _KEYS)]
    if unknown:
        raise word.error(f"{path}: {', '.join(sorted(unknown))} is not supported")
    return section


def _context(word: Word, folder: Path, given: Mapping[str, Any]) -> ssl.SSLContext:
    certificate, key, authority = (given.get(name) for name in ("cert_file", "key_file", "client_ca_file"))
    verify = _VERIFY.get(str(given.get("client_auth_type") or ""))
    if not certificate or not key:
        raise word.error("TLS needs cert_file and key_file")
    if verify is None:
        raise word.error(
            f"client_auth_type {given['client_auth_type']} is not supported", f"one of {', '.join(_VERIFY)}"
        )
    if verify != ssl.CERT_NONE and not authority:
        raise word.error("client certificates cannot be verified without client_ca_file")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _version(word, given.get("min_version"), ssl.TLSVersion.TLSv1_2)
    context.maximum_version = _version(word, given.get("max_version"), ssl.TLSVersion.TLSv1_3)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(folder / str(certificate), folder / str(key), password=_no_password)
        if authority:
            context.load_verify_locations(folder / str(authority))
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise word.error(f"cannot use the certificate {certificate}: {reason}") from None
    context.verify_mode = verify
    return context


def _version(word: Word, name: object, default: ssl.TLSVersion) -> ssl.TLSVersion:
    if name is None:
        return default
    version = _VERSIONS.get(str(name))
    if version is None:
        raise word.error(f"TLS version {name} is not supported", f"one of {', '.join(_VERSIONS)}")
    return version


def _no_password() -> str:
    raise ValueError("the key is encrypted")
