"""T2: write down what readings say, in one transaction: articles, revisions, and where to go next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, text, update

from storage.content import ArticleContent
from storage.due import make_due
from storage.errors import StorageError
from storage.finding import Added, add_groups
from storage.identity import content_digest, text_sha256
from storage.inserting import among, count_up, in_portions, insert_missing, update_each
from storage.models import article, article_key, capture, crawl, extraction, extractor, location, resource
from storage.observing import (
    ArticleState,
    Observation,
    SeenCapture,
    current_digest,
    load_captures,
    load_extractions,
    load_states,
)
from storage.outlets import DomainMap, announce, domains
from storage.records import ExtractorName, Known, Novelty, Reading
from storage.rehoming import Shown, bind
from storage.revising import NewRevision, add_revisions, clean, see_again


@dataclass(slots=True)
class _Plan:
    """What becomes of one reading. `content`, `digest` and `state` are set for articles alone."""

    reading: Reading
    capture: SeenCapture
    extractor: int
    content: ArticleContent | None = None
    digest: str | None = None
    state: ArticleState | None = None
    novelty: Novelty = "none"
    reread: int | None = None
    is_reread: bool = False
    supersedes: str | None = None


class Knower:
    """Writes readings of one crawl down. Remembers ids between batches: `forget()` after a transaction failed."""

    def __init__(self, *, crawl: int, outlet: int) -> None:
        self._crawl, self._outlet = crawl, outlet
        self._extractors: dict[ExtractorName, int] = {}
        self._announced: set[str] = set()
        self._begun: datetime | None = None
        self._links: dict[bytes, datetime] = {}

    def forget(self) -> None:
        """Forget ids that a transaction gave which was rolled back."""
        self._extractors.clear()
        self._announced.clear()
        self._links.clear()

    def know_batch(self, connection: Connection, readings: Sequence[Reading]) -> list[Known]:
        """Write a batch down in the write transaction given. A reading that stands already changes nothing.

        Raises StorageError for a capture that does not exist, ValueError for an article without key or content.
        """
        if connection.dialect.name == "postgresql":  # one T2 at a time for an outlet, as on SQLite for all
            connection.execute(_ONE_AT_A_TIME, {"outlet": self._outlet})
        domain_map = DomainMap(domains(connection, self._outlet))
        plans = self._plan(connection, readings)
        fresh = self._fresh(connection, plans)
        states = self._decide(connection, fresh)
        written = [plan for plan in fresh if plan.reread is None]
        self._write(connection, written, states, domain_map)
        added = self._follow(connection, written, domain_map)
        return self._report(connection, plans, fresh, added)

    def _plan(self, connection: Connection, readings: Sequence[Reading]) -> list[_Plan]:
        captures = load_captures(connection, {each.capture for each in readings})
        plans = []
        for each in readings:
            if each.capture not in captures:
                raise StorageError("no such capture", str(each.capture))
            plan = _Plan(each, captures[each.capture], self._extractor(connection, each.extractor))
            if each.outcome == "article":
                if each.content is None or each.key is None:
                    raise ValueError(f"the reading of capture {each.capture} is an article without key or content")
                plan.content = clean(each.content)
                plan.digest = content_digest(plan.content)
            plans.append(plan)
        return plans

    def _extractor(self, connection: Connection, name: ExtractorName) -> int:
        if name not in self._extractors:
            values = {
                "version": name.version,
                "profile_digest": name.profile_digest,
                "learnt_digest": name.learnt_digest,
            }
            insert_missing(connection, extractor, [values])
            statement = select(extractor.c.id).where(*(extractor.c[key] == value for key, value in values.items()))
            self._extractors[name] = connection.execute(statement).scalar_one()
        return self._extractors[name]

    def _fresh(self, connection: Connection, plans: Sequence[_Plan]) -> list[_Plan]:
        """The plans whose extraction does not stand yet, each pair of capture and extractor once."""
        seen = load_extractions(connection, {plan.capture.id for plan in plans})
        fresh = []
        for plan in plans:
            pair = plan.capture.id, plan.extractor
            if pair not in seen:
                seen[pair] = None
                fresh.append(plan)
        return fresh

    def _decide(self, connection: Connection, plans: Sequence[_Plan]) -> list[ArticleState]:
        """Find each article, and say what its reading adds, in the order of the captures."""
        articles = [plan for plan in plans if plan.digest is not None]
        keys = {plan.reading.key for plan in articles if plan.reading.key is not None}
        known = self._articles(connection, sorted(keys))
        by_article = load_states(connection, known)
        states = {key: by_article[number] for key, number in known.items()}
        for plan in sorted(articles, key=lambda plan: (plan.capture.at, plan.capture.id)):
            assert plan.reading.key is not None
            plan.state = states.setdefault(plan.reading.key, ArticleState(plan.reading.key))
            self._compare(connection, plan, plan.state)
        return list({id(state): state for state in states.values()}.values())

    def _articles(self, connection: Connection, keys: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for portion in in_portions(keys):
            rows = connection.execute(_ARTICLES, {"of_outlet": self._outlet, "values": portion})
            found.update((row[0], row[1]) for row in rows)
        return found

    def _compare(self, connection: Connection, plan: _Plan, state: ArticleState) -> None:
        """Compare a reading with what its domain showed last; add it to the observations unless it must wait."""
        assert plan.digest is not None
        seen = plan.capture
        former = state.of_capture(seen.id)
        if former is not None:
            plan.is_reread, plan.novelty = True, "same"
            plan.supersedes = former.digest if former.digest != plan.digest else None
            former.digest = former.readings[plan.extractor] = plan.digest
            return
        last = state.last_before(seen.line, (seen.at, seen.id))
        if state.id is None and not state.observations:
            plan.novelty = "new"
        elif last is None:
            plan.novelty = "duplicate"
        elif plan.extractor in last.readings:
            plan.novelty = "same" if last.readings[plan.extractor] == plan.digest else "edit"
        elif plan.digest in last.readings.values():
            plan.novelty = "same"
        elif (last.capture, plan.extractor) in load_extractions(connection, {last.capture}):
            plan.novelty = "edit"  # today's extractor finds no article there: the texts stand as they were read
        else:
            plan.reread = last.capture
            return
        state.observations.append(Observation(seen.id, seen.at, seen.line, plan.digest, {plan.extractor: plan.digest}))

    def _write(
        self, connection: Connection, plans: Sequence[_Plan], states: Sequence[ArticleState], domain_map: DomainMap
    ) -> None:
        articles = [plan for plan in plans if plan.state is not None]
        new_articles = self._add_articles(connection, articles)
        new_revisions = self._add_revisions(connection, articles)
        insert_missing(
            connection,
            extraction,
            [
                {
                    "capture": plan.capture.id,
                    "extractor": plan.extractor,
                    "outcome": plan.reading.outcome,
                    "revision": _revision_of(plan),
                    "matched": plan.reading.matched,
                    "text_sha256": text_sha256(plan.content) if plan.content else None,
                    "at": plan.reading.at,
                    "crawl": self._crawl,
                }
                for plan in plans
            ],
        )
        update_each(connection, capture, [{"id": plan.capture.id, "outcome": plan.reading.outcome} for plan in plans])
        self._settle_resources(connection, plans)
        self._settle_articles(connection, articles, states, domain_map)
        count_up(connection, self._outlet, {"articles": new_articles, "revisions": new_revisions})

    def _add_articles(self, connection: Connection, plans: Sequence[_Plan]) -> int:
        new: dict[str, _Plan] = {}
        for plan in plans:
            if plan.state is not None and plan.state.id is None:
                new.setdefault(plan.state.key, plan)
        if not new:
            return 0
        rows = [
            {
                "outlet": self._outlet,
                "kind": plan.content.kind if plan.content else "article",
                "first_at": plan.capture.at,
            }
            for plan in new.values()
        ]
        ids = connection.execute(_ADD_ARTICLES, rows)
        for plan, number in zip(new.values(), ids.scalars(), strict=True):
            assert plan.state is not None
            plan.state.id = number
        connection.execute(
            article_key.insert(),
            [
                {"outlet": self._outlet, "key": key, "article": plan.state.id, "crawl": self._crawl}
                for key, plan in new.items()
                if plan.state is not None
            ],
        )
        return len(new)

    def _add_revisions(self, connection: Connection, plans: Sequence[_Plan]) -> int:
        new: dict[tuple[int, str], NewRevision] = {}
        again = []
        for plan in plans:
            assert plan.state is not None
            assert plan.state.id is not None
            assert plan.content is not None
            assert plan.digest is not None
            known = plan.state.revisions.get(plan.digest)
            if known is not None:
                again.append((known, plan.capture.at))
                continue
            earlier = new.get((plan.state.id, plan.digest))
            supersedes = plan.state.revisions.get(plan.supersedes) if plan.supersedes else None
            new[plan.state.id, plan.digest] = NewRevision(
                article=plan.state.id,
                digest=plan.digest,
                content=earlier.content if earlier else plan.content,
                extractor=earlier.extractor if earlier else plan.extractor,
                supersedes=earlier.supersedes if earlier else supersedes,
                first_at=min(earlier.first_at, plan.capture.at) if earlier else plan.capture.at,
                last_at=max(earlier.last_at, plan.capture.at) if earlier else plan.capture.at,
            )
        ids = add_revisions(connection, list(new.values()), self._crawl)
        for plan in plans:
            if plan.state and plan.state.id is not None and plan.digest and (plan.state.id, plan.digest) in ids:
                plan.state.revisions[plan.digest] = ids[plan.state.id, plan.digest]
        see_again(connection, again)
        return len(new)

    def _settle_resources(self, connection: Connection, plans: Sequence[_Plan]) -> None:
        """Outcome, due time and article of the resources read; a capture read again says nothing of today."""
        now_read = [plan for plan in plans if not plan.is_reread]
        update_each(
            connection,
            resource,
            [
                {"id": plan.reading.resource, "outcome": plan.reading.outcome}
                for plan in now_read
                if plan.capture.source != "import"
            ],
        )
        imported = [
            {"of": plan.reading.resource, "told": plan.reading.outcome, "seen": plan.capture.at}
            for plan in now_read
            if plan.capture.source == "import"
        ]
        if imported:
            connection.execute(_TELL_UNLESS_NEWER, imported)
        due = [
            {"of": plan.reading.resource, "new_due": plan.reading.due_at, "now": plan.reading.at}
            for plan in now_read
            if plan.reading.due_at is not None
        ]
        if due:
            connection.execute(_SET_DUE, due)
        shown = [
            Shown(plan.reading.resource, plan.capture.location, plan.state.key, plan.state.id, plan.reading.at)
            for plan in now_read
            if plan.state is not None and plan.state.id is not None
        ]
        if shown:
            bind(connection, self._outlet, self._crawl, shown)

    def _settle_articles(
        self,
        connection: Connection,
        plans: Sequence[_Plan],
        states: Sequence[ArticleState],
        domain_map: DomainMap,
    ) -> None:
        """What is current of each article, with its kind and date as the current text's newest reading gives them."""
        newest: dict[tuple[int, int], _Plan] = {}
        for plan in plans:
            number = _revision_of(plan)
            if plan.state and plan.state.id is not None and number is not None:
                newest[plan.state.id, number] = plan
        rows = []
        for state in states:
            if state.id is None or not state.observations:
                continue
            current = state.revisions[current_digest(state.observations, domain_map)]
            row: dict[str, Any] = {"id": state.id}
            if state.first_at is not None and (first := min(each.at for each in state.observations)) < state.first_at:
                row["first_at"] = first  # an older capture was imported
            if current != state.current:
                row["current_revision"] = current
            if reader := newest.get((state.id, current)):
                row |= _dated(reader, state)
            if len(row) > 1:
                rows.append(row)
        update_each(connection, article, rows)

    def _begun_at(self, connection: Connection) -> datetime:
        if self._begun is None:
            self._begun = connection.execute(select(crawl.c.started_at).where(crawl.c.id == self._crawl)).scalar_one()
        return self._begun

    def _follow(self, connection: Connection, plans: Sequence[_Plan], domain_map: DomainMap) -> dict[int, Added]:
        """Add what the pages led to, and announced; gives what was new by capture."""
        if not plans:
            return {}
        now = max(plan.reading.at for plan in plans)
        for plan in plans:
            for host in plan.reading.announced:
                if host not in self._announced:
                    announce(connection, self._outlet, host, plan.reading.at)
                    self._announced.add(host)

        def add(groups: Iterable[Sequence[Any]]) -> list[Added]:
            return add_groups(
                connection,
                self._outlet,
                list(groups),
                now=now,
                crawl=self._crawl,
                domain_map=domain_map,
                seen=self._links,
            )

        added = add(plan.reading.found for plan in plans)
        further = [
            plan.reading.parts + (plan.reading.more if new.new_resources or new.new_locations else ())
            for plan, new in zip(plans, added, strict=True)
        ]
        if any(further):
            add(further)
            urls = [each.url for listings in further for each in listings]
            make_due(connection, urls, now, since=self._begun_at(connection))
        return {plan.capture.id: new for plan, new in zip(plans, added, strict=True)}

    def _report(
        self, connection: Connection, plans: Sequence[_Plan], fresh: Sequence[_Plan], added: dict[int, Added]
    ) -> list[Known]:
        new = {id(plan) for plan in fresh}
        old = [plan for plan in plans if id(plan) not in new]
        standing = load_extractions(connection, {plan.capture.id for plan in old}) if old else {}
        known = []
        for plan in plans:
            if id(plan) not in new:
                found = standing.get((plan.capture.id, plan.extractor))
                owner, number = found or (None, None)
                known.append(Known(plan.capture.id, owner, number, "same" if number else "none", 0, 0))
            elif plan.reread is not None:
                known.append(
                    Known(plan.capture.id, plan.state.id if plan.state else None, None, "none", 0, 0, plan.reread)
                )
            else:
                counts = added[plan.capture.id]
                known.append(
                    Known(
                        plan.capture.id,
                        plan.state.id if plan.state else None,
                        _revision_of(plan),
                        plan.novelty,
                        counts.new_resources,
                        counts.new_locations,
                    )
                )
        return known


