"""Run the command line and let the replica kill this process at its n-th request from now.

`python -m tests.killing_at_request CONTROL_PORT N ARGUMENT...`
"""

from __future__ import annotations

import json
import os
import sys
from http.client import HTTPConnection


def main(arguments: list[str]) -> int:
    """Order the kill and run the command."""
    from scraper.cli.running import run

    control = HTTPConnection("127.0.0.1", int(arguments[0]), timeout=30)
    control.request("GET", "/__replica__/stats")
    so_far = json.loads(control.getresponse().read())["requests"]
    order = {"request": so_far + int(arguments[1]), "pid": os.getpid(), "signal": "KILL", "file": None}
    control.request("POST", "/__replica__/bell", json.dumps(order))
    control.getresponse().read()
    control.close()
    return run(arguments[2:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
