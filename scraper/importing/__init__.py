"""Importing what others archived: WARC, ARC and WACZ files, lists of URLs, news-please's JSON, ArchiveBox folders."""

from __future__ import annotations

from scraper.importing.reporting import FileReport, ImportReport, Progress
from scraper.importing.run import import_sources

__all__ = ["FileReport", "ImportReport", "Progress", "import_sources"]
