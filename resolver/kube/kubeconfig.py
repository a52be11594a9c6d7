"""Kubeconfig files, read by lightkube, as Access."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.config.models import Cluster, User
from lightkube.core.exceptions import ConfigError as LightkubeError
from msgspec import ValidationError

from resolver.errors import KubeError
from resolver.kube.access import Access, Exec, checked_url, decoded, readable

EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
MAX_FILE = 4 << 20


def access_from_file(path: str, context: str = "") -> Access:
    """The access that this kubeconfig gives. Raises KubeError with what is wrong and in which file."""
    file = Path(path).expanduser().absolute()
    try:
        tree = _read(file)
        chosen = _choose(KubeConfig.from_dict(tree, fname=file), context)
        return _access(chosen, _raw(tree, "clusters", chosen.context.cluster), _raw(tree, "users", chosen.context.user))
    except KubeError as error:
        raise KubeError(f"{path}: {error}") from error
    except (LightkubeError, ValidationError) as error:
        raise KubeError(f"{path}: {error}") from error


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > MAX_FILE:
            raise KubeError(f"is larger than {MAX_FILE} octets")
        tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise KubeError(f"cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise KubeError(f"is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(tree, dict):
        raise KubeError("is no kubeconfig")
    for name, item in (("clusters", "cluster"), ("contexts", "context"), ("users", "user")):
        entries = tree.get(name) or []
        if not isinstance(entries, list):
            raise KubeError(f"{name} is no list")
        tree[name] = [_entry(entry, name, item) for entry in entries]
    return tree


def _entry(entry: Any, name: str, item: str) -> dict[str, Any]:
    """One named entry; what is left empty in it is as good as not there."""
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise KubeError(f"{name} has an entry without a name")
    inside = entry.get(item) or {}
    if not isinstance(inside, dict):
        raise KubeError(f"{name}: {entry['name']} is no mapping")
    return {"name": entry["name"], item: {key: value for key, value in inside.items() if value not in (None, "")}}


def _choose(config: KubeConfig, context: str) -> SingleConfig:
    name = context or config.current_context
    if not isinstance(name, str) or not name:
        raise KubeError("has no current-context, and none is named")
    chosen = config.contexts.get(name)
    if chosen is None:
        raise KubeError(f"has no context {name!r}")
    if chosen.cluster not in config.clusters:
        raise KubeError(f"context {name!r}: there is no cluster {chosen.cluster!r}")
    if chosen.user and chosen.user not in config.users:
        raise KubeError(f"context {name!r}: there is no user {chosen.user!r}")
    found = config.get(name)
    if found is None:
        raise KubeError(f"has no context {name!r}")
    return found


def _raw(tree: Mapping[str, Any], section: str, name: str | None) -> Mapping[str, Any]:
    """An entry as it is written: the library's models leave out some fields."""
    for entry in tree[section]:
        if entry["name"] == name:
            found: Mapping[str, Any] = entry[section[:-1]]
            return found
    return {}


def _access(config: SingleConfig, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> Access:
    who = config.user or User()
    if who.auth_provider and not (who.token or who.token_file or who.exec):
        raise KubeError("auth-provider is not supported: use a credential plugin (exec), for OIDC kubelogin")
    return Access(
        server=checked_url(config.cluster.server),
        insecure=config.cluster.insecure,
        server_name=str(cluster.get("tls-server-name", "")),
        proxy=_proxy(cluster),
        **(_trust(config, config.cluster) | _certificate(config, who) | _who(config, who, user, cluster)),
    )


def _trust(config: SingleConfig, cluster: Cluster) -> dict[str, Any]:
    if cluster.certificate_auth_data:
        return {"ca": decoded(cluster.certificate_auth_data, "certificate-authority-data")}
    return {"ca_file": _file(config, cluster.certificate_auth)}


def _certificate(config: SingleConfig, user: User) -> dict[str, Any]:
    has_cert = user.client_cert_data or user.client_cert
    has_key = user.client_key_data or user.client_key
    if bool(has_cert) != bool(has_key):
        raise KubeError("a client certificate needs its key, and a key its certificate")
    found: dict[str, Any] = {}
    if user.client_cert_data:
        found["cert"] = decoded(user.client_cert_data, "client-certificate-data")
    else:
        found["cert_file"] = _file(config, user.client_cert)
    if user.client_key_data:
        found["key"] = decoded(user.client_key_data, "client-key-data")
    else:
        found["key_file"] = _file(config, user.client_key)
    return found


def _who(config: SingleConfig, user: User, raw: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Any]:
    """A token file is preferred to a token, as kubectl does; only one of the ways is used."""
    if user.token_file:
        return {"token_file": str(config.abs_file(user.token_file))}
    if user.token:
        return {"token": user.token}
    if user.exec:
        return {"command": _exec(config, user, raw["exec"], cluster)}
    if user.username:
        return {"username": user.username, "password": user.password or ""}
    return {}


def _exec(config: SingleConfig, user: User, raw: Mapping[str, Any], cluster: Mapping[str, Any]) -> Exec:
    plugin = user.exec
    if plugin is None or plugin.apiVersion not in EXEC_VERSIONS:
        raise KubeError(f"exec: apiVersion must be one of {', '.join(EXEC_VERSIONS)}")
    if raw.get("interactiveMode") == "Always":
        raise KubeError("exec: the command wants to talk to somebody (interactiveMode: Always)")
    command = plugin.command
    if "/" in command and not command.startswith("/"):
        command = str(config.abs_file(command))
    told = json.dumps(_told(cluster), sort_keys=True) if raw.get("provideClusterInfo") else ""
    env = tuple((pair.name, pair.value) for pair in plugin.env or ())
    return Exec(plugin.apiVersion, command, tuple(plugin.args or ()), env, plugin.installHint or "", told)


def _told(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """What a plugin is told of the cluster (ExecCredential spec.cluster)."""
    names = {"certificate-authority-data", "insecure-skip-tls-verify", "proxy-url", "server", "tls-server-name"}
    told = {name: value for name, value in cluster.items() if name in names}
    for extension in cluster.get("extensions") or ():
        if isinstance(extension, dict) and extension.get("name") == "client.authentication.k8s.io/exec":
            told["config"] = extension.get("extension")
    return told


def _proxy(cluster: Mapping[str, Any]) -> str:
    proxy = str(cluster.get("proxy-url", ""))
    if proxy and cluster.get("tls-server-name"):
        raise KubeError("tls-server-name does not work through a proxy (proxy-url)")
    if proxy and not proxy.startswith(("http://", "https://")):
        raise KubeError("proxy-url must begin with http:// or https://")
    return proxy


def _file(config: SingleConfig, path: str | None) -> str:
    return readable(str(config.abs_file(path))) if path else ""
