"""What was learnt of an outlet's pages: which blocks repeat on them, from how many articles, and where they leave."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

LEAST_ARTICLES = 10
"""On fewer articles nothing is called repeated."""
_LEAST_SHARE = 0.04
_SHARE_AFTER = 0.1
_SHARE_AMONG = 0.3
"""Shares of the articles from which on a block leaves: apart from the body's paragraphs, behind them, among them."""
_WITHIN_APART, _AMONG_AFTER = 0.25, 0.1
"""Up to which share of its articles a block that leaves where it stands apart may stand in a body, and one that leaves
behind the body's paragraphs among them."""
_MOST_BLOCKS = 500
_LONG, _MANY_WORDS = 120, 12
_ENDS = frozenset(".!?…:؟。।")
_BEHIND_ENDS = "\"'”’»)] "


@dataclass(frozen=True, slots=True)
class Repeat:
    """A block that repeats: on `n` of `of` articles that were looked at. `leaves` names where it may leave a body."""

    n: int
    of: int
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What repeats on an outlet's pages, by block; `digest` (SHA-256, hex) names which blocks leave where."""

    digest: str
    blocks: Mapping[int, Repeat] = field(repr=False)

    def as_json(self) -> dict[str, list[Any]]:
        """The blocks as JSON keeps them."""
        return {str(block): [each.n, each.of, " ".join(each.leaves)] for block, each in self.blocks.items()}

    @classmethod
    def from_json(cls, digest: str, blocks: Mapping[str, Sequence[Any]]) -> Learnt:
        """What as_json() gave."""
        return cls(
            digest, {int(block): Repeat(n, of, tuple(leaves.split())) for block, (n, of, leaves) in blocks.items()}
        )

    def pack(self) -> bytes:
        """All of it in the form in which it passes to a worker with each page."""
        return json.dumps([self.digest, self.as_json()]).encode()


@lru_cache(maxsize=8)
def unpack(packed: bytes) -> Learnt:
    """What pack() gave; the same one for all pages."""
    return Learnt.from_json(*json.loads(packed))


@dataclass(frozen=True, slots=True)
class Counted:
    """A block in a window of a domain: on `n` of `of` articles, on `among` of them among the body's own paragraphs, on
    `after` of them behind the last of these."""

    block: int
    n: int
    among: int
    after: int
    of: int
    sample: str


def learn(counted: Iterable[Counted]) -> Learnt | None:
    """What is to leave bodies, by what was counted; None where nothing is. Of several windows the clearest counts."""
    found: dict[int, Repeat] = {}
    for each in counted:
        leaves = _leaves(each)
        known = found.get(each.block)
        if leaves and (known is None or (len(leaves), each.n) > (len(known.leaves), known.n)):
            found[each.block] = Repeat(each.n, each.of, leaves)
    strongest = sorted(found.items(), key=lambda item: (-item[1].n, item[0]))[:_MOST_BLOCKS]
    if not strongest:
        return None
    named = sorted((block, repeat.leaves) for block, repeat in strongest)
    return Learnt(sha256(json.dumps(named, separators=(",", ":")).encode()).hexdigest(), dict(strongest))


def _leaves(each: Counted) -> tuple[str, ...]:
    """Where a block may leave, by where it was seen: a body's last sentence stays, though boxes repeat it."""
    within = each.among + each.after
    leaves = []
    if _is_many(each.n - within, _LEAST_SHARE, each.of) and within <= _WITHIN_APART * each.n:
        leaves.append("apart")
    if _is_many(each.after, _SHARE_AFTER, each.of) and each.among <= _AMONG_AFTER * within:
        leaves.append("after")
    if _is_many(each.among, _SHARE_AMONG, each.of) and not is_sentence(each.sample):
        leaves.append("among")
    return tuple(leaves)


def _is_many(n: int, share: float, of: int) -> bool:
    return n >= max(LEAST_ARTICLES, share * of)


def is_sentence(text: str) -> bool:
    """Whether a text is such as articles are written in: it ends as a sentence does, or is long."""
    ends = text.rstrip(_BEHIND_ENDS)[-1:] in _ENDS
    return ends or len(text) >= _LONG or len(text.split()) >= _MANY_WORDS
