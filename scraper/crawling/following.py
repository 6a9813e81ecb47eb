"""After a run: what follows the captures, and can be made again from them, is brought up to date."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from storage.archive import Archive
from storage.cdxj_following import follow_warcs
from storage.errors import StorageError

if TYPE_CHECKING:
    from scraper.config import Config

log = logging.getLogger(__name__)

SECONDS = 30.0
"""How long a run may take for it at its end: an archive that was never indexed is indexed over several, or by hand."""


def follow_captures(config: Config, *, stopped: Callable[[], bool] = lambda: False) -> None:
    """Index the captures that are new, until `stopped`. What goes wrong is logged: no run fails for it, and the next
    one goes on."""
    begun = monotonic()
    try:
        with Archive.open(config.archive, config.database, write=False) as archive:
            done = follow_warcs(archive, stop=lambda: stopped() or monotonic() - begun > SECONDS)
    except (StorageError, OSError) as error:
        log.warning("the index of captures was not brought up to date: %s", error)
        return
    for each in done.damaged:
        log.warning("the index of captures cannot go on in %s; `presskeep verify` tells more", each)
