"""The options by which directives say where the API is, and what becomes of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from resolver.chain.contacts import API, TCP, Contact, at_url, unknown
from resolver.chain.setup import Block
from resolver.config.cursor import args, integer, no_block, one_arg, option_values, text, value
from resolver.config.model import Directive
from resolver.errors import KubeError
from resolver.kube.access import Access, from_endpoint, from_kubeconfig, in_cluster


@dataclass(frozen=True, slots=True)
class Source:
    """Where the API is and how it is asked. Limits of 0 are left to the client; paths are relative to ``root``."""

    root: Path = Path()
    endpoint: str = ""
    tls: tuple[str, str, str] = ("", "", "")
    kubeconfig: str = ""
    context: str = ""
    qps: float = 0.0
    burst: int = 0
    max_inflight: int = 0

    @classmethod
    def taken_from(cls, values: dict[str, Any], root: Path) -> Source:
        """What the options said, which are taken out of ``values``."""
        endpoints = values.pop("endpoint", ())
        kubeconfig, context = values.pop("kubeconfig", ("", ""))
        return cls(
            root,
            endpoints[0] if endpoints else "",
            values.pop("tls", ("", "", "")),
            kubeconfig,
            context,
            values.pop("apiserver_qps", 0.0),
            values.pop("apiserver_burst", 0),
            values.pop("apiserver_max_inflight", 0),
        )

    @classmethod
    def of(cls, directive: Directive, root: Path) -> Source:
        """What a directive says, its other options left aside. Raises ConfigError or ConfigErrors."""
        lines = tuple(line for line in directive.options if line.name.text in SOURCE_OPTIONS)
        return cls.taken_from(option_values(Directive(directive.name, (), lines), SOURCE_OPTIONS), root)

    @classmethod
    def beside(cls, block: Block, *names: str) -> Source:
        """As the first of these directives of the block that says anything of it, else that of the Pod."""
        for name in names:
            for line in block.directives:
                if line.name.text == name and any(option.name.text in SOURCE_OPTIONS for option in line.options):
                    return cls.of(line, block.root)
        return cls(block.root)

    def access(self) -> Access:
        """How the API is reached. Raises KubeError."""
        if self.kubeconfig:
            access = from_kubeconfig(str(self.root / self.kubeconfig), self.context)
        elif self.endpoint:
            cert, key, ca = (str(self.root / path) if path else "" for path in self.tls)
            access = from_endpoint(self.endpoint, cert, key, ca)
        else:
            access = in_cluster()
        return access.limited(self.qps, self.burst, self.max_inflight)

    def access_for(self, directive: Directive) -> Access:
        """As ``access``. Raises ConfigError at the directive."""
        try:
            return self.access()
        except KubeError as error:
            raise directive.error(f"{directive.name.text}: {error}") from None

    def contacts(self, who: str) -> Iterator[Contact]:
        """The API server, or the proxy in front of it, that the directive ``who`` asks."""
        why = f"{who}: the Kubernetes API"
        if not self.endpoint and not self.kubeconfig:
            yield Contact(API, 443, TCP, why)
        elif not self.kubeconfig:
            yield at_url(self.endpoint, why)
        else:
            try:
                access = self.access()
            except KubeError as error:
                yield unknown(f"{who}: the kubeconfig of the Pod cannot be read here ({error}); open its server")
                return
            yield at_url(access.proxy or access.server, why)
            if access.command is not None:
                yield unknown(f"{who}: {access.command.command} gets the credentials; open what it connects to")


def _endpoints(option: Directive) -> tuple[str, ...]:
    no_block(option)
    return tuple(text(word) for word in args(option, 1))


def _tls(option: Directive) -> tuple[str, str, str]:
    no_block(option)
    cert, key, ca = (word.text for word in args(option, 3, 3))
    return cert, key, ca


def _kubeconfig(option: Directive) -> tuple[str, str]:
    no_block(option)
    words = args(option, 1, 2)
    return text(words[0]), words[1].text if len(words) > 1 else ""


def _qps(option: Directive) -> float:
    no_block(option)
    word = one_arg(option)
    try:
        number = float(word.text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise word.error(f"{word.text[:40]!r} is not a number of requests per second", "0 leaves it at the default")
    return number


SOURCE_OPTIONS: Final[dict[str, Callable[[Directive], Any]]] = {
    "endpoint": _endpoints,
    "tls": _tls,
    "kubeconfig": _kubeconfig,
    "apiserver_qps": _qps,
    "apiserver_burst": value(integer, 0),
    "apiserver_max_inflight": value(integer, 0),
}
