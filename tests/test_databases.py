"""The fixtures give what they promise: each test starts from nothing."""

from __future__ import annotations

from sqlalchemy import func, select

from storage import models
from storage.archive import Archive
from storage.search import search
from tests.databases import place_of
from tests.keeping import working
from tests.postgres import empty


def test_an_emptied_database_is_as_new(postgres_archive: Archive) -> None:
    def counts() -> dict[str, int]:
        with postgres_archive.read() as connection:
            tables = models.metadata.tables.values()
            counted = {
                each.name: connection.execute(select(func.count()).select_from(each)).scalar_one() for each in tables
            }
            counted["found"] = search(connection, "text").total
            return {name: count for name, count in counted.items() if count}

    for _ in range(2):
        with working(postgres_archive) as work:
            known = work.show("1", work.find("1")["1"], "text")
        assert known.article == 1, "numbers start again"
        assert counts().keys() >= {"article", "revision", "capture", "location", "found"}
        postgres_archive.close()
        place = place_of(postgres_archive)
        assert place.database is not None
        empty(place.database)
        assert counts() == {"archive": 1}
