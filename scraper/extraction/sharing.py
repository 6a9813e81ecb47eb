"""Tell the buttons by which readers pass a page on: links to what networks call their share dialogs."""

from __future__ import annotations

import re

from scraper.extraction.passages import Passage, plain

_LEAST_LINKED = 0.5
_DIALOG = re.compile(
    r"(?:https?:)?//(?:[\w-]+\.)*(?:"
    r"facebook\.com/(?:sharer|share\.php|dialog/(?:share|send|feed))"
    r"|(?:twitter|x)\.com/(?:intent/(?:tweet|post)|share)"
    r"|(?:t|telegram)\.me/share"
    r"|whatsapp\.com/send\?(?:[^#]*&)?text=|wa\.me/\?(?:[^#]*&)?text="
    r"|linkedin\.com/(?:shareArticle|sharing)"
    r"|pinterest\.[a-z.]{2,6}/pin/create"
    r"|reddit\.com/submit|tumblr\.com/(?:share|widgets/share)"
    r"|vk\.com/share\.php|connect\.ok\.ru/offer"
    r"|bsky\.app/intent/compose|threads\.(?:net|com)/intent/post"
    r"|plus\.google\.com/share|line\.me/(?:lineit|R)/(?:share|msg)"
    r")"
    r"|(?:whatsapp|tg|viber|fb-messenger)://"
    r"|mailto:\?",
    re.I,
)
"""Where such links lead, as the networks document it; mailto without an address is a letter to anybody."""


def is_share_button(passage: Passage) -> bool:
    """Whether a passage is made of such links: it has hardly other words, and no other links."""
    if passage.link_share < _LEAST_LINKED:
        return False
    line = plain(passage.text)
    links = [each for each in passage.element.iter("a") if (text := plain("".join(each.itertext()))) and text in line]
    return bool(links) and all(_DIALOG.match((each.get("href") or "").strip()) for each in links)
