"""Put on PYTHONPATH by tests/denial.py: the processes that tests start deny outside addresses as well."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

if os.environ.get("PRESSKEEP_TEST_DENIAL"):
    _SPEC = importlib.util.spec_from_file_location("presskeep_denial", Path(__file__).parents[1] / "denial.py")
    if _SPEC is not None and _SPEC.loader is not None:
        _MODULE = importlib.util.module_from_spec(_SPEC)
        _SPEC.loader.exec_module(_MODULE)
        sys.addaudithook(_MODULE.deny_outside)
