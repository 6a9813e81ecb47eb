"""A reader of listings that does to its process what the page's path says: for tests of the workers."""

from __future__ import annotations

import os
import re
import signal
import time

from scraper.extraction.page import Link, Page
from scraper.outlet import Outlet
from spiders.ways import Findings


def read_badly(way: str, page: Page, outlet: Outlet) -> Findings:
    """`/sleep/SECONDS`, `/loop` (in C, deaf to signals), `/memory`, `/deep`, `/raise`, `/die`, `/stop`, `/pid`."""
    order, _, number = page.url.split("/", 3)[3].partition("/")
    if order == "sleep":
        time.sleep(float(number))
    elif order == "loop":
        re.match(r"(a|aa)+$", "a" * 60 + "b")
    elif order == "memory":
        return Findings(problem=str(len(bytearray(2_000_000_000))))
    elif order == "deep":
        return read_badly(way, page, outlet)
    elif order == "raise":
        raise ValueError("nobody expected this")
    elif order == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif order == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    return Findings(links=(Link(f"https://www.daily.example/news/{os.getpid()}"),))
