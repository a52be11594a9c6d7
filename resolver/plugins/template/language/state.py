"""What changes while a template is filled in, and its limits."""

from __future__ import annotations

from typing import Any, Final

from resolver.plugins.template.language.values import TemplateError

LONGEST_OUTPUT: Final = 70_000  # characters: more than any record has
MOST_STEPS: Final = 10_000  # of all loops together
_DEEPEST: Final = 100


class Break(Exception):
    """Leaves a loop."""


class Continue(Exception):
    """Goes on with the next round of a loop."""


class State:
    """Output, variables and the data that ``$`` stands for."""

    __slots__ = ("depth", "out", "room", "root", "steps", "variables", "whole")

    def __init__(self, root: Any, slots: int) -> None:
        self.root = root
        self.variables: list[Any] = [None] * slots
        self.out: list[str] = []
        self.whole = self
        self.room = LONGEST_OUTPUT
        self.steps = MOST_STEPS
        self.depth = 0

    def inner(self, root: Any, slots: int) -> State:
        """The state of a template that this one calls, with the same output and limits."""
        if self.depth >= _DEEPEST:
            raise TemplateError(f"templates call each other more than {_DEEPEST} deep")
        self.step()
        other = State(root, slots)
        other.out, other.whole, other.depth = self.out, self.whole, self.depth + 1
        return other

    def write(self, text: str) -> None:
        """Append to the output."""
        whole = self.whole
        whole.room -= len(text)
        if whole.room < 0:
            raise TemplateError(f"the output is longer than {LONGEST_OUTPUT} characters")
        self.out.append(text)

    def step(self) -> None:
        """Count one round of a loop."""
        whole = self.whole
        whole.steps -= 1
        if whole.steps < 0:
            raise TemplateError(f"loops take more than {MOST_STEPS} rounds")
