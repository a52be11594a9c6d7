"""What a way consists of before it is text: documents by file, configuration files, remarks and warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from resolver.manifests.text import Document


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """A ConfigMap made of files. Its name is stable, so that the `reload` directive sees what changes in it."""

    name: str
    namespace: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Bundle:
    """One way for one user.

    ``manifests`` has the documents of each file in the order in which they are applied; ``patch`` is applied to an
    object that the user has; ``others`` are files that belong to the way but are not applied to the cluster.
    ``remarks`` describe the whole, ``warnings`` what may go wrong with these very settings.
    """

    way: str
    remarks: Sequence[str]
    manifests: Mapping[str, Sequence[Document]] = field(default_factory=dict)
    configs: Sequence[ConfigFiles] = ()
    patch: Document | None = None
    others: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