_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7353, :outlet)")
_ARTICLES = select(article_key.c.key, article_key.c.article).where(
    article_key.c.outlet == bindparam("of_outlet"), among(article_key.c.key)
)
_TELL_UNLESS_NEWER = (
    update(resource)
    .where(
        resource.c.id == bindparam("of"),
        ~select(location.c.id)
        .where(
            location.c.resource == bindparam("of"),
            location.c.fetched_at > bindparam("seen", type_=location.c.fetched_at.type),
        )
        .exists(),
    )
    .values(outcome=bindparam("told"))
)
"""An imported capture tells a resource's outcome only where nothing newer does."""
_ADD_ARTICLES = article.insert().returning(article.c.id, sort_by_parameter_order=True)
_SET_DUE = (
    update(resource)
    .where(resource.c.id == bindparam("of"))
    .where(
        or_(
            resource.c.lease_until.is_(None),
            resource.c.lease_until <= bindparam("now", type_=resource.c.lease_until.type),
        )
    )
    .values(due_at=bindparam("new_due", type_=resource.c.due_at.type))
)


def _revision_of(plan: _Plan) -> int | None:
    return plan.state.revisions.get(plan.digest) if plan.state and plan.digest else None


def _dated(plan: _Plan, state: ArticleState) -> dict[str, Any]:
    """Kind and date of publication as a reading gives them; a page that lost its date takes none away."""
    assert plan.content is not None
    row: dict[str, Any] = {}
    if plan.content.kind != state.kind:
        row["kind"] = plan.content.kind
    published = plan.content.published
    if published is not None and published.at != state.published_at:
        row["published_at"] = published.at
    if plan.reading.published_day is not None and (state.published_at is None or "published_at" in row):
        row["published_day"] = plan.reading.published_day
    return row
