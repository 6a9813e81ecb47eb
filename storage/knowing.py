"""T2: write down what readings say, in one transaction: articles, revisions, and where to go next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from storage.deciding import Plan, decide, not_standing
from storage.due import make_due
from storage.errors import StorageError
from storage.finding import Added, add_groups
from storage.inserting import count_up, insert_missing, update_each
from storage.listings import note_listings
from storage.models import article, article_key, capture, crawl, extraction, extractor
from storage.naming import name_content
from storage.observing import (
    ArticleState,
    current_observation,
    load_captures,
    load_standing,
)
from storage.outlets import DomainMap, announce, domains
from storage.records import ExtractorName, Found, Known, Reading
from storage.revising import NewRevision, add_revisions, see_again
from storage.rights import rights_json
from storage.serial import write_alone
from storage.settling import Told, settle_resources
from storage.spreading import PACED, spread_out
from storage.unread import unread_archives


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
        write_alone(connection, self._outlet)
        domain_map = DomainMap(domains(connection, self._outlet))
        plans = self._plan(connection, readings)
        fresh = not_standing(plans)
        states = decide(connection, fresh, outlet=self._outlet, crawl=self._crawl)
        written = [plan for plan in fresh if plan.reread is None]
        self._write(connection, written, states, domain_map)
        added = self._follow(connection, [plan for plan in written if not plan.is_reread], domain_map)
        return self._report(connection, plans, fresh, added)

    def _plan(self, connection: Connection, readings: Sequence[Reading]) -> list[Plan]:
        captures = load_captures(connection, {each.capture for each in readings})
        standing = load_standing(connection, set(captures))
        plans = []
        for each in readings:
            if each.capture not in captures:
                raise StorageError("no such capture", str(each.capture))
            plan = Plan(each, captures[each.capture], self._extractor(connection, each.extractor))
            plan.standing = standing.get(each.capture, [])
            if each.outcome == "article":
                if each.content is None or each.key is None:
                    raise ValueError(f"the reading of capture {each.capture} is an article without key or content")
                plan.named = each.named or name_content(each.content)
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

    def _write(
        self, connection: Connection, plans: Sequence[Plan], states: Sequence[ArticleState], domain_map: DomainMap
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
                    "revision": plan.revision,
                    "matched": plan.reading.matched,
                    "text_sha256": plan.named.text_sha256 if plan.named else None,
                    "at": plan.at,
                    "crawl": self._crawl,
                }
                for plan in plans
            ],
        )
        update_each(connection, capture, [_said_of(plan.reading) for plan in plans])
        self._settle_resources(connection, plans)
        self._settle_articles(connection, articles, states, domain_map)
        count_up(connection, self._outlet, {"articles": new_articles, "revisions": new_revisions})

    def _add_articles(self, connection: Connection, plans: Sequence[Plan]) -> int:
        new: dict[str, Plan] = {}
        for plan in plans:
            if plan.state is not None and plan.state.id is None:
                new.setdefault(plan.state.key, plan)
        if not new:
            return 0
        rows: list[dict[str, Any]] = [
            {
                "outlet": self._outlet,
                "kind": plan.named.content.kind if plan.named else "article",
                "first_at": plan.capture.at,
            }
            for plan in new.values()
        ]
        ids: dict[tuple[str, datetime], list[int]] = {}
        for number, kind, first_at in connection.execute(_ADD_ARTICLES, rows):
            ids.setdefault((kind, first_at), []).append(number)
        for plan, row in zip(new.values(), rows, strict=True):
            assert plan.state is not None
            plan.state.id = ids[row["kind"], row["first_at"]].pop(0)  # rows that say the same are as good as another
        connection.execute(
            article_key.insert(),
            [
                {"outlet": self._outlet, "key": key, "article": plan.state.id, "crawl": self._crawl}
                for key, plan in new.items()
                if plan.state is not None
            ],
        )
        return len(new)

    def _add_revisions(self, connection: Connection, plans: Sequence[Plan]) -> int:
        new: dict[tuple[int, str], NewRevision] = {}
        again = []
        for plan in plans:
            assert plan.state is not None
            assert plan.state.id is not None
            assert plan.named is not None
            digest = plan.named.digest
            known = plan.state.revisions.get(digest)
            if known is not None:
                again.append((known, plan.capture.at))
                continue
            earlier = new.get((plan.state.id, digest))
            supersedes = plan.former.revision if plan.former else None
            new[plan.state.id, digest] = NewRevision(
                article=plan.state.id,
                named=earlier.named if earlier else plan.named,
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

    def _settle_resources(self, connection: Connection, plans: Sequence[Plan]) -> None:
        first_read = [plan for plan in plans if not plan.is_reread]
        settle_resources(
            connection,
            self._outlet,
            self._crawl,
            now=[_told(plan) for plan in first_read if plan.capture.source != "import"],
            then=[_told(plan) for plan in first_read if plan.capture.source == "import"],
            again=[
                _told(plan) for plan in plans if plan.is_reread and plan.standing[-1].outcome != plan.reading.outcome
            ],
        )

    def _settle_articles(
        self,
        connection: Connection,
        plans: Sequence[Plan],
        states: Sequence[ArticleState],
        domain_map: DomainMap,
    ) -> None:
        """What is current of each article, with its kind and date as the current text's newest reading gives them."""
        by_article: dict[int, list[Plan]] = {}
        for plan in plans:
            if plan.state and plan.state.id is not None:
                by_article.setdefault(plan.state.id, []).append(plan)
        rows = []
        for state in states:
            if state.id is None or not state.observations or state.id not in by_article:
                continue
            shown = current_observation(state.observations, domain_map)
            current = state.revisions[shown.digest]
            row: dict[str, Any] = {"id": state.id}
            if state.first_at is not None and (first := min(each.at for each in state.observations)) < state.first_at:
                row["first_at"] = first  # an older capture was imported, or turned out to be an article
            if current != state.current:
                row["current_revision"] = current
            for plan in reversed(by_article[state.id]):
                # A capture read again says what the article is only where it is the one that is current.
                if plan.revision == current and (not plan.is_reread or plan.capture.id == shown.capture):
                    row |= _dated(plan, state)
                    break
            if len(row) > 1:
                rows.append(row)
        update_each(connection, article, rows)

    def _begun_at(self, connection: Connection) -> datetime:
        if self._begun is None:
            self._begun = connection.execute(select(crawl.c.started_at).where(crawl.c.id == self._crawl)).scalar_one()
        return self._begun

    def _follow(self, connection: Connection, plans: Sequence[Plan], domain_map: DomainMap) -> dict[int, Added]:
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
        note_listings(
            connection,
            [
                (plan.reading.resource, plan.reading.at, plan.reading.coverage)
                for plan in plans
                if plan.reading.coverage is not None
            ],
        )
        unread = unread_archives(connection, [each for plan in plans for each in plan.reading.more], domain_map)
        further = [
            plan.reading.parts
            + tuple(each for each in plan.reading.more if new.new_resources or new.new_locations or each.url in unread)
            for plan, new in zip(plans, added, strict=True)
        ]
        led_to = [new.new_resources + new.new_locations for new in added]
        if any(further):
            led_to = [n + new.new_resources + new.new_locations for n, new in zip(led_to, add(further), strict=True)]
            self._make_due(connection, zip((plan.reading for plan in plans), further, strict=True), now)
        gained = [
            {"id": plan.capture.id, "gained": n}
            for plan, n in zip(plans, led_to, strict=True)
            if plan.reading.outcome == "listing"
        ]
        update_each(connection, capture, gained)
        return {plan.capture.id: new for plan, new in zip(plans, added, strict=True)}

    def _make_due(
        self, connection: Connection, further: Iterable[tuple[Reading, Sequence[Found]]], now: datetime
    ) -> None:
        """Make further listings due: at once, or one after the other."""
        begun, at_once = self._begun_at(connection), []
        for reading, listings in further:
            paced = PACED if reading.further_apart else frozenset[str]()
            apart = [each for each in listings if each.kind in paced]
            spread_out(connection, apart, now, reading.further_apart, since=begun)
            at_once += [each.url for each in listings if each.kind not in paced]
        make_due(connection, at_once, now, since=begun)

    def _report(
        self, connection: Connection, plans: Sequence[Plan], fresh: Sequence[Plan], added: dict[int, Added]
    ) -> list[Known]:
        new = {id(plan) for plan in fresh}
        standing = load_standing(connection, {plan.capture.id for plan in plans if id(plan) not in new})
        known = []
        for plan in plans:
            number = plan.capture.id
            owner = plan.state.id if plan.state else None
            if id(plan) not in new:
                found = next((each for each in standing[number] if each.extractor == plan.extractor), None)
                owner, shown = (found.article, found.revision) if found else (None, None)
                known.append(Known(number, owner, shown, "same" if shown else "none", 0, 0))
            elif plan.reread is not None:
                known.append(Known(number, owner, None, "none", 0, 0, plan.reread))
            else:
                counts = added.get(number, Added(0, 0))
                former = plan.former.revision if plan.former else None
                known.append(
                    Known(
                        number, owner, plan.revision, plan.novelty, counts.new_resources, counts.new_locations,
                        former=former,
                    )
                )  # fmt: skip
        return known


