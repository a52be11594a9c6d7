"""What all tests share: how much the property tests try."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A shared or slow machine must not turn a property test red, so there is no deadline per example.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), print_blob=True)
settings.register_profile("fuzz", settings.get_profile("ci"), max_examples=int(os.environ.get("FUZZ_EXAMPLES", "2000")))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"))
