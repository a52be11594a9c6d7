"""Rules that namespaces make in ConfigMaps, from manifests of those, as the server would take them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from resolver.errors import ConfigError, ConfigErrors, ResolverError
from resolver.plugins.policy.configmaps import MAX_SHEETS_OF_ONE, check_room
from resolver.plugins.policy.delegated import ConfigMaps, delegation_of
from resolver.plugins.policy.settings import Settings
from resolver.plugins.policy.sheets import Sheet, read, sheet_of
from resolver.policy.rules import Rule

MAX_OCTETS = 64 << 20  # of all manifests
_SHOWN = 3

Tree = Mapping[str, Any]


def config_maps(text: str, where: str) -> list[Tree]:
    """The ConfigMaps of a YAML or JSON text: manifests, or what ``kubectl get configmap -o yaml`` prints.

    Other objects are passed over. Raises ResolverError where there is none, or the text is something else.
    """
    if len(text) > MAX_OCTETS:
        raise ResolverError(f"{where} has more than {MAX_OCTETS >> 20} MiB")
    try:
        documents = list(yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as error:
        raise ResolverError(f"{where} is no YAML: {' '.join(str(error).split())}") from None
    found = [tree for document in documents for tree in _objects(document, where) if tree.get("kind") == "ConfigMap"]
    if not found:
        raise ResolverError(f"{where} has no ConfigMap")
    return found


def delegated_rules(settings: Settings, trees: Iterable[Tree]) -> tuple[list[Rule], list[str]]:
    """The rules that count of those ConfigMaps which the policy watches, namespace by namespace, and what does not."""
    maps = settings.config_maps
    if maps is None:
        return [], []
    by_namespace: dict[str, dict[str, Sheet]] = {}
    for tree in trees:
        if _is_watched(tree, maps):
            sheet = sheet_of(dict(tree))
            by_namespace.setdefault(sheet.namespace, {})[sheet.name] = sheet
    rules: list[Rule] = []
    unsaid: list[str] = []
    for namespace, sheets in sorted(by_namespace.items()):
        rules += _of_namespace(settings, namespace, [sheet for _, sheet in sorted(sheets.items())], unsaid)
    return rules, unsaid


def _objects(document: object, where: str) -> Iterator[Tree]:
    """The objects of a document, which may be a list of them."""
    if document is None:
        return
    items = document.get("items", [document]) if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise ResolverError(f"{where} has something else than objects of Kubernetes")
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("metadata") or {}, dict):
            raise ResolverError(f"{where} has something else than objects of Kubernetes")
        yield {**item, "metadata": item.get("metadata") or {}}


def _is_watched(tree: Tree, maps: ConfigMaps) -> bool:
    metadata = tree["metadata"]
    labels = metadata.get("labels") or {}
    key, has_value, value = maps.selector.partition("=")
    chosen = isinstance(labels, dict) and key in labels and (not has_value or str(labels[key] or "") == value)
    return chosen and (not maps.namespaces or metadata.get("namespace") in maps.namespaces)


def _of_namespace(settings: Settings, namespace: str, sheets: Sequence[Sheet], unsaid: list[str]) -> list[Rule]:
    """The rules of a namespace, its ConfigMaps by their names; one with a mistake does not count."""
    delegation = delegation_of(settings.delegated, namespace)
    rules: list[Rule] = []
    for number, sheet in enumerate(sheets):
        try:
            if number >= MAX_SHEETS_OF_ONE:
                raise ConfigError(f"a namespace has at most {MAX_SHEETS_OF_ONE} ConfigMaps with rules")
            found = asyncio.run(read(sheet, delegation))
            check_room([*rules, *found])
        except ConfigErrors as errors:
            unsaid.append(_ignored(sheet, "; ".join(str(error) for error in errors.errors[:_SHOWN])))
        except ResolverError as error:
            unsaid.append(_ignored(sheet, str(error)))
        else:
            rules += found
    return rules


def _ignored(sheet: Sheet, reason: str) -> str:
    return f"ConfigMap {sheet.namespace}/{sheet.name} does not count: {reason}"
