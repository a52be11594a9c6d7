"""Which directives exist, and where they are built. A directive is imported when a configuration asks for it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from resolver.chain.setup import SetupFunction
from resolver.plugins.order import ORDER


@cache
def built() -> frozenset[str]:
    """The directives that this version has."""
    here = Path(__file__).parent
    return frozenset(folder.parent.name for folder in here.glob("*/__init__.py"))


@cache
def setup_function(name: str) -> SetupFunction | None:
    """The function that sets the directive up, None where it is not built."""
    if name not in ORDER or find_spec(f"resolver.plugins.{name}") is None:
        return None
    return cast(SetupFunction, import_module(f"resolver.plugins.{name}").setup)
