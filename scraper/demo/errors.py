"""What is wrong with a request to the replica's own commands."""

from __future__ import annotations

from scraper.errors import UsageError


class ReplicaError(UsageError):
    """A wrong option, rule or plan. Nothing was served or written; one line says what and which."""
