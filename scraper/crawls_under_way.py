"""The ids of the crawls that this process has under way, so that its log lines can name theirs."""

from __future__ import annotations

UNDER_WAY: set[int] = set()
