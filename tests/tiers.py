"""Cases of a parametrized test that are left to `make soak`."""

from __future__ import annotations

from typing import Any

import pytest


def in_soak(value: object, **options: Any) -> Any:
    """A case that `make soak` alone runs; `options` as those of pytest.param()."""
    return pytest.param(value, marks=pytest.mark.soak, **options)
