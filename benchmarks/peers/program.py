"""Reads pages by an extractor of others: runs in the environment of that one, where nothing of ours is.

`program.py NAME` answers on its standard output what conversation.py, where the form is written down, sends to its
standard input. Each peer is used as its own documentation has it for a page that is at hand: without the network, with
the settings that leave comments and descriptions of images out where it has such.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

Article = dict[str, Any]
Reader = Callable[[bytes, "str | None"], "Article | None"]

_MEMORY = 4 * 2**30
_PAGE_S = 60
"""Most seconds of CPU for a page: at more, the system ends the process."""
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "br", "caption", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li",
    "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
_STOPLISTS = {
    "af": "Afrikaans", "ar": "Arabic", "az": "Azerbaijani", "be": "Belarusian", "bg": "Bulgarian", "bn": "Bengali",
    "bs": "Bosnian", "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "ga": "Irish", "gl": "Galician", "gu": "Gujarati", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "is": "Icelandic", "it": "Italian",
    "ka": "Georgian", "kk": "Kazakh", "kn": "Kannada", "ko": "Korean", "ku": "Kurdish", "ky": "Kyrgyz",
    "lb": "Luxembourgish", "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian", "ml": "Malayalam",
    "mr": "Marathi", "ms": "Malay", "mt": "Maltese", "nb": "Norwegian_Bokmal", "ne": "Nepali", "nl": "Dutch",
    "nn": "Norwegian_Nynorsk", "no": "Norwegian_Bokmal", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sq": "Albanian", "sr": "Serbian", "sv": "Swedish",
    "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian",
    "ur": "Urdu", "uz": "Uzbek", "vi": "Vietnamese", "yo": "Yoruba",
}  # fmt: skip
"""A language's code (ISO 639-1) to the name of its stop words in jusText."""


def serve(load: Callable[[], Reader]) -> None:
    """Load a reader, and read pages by it until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    _bound(resource.RLIMIT_AS, _MEMORY)
    sys.addaudithook(_stay_offline)

    def answer(**said: object) -> None:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = time.process_time() + used.ru_utime + used.ru_stime
        answers.write(json.dumps({**said, "cpu": cpu}).encode() + b"\n")
        answers.flush()

    try:
        read = load()
    except Exception as error:  # noqa: BLE001 - whatever the library raises
        answer(error=f"{type(error).__name__}: {error}")
        return
    answer(ready=True)
    while head := sys.stdin.buffer.readline():
        asked = json.loads(head)
        html = sys.stdin.buffer.read(asked["bytes"])
        _bound(resource.RLIMIT_CPU, int(time.process_time()) + _PAGE_S)
        try:
            answer(article=read(html, asked["url"]))
        except Exception as error:  # noqa: BLE001
            answer(error=f"{type(error).__name__}: {error}")


def _bound(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _stay_offline(event: str, _: object) -> None:
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        raise OSError("there is no network here")


def load_trafilatura(**mode: bool) -> Reader:
    """The way of its documentation's `bare_extraction`; fast, favor_precision and favor_recall are its modes."""
    from trafilatura import bare_extraction

    def read(html: bytes, url: str | None) -> Article | None:
        document = bare_extraction(html, url=url, with_metadata=True, include_comments=False, **mode)
        if document is None:
            return None
        authors = [name.strip() for name in (document.author or "").split(";")]
        return _article(document.text, document.title, authors, document.date)

    return read


def load_news_please() -> Reader:
    """`NewsPlease.from_html`, which asks for the URL so as to find date and title."""
    from bs4 import UnicodeDammit
    from newsplease import NewsPlease

    def read(html: bytes, url: str | None) -> Article | None:
        text = UnicodeDammit(html, is_html=True).unicode_markup or html.decode("utf-8", "replace")
        found = NewsPlease.from_html(text, url=url, fetch_images=False)
        return found and _article(found.maintext, found.title, found.authors, found.date_publish)

    return read


def load_newspaper() -> Reader:
    """`Article.download` with the page as `input_html`, then `parse`."""
    import newspaper
    from bs4 import UnicodeDammit

    def read(html: bytes, url: str | None) -> Article | None:
        article = newspaper.Article(url or "", fetch_images=False)
        article.download(input_html=UnicodeDammit(html, is_html=True).unicode_markup or html.decode("utf-8", "replace"))
        article.parse()
        return _article(article.text, article.title, article.authors, article.publish_date)

    return read


def load_readability() -> Reader:
    """`Document.summary`, which is HTML: its text, with a line's end at the edges of blocks."""
    import lxml.html
    from readability import Document

    def text_of(markup: str) -> str:
        tree = lxml.html.fromstring(markup)
        for element in tree.iter():
            if element.tag in _BLOCKS:
                element.text = "\n" + (element.text or "")
                element.tail = "\n" + (element.tail or "")
        lines = (line.strip() for line in tree.text_content().split("\n"))
        return "\n\n".join(line for line in lines if line)

    def read(html: bytes, url: str | None) -> Article | None:
        try:
            return made(Document(html, url=url))
        except LookupError:  # what it takes for the name of a charset may be none; it takes text as well
            return made(Document(html.decode("utf-8", "replace"), url=url))

    def made(document: Document) -> Article:
        title, author = document.short_title(), document.author()
        authors = [] if author == "[no-author]" else [author]
        return _article(text_of(document.summary(html_partial=True)), title, authors, None)

    return read


def load_resiliparse() -> Reader:
    """`extract_plain_text` with `main_content`; it has a title and no author or date."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import detect_encoding
    from resiliparse.parse.html import HTMLTree

    def read(html: bytes, url: str | None) -> Article | None:
        tree = HTMLTree.parse_from_bytes(html, detect_encoding(html, from_html_meta=True) or "utf-8")
        text = extract_plain_text(tree, main_content=True, alt_texts=False, list_bullets=False)
        return _article(text, tree.title, [], None)

    return read


def load_justext() -> Reader:
    """All paragraphs that are no boilerplate, by the stop words of the language that the page states: English where it
    states none, none (its language-independent mode) where it has no list of that language. It has the text alone."""
    import justext

    stated = re.compile(rb"<html[^>]*\slang\s*=\s*[\"']?([a-z]{2})\b", re.IGNORECASE)

    def read(html: bytes, url: str | None) -> Article | None:
        found = stated.search(html)
        language = _STOPLISTS.get(found[1].decode().lower()) if found else "English"
        if language:
            paragraphs = justext.justext(html, justext.get_stoplist(language))
        else:
            paragraphs = justext.justext(html, frozenset(), stopwords_low=0, stopwords_high=0)
        return _article("\n\n".join(each.text for each in paragraphs if not each.is_boilerplate), None, [], None)

    return read


READERS: dict[str, Callable[[], Reader]] = {
    "trafilatura": load_trafilatura,
    "trafilatura-fast": lambda: load_trafilatura(fast=True),
    "trafilatura-precision": lambda: load_trafilatura(favor_precision=True),
    "trafilatura-recall": lambda: load_trafilatura(favor_recall=True),
    "news-please": load_news_please,
    "newspaper4k": load_newspaper,
    "readability-lxml": load_readability,
    "resiliparse": load_resiliparse,
    "justext": load_justext,
}


def _article(
    body: str | None, title: str | None, authors: list[str] | None, published: datetime | str | None
) -> Article:
    day = published.isoformat() if isinstance(published, datetime) else published
    return {"title": title, "authors": [name for name in authors or () if name], "published": day, "body": body}


if __name__ == "__main__":
    serve(READERS[sys.argv[1]])