_ADD_ARTICLES = article.insert().returning(article.c.id, article.c.kind, article.c.first_at)


def _said_of(reading: Reading) -> dict[str, Any]:
    """What a reading says of its capture, beside what it shows."""
    row: dict[str, Any] = {"id": reading.capture, "outcome": reading.outcome}
    return row if reading.rights is None else row | {"rights": rights_json(reading.rights)}


def _told(plan: Plan) -> Told:
    return Told(
        resource=plan.reading.resource,
        location=plan.capture.location,
        outcome=plan.reading.outcome,
        captured_at=plan.capture.at,
        read_at=plan.reading.at,
        due_at=plan.reading.due_at,
        key=plan.reading.key,
        article=plan.state.id if plan.state else None,
        day=plan.reading.published_day,
    )


def _dated(plan: Plan, state: ArticleState) -> dict[str, Any]:
    """Kind and date of publication as a reading gives them; a page that lost its date takes none away."""
    assert plan.named is not None
    content = plan.named.content
    row: dict[str, Any] = {}
    if content.kind != state.kind:
        row["kind"] = content.kind
    published = content.published
    if published is not None and published.at != state.published_at:
        row["published_at"] = published.at
    if plan.reading.published_day is not None and (state.published_at is None or "published_at" in row):
        row["published_day"] = plan.reading.published_day
    return row
