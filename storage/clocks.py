"""How far clocks may be apart."""

from __future__ import annotations

from datetime import timedelta

TOLERANCE = timedelta(minutes=10)
"""Clocks are corrected by less than this; nothing is said of it, and nothing waits for longer than it."""
