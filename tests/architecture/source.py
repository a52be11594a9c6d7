"""Reading a package's source without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "resolver"


@dataclass(frozen=True)
class Module:
    """A source file by its dotted name (a package's name for its ``__init__``)."""

    name: str
    path: Path
    text: str

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and dotted name of everything imported, also inside functions and under TYPE_CHECKING.

        ``from a import b`` gives ``a.b``: whether b is a module or a name in it makes no difference to the checks.
        """
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._base_of(node)
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)

    def _base_of(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        kept = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*kept, node.module] if node.module else kept)


def modules(root: Path = ROOT) -> Iterator[Module]:
    """All modules of the package that lies under this root."""
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield Module(name, path, path.read_text(encoding="utf-8"))


def plugin_folders(root: Path = ROOT) -> list[Path]:
    """The folders of ``resolver/plugins``, one a directive."""
    plugins = root / PACKAGE / "plugins"
    return sorted({path.parent for path in plugins.glob("*/*") if path.is_file()} - {plugins / "__pycache__"})


def write_tree(root: Path, files: dict[str, str]) -> Path:
    """A made-up source tree, by which a check proves that it can fail."""
    for name, text in files.items():
        path = root / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root
