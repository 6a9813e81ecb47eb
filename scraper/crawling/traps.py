"""Recognising links without end: articles that lead to ever more addresses of which hardly any is an article."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from datetime import timedelta

log = logging.getLogger(__name__)

FROM_ARTICLES = "article"
"""What found a page that another article led to (resource.found_by)."""
JUDGED = 200
"""The newest pages of that kind by which it is judged whether more of them are worth asking for."""
FEWEST = 10
"""So many of them must have shown an article that was not seen before."""
PUT_OFF = timedelta(days=7)
_TEXTS = 20_000


class TrapWatch:
    """Watches what comes of pages that only articles led to. Listings are bounded by how far they lead on; links
    between articles are not, and calendars, session ids or made-up numbers in them never end.

    Once it is `sprung`, the rest of such pages is put off; the next crawl tries as many again.
    """

    def __init__(self) -> None:
        self._newest: deque[bool] = deque(maxlen=JUDGED)
        self._texts: OrderedDict[str, None] = OrderedDict()
        self.sprung = False

    def note(self, found_by: str, digest: str | None) -> None:
        """A page was read for the first time; `digest` names the new article's text that it showed, if any. A text
        that other new articles of this crawl have is none."""
        is_new = digest is not None and self._is_first(digest)
        if found_by != FROM_ARTICLES or self.sprung:
            return
        self._newest.append(is_new)
        if len(self._newest) == JUDGED and sum(self._newest) < FEWEST:
            self.sprung = True
            said = "of the last %d pages that articles led to %d were articles; the rest is put off for a week"
            log.warning(said, JUDGED, sum(self._newest))

    def _is_first(self, digest: str) -> bool:
        if digest in self._texts:
            return False
        self._texts[digest] = None
        if len(self._texts) > _TEXTS:
            self._texts.popitem(last=False)
        return True
