"""The generated Corefile: made from the template and the kube-dns ConfigMap, checked, and written when it changes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from resolver.config.load import load_text
from resolver.config.model import Config
from resolver.errors import ConfigError, ConfigErrors, ResolverError
from resolver.node.kubedns import MAX_FILE, KubeDns, parse, read, stub_blocks
from resolver.node.metrics import NodeMetrics
from resolver.node.pillar import Values, cluster_dns, fill
from resolver.node.settings import NodeSettings
from resolver.runtime.plan import assemble
from resolver.runtime.throwaway import throwaway_host
from resolver.telemetry.log import Log

LONGEST_PAUSE: Final = 10.0  # seconds between two looks at the template and the ConfigMap


class Corefile:
    """Writes ``settings.conf``. What is wrong is said and counted once, and the last good one goes on."""

    def __init__(self, settings: NodeSettings, environ: Mapping[str, str], metrics: NodeMetrics, log: Log) -> None:
        self.settings = settings
        self.environ = dict(environ)
        self.metrics = metrics
        self.log = log
        self.config = Config(())
        self._kube_dns = KubeDns()
        self._files: dict[str, str] | None = None
        self._template = ""
        self._text = ""
        self._said = ""

    def begin(self) -> None:
        """Write the first one, without the ConfigMap where that is wrong. Raises ResolverError where nothing can be."""
        self._template = self._read_template()
        self._accept(KubeDns())
        self._look_at_config_map()

    def look(self) -> bool:
        """Whether something had changed and another Corefile was written."""
        before = self._text
        try:
            template = self._read_template()
            if template != self._template:
                self._accept(self._kube_dns, template)
        except ResolverError as error:
            self._complain(f"{self.settings.base}: {error}")
            return False
        self._look_at_config_map()
        return self._text != before

    @property
    def reloads_itself(self) -> bool:
        """Whether the ``reload`` directive notices a new file."""
        return any(directive.name.text == "reload" for block in self.config.blocks for directive in block.directives)

    def _look_at_config_map(self) -> None:
        if not self.settings.kube_dns:
            return
        try:
            files = read(self.settings.kube_dns)
            if files == self._files:
                return
            found = parse(files)
            self._accept(found)
        except ResolverError as error:
            self._complain(f"kube-dns ConfigMap: {error}; going on without this change")
            return
        self._files = files
        self._said = ""
        if found.unused:
            self.log.warning(f"kube-dns ConfigMap: {', '.join(found.unused)} means nothing here")
        self.log.info(
            f"kube-dns ConfigMap: {len(found.stub_domains)} stub domains, "
            f"upstream servers {' '.join(found.upstream) or 'of /etc/resolv.conf'}"
        )

    def _complain(self, text: str) -> None:
        """Say and count what is wrong, once as long as it stays the same."""
        if text != self._said:
            self._said = text
            self.metrics.failed("configmap")
            self.log.error(text)

    def _accept(self, found: KubeDns, template: str = "") -> None:
        """Check and write the Corefile for this ConfigMap and template. Raises ResolverError and changes nothing."""
        template = template or self._template
        text = self._render(found, template)
        if text != self._text:
            config = self._check(text)
            _write(Path(self.settings.conf), text)
            self._text, self.config = text, config
        self._kube_dns, self._template = found, template

    def _render(self, found: KubeDns, template: str) -> str:
        settings = self.settings
        service = cluster_dns(settings.upstream_service, self.environ)
        values = Values(settings.local, service, settings.cluster_domain, found.upstream, settings.prometheus)
        text = fill(template, values)
        return text.rstrip("\n") + "\n" + stub_blocks(found, settings.local, settings.port)

    def _check(self, text: str) -> Config:
        """What ``resolver check`` would say of it. Raises ResolverError."""
        try:
            config = load_text(text, name=self.settings.conf, environ=self.environ)
            assemble(config, throwaway_host(), self.settings.port)
        except (ConfigError, ConfigErrors) as error:
            raise ResolverError(str(error)) from None
        return config

    def _read_template(self) -> str:
        path = Path(self.settings.base)
        try:
            with path.open("rb") as file:
                octets = file.read(MAX_FILE + 1)
        except OSError as error:
            raise ResolverError(f"cannot read the template {path}: {error.strerror or error}") from None
        if len(octets) > MAX_FILE:
            raise ResolverError(f"the template {path} is larger than {MAX_FILE} octets")
        return octets.decode("utf-8", "surrogateescape")


def _write(path: Path, text: str) -> None:
    """Put a whole new file in place of the old one. Raises ResolverError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", errors="surrogateescape")
        beside.replace(path)
    except OSError as error:
        raise ResolverError(
            f"cannot write the generated Corefile {path}: {error.strerror or error}; name a writable place with -conf"
        ) from None
