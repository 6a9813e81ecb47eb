"""Drafting a profile in a process of its own, which a hostile page may keep busy or fill, and which then ends."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from scraper.errors import ScraperError

if TYPE_CHECKING:
    from scraper.drafting.drafting import Draft
    from scraper.drafting.survey import Sight

SECONDS = 240.0


class DraftingFailed(ScraperError):
    """The pages that were looked at could not be read within bounds of time and memory."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft, None where no article was found; `refused` the pages that were none, with the reason."""

    draft: Draft | None
    refused: dict[str, str]


def draft_apart(sight: Sight, name: str, *, memory: int) -> Drafted:
    """Read a sight and draft its profile. `memory` bounds the process, in bytes. Raises DraftingFailed."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_draft, args=(theirs, sight, name, memory), daemon=True)
    process.start()
    theirs.close()
    try:
        if ours.poll(SECONDS):
            found = ours.recv()
            if isinstance(found, Drafted):
                return found
    except EOFError:
        pass  # it ended without an answer, which is told below
    finally:
        process.kill()
        process.join()
        ours.close()
    raise DraftingFailed(f"its pages could not be read within {SECONDS:.0f} s and {memory:,} bytes", sight.place.host)


def _draft(answer: Connection, sight: Sight, name: str, memory: int) -> None:
    from scraper.drafting.drafting import draft_profile
    from scraper.drafting.reading import read_sight

    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    survey = read_sight(sight)
    draft = draft_profile(survey, name) if survey is not None else None
    answer.send(Drafted(draft, dict(survey.refused) if survey is not None else {}))
