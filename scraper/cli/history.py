"""`presskeep history`: what was seen of an article, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import minute, table, write, write_bold, write_json
from scraper.cli.show import KeyArgument
from scraper.config import Config

if TYPE_CHECKING:
    from storage.history import Observation

app = group("Show an article's history.")


@app.command(cls=PlainCommand)
@configured()
def history(config: Config, key: KeyArgument, json: JsonOption = False) -> int:
    """Show the observations of an article, oldest first.

    Each is `first` (of its domain), `same`, `edit`, or `reread` (the text was read anew by another extractor, which
    is no edit). Numbers count the article's texts in the order in which they were first seen.
    """
    from storage.archive import Archive
    from storage.history import history as observe
    from storage.keys import resolve
    from storage.views import view_article

    with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
        article = resolve(connection, key)
        name = view_article(connection, article).key
        seen = observe(connection, article)
    if json:
        write_json({"key": name, "observations": [observation_json(each) for each in seen]})
        return 0
    write_bold(name)
    rows = [
        [minute(o.at), o.kind, str(o.number), o.digest[:12], o.domain, "domains disagree" if o.disagrees else ""]
        for o in seen
    ]
    for line in table(rows, ["captured, UTC", "kind", "text", "digest", "domain", ""]):
        write(line)
    return 0


def observation_json(observation: Observation) -> dict[str, Any]:
    """An observation with stable keys (docs/json.md)."""
    return {
        "kind": observation.kind,
        "at": observation.at,
        "domain": observation.domain,
        "url": observation.url,
        "digest": observation.digest,
        "number": observation.number,
        "extractor": observation.extractor,
        "read_at": observation.read_at,
        "text_sha256": observation.text_sha256,
        "disagrees": observation.disagrees,
    }
