"""Read captures again as they were read when their texts were written down, for the repair of a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from scraper.crawling.kept import whole_task
from scraper.crawling.workers import Workers
from scraper.extraction import EXTRACTOR_VERSION, profile_digest
from scraper.extraction.learnt import Learnt
from scraper.extraction.page import Limits
from scraper.kept_outlets import kept_outlets_of
from scraper.sentences import sentence_of
from storage.fixity.text_repair import CannotReadAgain

if TYPE_CHECKING:
    from scraper.config import Config
    from scraper.outlet import Outlet
    from storage.archive import Archive
    from storage.captures import PendingCapture
    from storage.naming import NamedContent
    from storage.records import ExtractorName


class TextReader:
    """Reads one capture after the other, in a process of its own that begins with the first. Close it when done."""

    def __init__(self, config: Config, archive: Archive) -> None:
        self._config, self._archive = config, archive

    def __call__(
        self, place: PendingCapture, outlet: str, name: ExtractorName, hashes: Mapping[str, Any] | None
    ) -> NamedContent:
        """The article that a capture shows, by the outlet's profile and what was learnt of its pages (`hashes`).

        Raises CannotReadAgain where today's extractor, profile or what was learnt is not that of `name`, or where no
        article is read.
        """
        if name.version != EXTRACTOR_VERSION:
            raise CannotReadAgain(f"version {name.version} of the extractor read it, and this is {EXTRACTOR_VERSION}")
        profile = self._profile(outlet)
        if profile_digest(profile) != name.profile_digest:
            raise CannotReadAgain("the outlet's profile is not the one by which it was read")
        if name.learnt_digest and hashes is None:
            raise CannotReadAgain("what was known then to repeat on the outlet's pages is not kept")
        learnt = Learnt.from_json(name.learnt_digest, hashes).pack() if hashes is not None else None
        task = whole_task(self._archive.folder, place, outlet if profile is not None else None)
        outcome = ""
        for kind in dict.fromkeys((place.kind, "article", "page")):  # what it was then may have become another since
            (result,) = self._workers.read_all([replace(task, kind=kind, learnt=learnt)]).result()
            if result.outcome == "article" and result.named is not None:
                return result.named
            outcome = outcome or result.outcome
        raise CannotReadAgain(f"it reads as no article ({sentence_of(outcome)})")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "_workers" in vars(self):
            self._workers.stop()

    def _profile(self, outlet: str) -> Outlet | None:
        profiles, unusable = self._profiles
        if outlet in unusable:
            raise CannotReadAgain("the outlet's profile cannot be used")
        return profiles.get(outlet)

    @cached_property
    def _profiles(self) -> tuple[dict[str, Outlet | None], set[str]]:
        targets, unusable = kept_outlets_of(self._config, self._archive, None)
        return {each.name: each.profile for each in targets}, {name for name, _ in unusable}

    @cached_property
    def _workers(self) -> Workers:
        profiles, _ = self._profiles
        return Workers(
            {name: profile for name, profile in profiles.items() if profile is not None},
            Limits(page_bytes=self._config.max_page_bytes),
            None,
            count=1,
            seconds=self._config.page_seconds,
            memory=self._config.page_memory,
        )
