"""What in an archive needs a person: each outlet is held against its own history."""

from __future__ import annotations

from storage.health.concerns import Concern, find_concerns
from storage.health.facts import OutletFacts, gather_facts

__all__ = ["Concern", "OutletFacts", "find_concerns", "gather_facts"]
