"""What is noted about a query."""

from __future__ import annotations

import pytest

from resolver.chain.trail import Trail


@pytest.mark.parametrize(
    ("decisions", "kept"),
    [
        (["allow"], "allow"),
        (["audit-only", "allow"], "audit-only"),
        (["allow", "audit-only"], "audit-only"),
        (["allow", "deny"], "deny"),
        (["deny", "audit-only", "allow"], "deny"),
    ],
)
def test_a_denial_stays_and_leave_to_pass_hides_no_finding(decisions: list[str], kept: str) -> None:
    trail = Trail()
    for decision in decisions:
        trail.decide(decision, f"rule of {decision}")
    assert (trail.decision, trail.rule) == (kept, f"rule of {kept}")
