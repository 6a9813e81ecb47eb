"""Say what becomes of readings: of which article each is, and what it adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from storage.inserting import among, in_portions
from storage.judging import Observation, ReadBy, judge
from storage.models import article_key
from storage.naming import NamedContent
from storage.observing import ArticleState, SeenCapture, Standing, load_states
from storage.records import Novelty, Reading

_MILLISECOND = timedelta(milliseconds=1)
_ARTICLES = select(article_key.c.key, article_key.c.article).where(
    article_key.c.outlet == bindparam("of_outlet"), among(article_key.c.key)
)


@dataclass(slots=True)
class Plan:
    """What becomes of one reading. `named` and `state` are set for articles alone."""

    reading: Reading
    capture: SeenCapture
    extractor: int
    named: NamedContent | None = None
    state: ArticleState | None = None
    novelty: Novelty = "none"
    reread: int | None = None
    standing: list[Standing] = field(default_factory=list)

    @property
    def digest(self) -> str | None:
        """The name of the revision that it shows; None for what is no article."""
        return self.named.digest if self.named else None

    @property
    def is_reread(self) -> bool:
        """Whether another extractor has read the capture before."""
        return bool(self.standing)

    @property
    def former(self) -> Standing | None:
        """The newest reading that gave a text, before this one."""
        return next((each for each in reversed(self.standing) if each.revision is not None), None)

    @property
    def at(self) -> datetime:
        """When it was read; always after the readings that stand, whatever the clock says."""
        return max([self.reading.at, *(each.at + _MILLISECOND for each in self.standing)])

    @property
    def revision(self) -> int | None:
        """The revision that it shows, once that is written; None for what is no article."""
        return self.state.revisions.get(self.digest) if self.state and self.digest else None


def not_standing(plans: Sequence[Plan]) -> list[Plan]:
    """The plans whose extraction does not stand yet, each pair of capture and extractor once."""
    seen = {(plan.capture.id, each.extractor) for plan in plans for each in plan.standing}
    fresh = []
    for plan in plans:
        pair = plan.capture.id, plan.extractor
        if pair not in seen:
            seen.add(pair)
            fresh.append(plan)
    return fresh


def decide(connection: Connection, plans: Sequence[Plan], *, outlet: int, crawl: int) -> list[ArticleState]:
    """Find each article, and say what its reading adds, in the order of the captures. Gives the articles as they will
    stand; `crawl` is the run that reads."""
    articles = [plan for plan in plans if plan.digest is not None]
    keys = {plan.reading.key for plan in articles if plan.reading.key is not None}
    known = _articles(connection, outlet, sorted(keys))
    owners = {each.article for plan in articles if (each := plan.former) is not None and each.article is not None}
    by_article = load_states(connection, {**{f"article {number}": number for number in owners}, **known})
    states = {key: by_article[number] for key, number in known.items()}
    for plan in sorted(articles, key=lambda plan: (plan.capture.at, plan.capture.id)):
        assert plan.reading.key is not None
        if plan.former is not None and plan.former.article is not None:
            # Whatever key today's profile reads: only a person moves a capture to another article.
            plan.state = by_article[plan.former.article]
        else:
            plan.state = states.setdefault(plan.reading.key, ArticleState(plan.reading.key))
        if plan.is_reread:
            _read_again(plan, plan.state, crawl)
        else:
            _compare(plan, plan.state, crawl)
    return list({id(state): state for state in (*states.values(), *by_article.values())}.values())


def _articles(connection: Connection, outlet: int, keys: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for portion in in_portions(keys):
        rows = connection.execute(_ARTICLES, {"of_outlet": outlet, "values": portion})
        found.update((row[0], row[1]) for row in rows)
    return found


def _read_again(plan: Plan, state: ArticleState, crawl: int) -> None:
    """Add what another extractor makes of a capture that was read before: never an edit."""
    assert plan.digest is not None
    is_new = state.id is None and not state.observations
    plan.novelty = "new" if is_new else "same"
    observed = state.of_capture(plan.capture.id)
    if observed is None:
        seen = plan.capture
        before = [ReadBy(each.extractor, None, each.crawl) for each in plan.standing]
        observed = Observation(seen.id, seen.at, seen.line, before)
        state.observations.append(observed)
    observed.reads.append(ReadBy(plan.extractor, plan.digest, crawl))


def _compare(plan: Plan, state: ArticleState, crawl: int) -> None:
    """Compare a reading with what its domain showed last; add it to the observations unless it must wait."""
    assert plan.digest is not None
    seen = plan.capture
    last = state.last_before(seen.line, (seen.at, seen.id))
    if state.id is None and not state.observations:
        plan.novelty = "new"
    elif last is None:
        plan.novelty = "duplicate"
    else:
        verdict = judge(last, plan.extractor, plan.digest)
        if verdict == "unread":
            plan.reread = last.shown_by or last.capture
            return
        plan.novelty = verdict
    read = ReadBy(plan.extractor, plan.digest, crawl)
    state.observations.append(Observation(seen.id, seen.at, seen.line, [read]))
