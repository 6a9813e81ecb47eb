"""The house dress: article pages in the outlet's two templates, the old one and the later one."""

from __future__ import annotations

from html import escape

from scraper.demo.body import body_html, figure_html
from scraper.demo.chrome import Chrome
from scraper.demo.dates import dublin_core_date
from scraper.demo.hostset import StandingPage
from scraper.demo.story import Story
from scraper.demo.view import View, language_name

_UPDATED = {"en": "Updated:", "fr": "Mise à jour :"}
_FAILED_PLAYER = "Sorry, the video player failed to load.(Error Code: 100013)"


def article_page(story: Story, view: View, chrome: Chrome) -> str:
    """An article's page in the template of its time."""
    stub = story.stub
    content = _old(story, view) if stub.old else _later(story, view)
    head = _head(story, view)
    side = chrome.side(stub.index)
    lang = language_name(stub.edition)
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}">\n<head>{head}</head>\n<body>\n{chrome.top}\n'
        f"{content}\n{side}\n{chrome.bottom}\n</body>\n</html>\n"
    )


def standing_page(page: StandingPage, view: View, chrome: Chrome) -> str:
    """A page that is no article, in the later template's frame."""
    text = (
        ""
        if page.hollow
        else f"<p>{view.text(page.title)}: this page of {view.text(view.hosts.title)} is no article.</p>"
    )
    date = '<div class="news-detail">Thursday, 1 April 2021 9:00 AM</div>' if page.hollow else ""
    title = view.text(page.title)
    return (
        f'<!DOCTYPE html>\n<html lang="{language_name(view.host.edition)}">\n<head><meta charset="utf-8">'
        f"<title>{title} - {escape(view.hosts.mark)}</title>{view.look}</head>\n<body>\n{chrome.top}\n"
        f'<div class="col-md-9"><h1 class="news-title-container">{title}</h1>{date}'
        f'<div class="news-body-container">{text}</div></div>\n{chrome.side(0)}\n{chrome.bottom}\n</body>\n</html>\n'
    )


def _head(story: Story, view: View) -> str:
    stub, mark = story.stub, view.hosts.mark
    headline = view.text(stub.headline)
    # Such sites put their name before the headline in meta tags, and lose its apostrophes there.
    bare = escape(stub.headline.replace("’", "").replace("'", ""))
    meta = f"{mark}-{bare}" if stub.old or stub.index % 2 else bare
    title = f"{mark}-{headline}" if stub.old else f"{headline} - {mark}"
    out = [
        f'<meta charset="utf-8">{view.look}',
        f"<title>{title}</title>",
        f'<meta name="title" content="{meta}"><meta property="og:title" content="{meta}">',
        f'<meta name="description" content="{view.attribute(story.lead)}">',
        f'<link rel="canonical" href="{escape(view.canonical(stub))}">',
        f'<link rel="alternate" type="application/rss+xml" href="/rss.xml" title="{escape(view.hosts.title)}">',
    ]
    if not stub.old:
        out.append(f"<meta name='DC.Date.Created' content='{dublin_core_date(stub.local)}'>")
        out.append(f'<meta name="date" content="{view.published(stub)}">')
    if story.photo:
        out.append(f'<meta property="og:image" content="{view.scheme}:{view.image(story.photo)}">')
    return "\n".join(out)


def _old(story: Story, view: View) -> str:
    player = ""
    if story.video:
        player = f'<input type="hidden" id="inpPlayback" value="{story.video}.mp4">'
    photo = figure_html(story.photo, view, "item-image") if story.photo else ""
    return (
        f'<div class="container"><div class="breadcrumb">{_breadcrumb(story, view)}</div>\n'
        f'<h2 class="page-header">{view.text(story.stub.headline)}</h2>\n'
        f'<div class="item-date"><br>\n{_date_line(story, view)}</div>\n'
        f'<ul class="item-tools"><li>Embed</li></ul>\n{player}{_foreign(story, view)}{photo}\n'
        f'<div class="item-text">\n{body_html(story, view)}\n</div>\n{_tags(story, view)}{_share(story, view)}</div>'
    )


def _later(story: Story, view: View) -> str:
    photo = figure_html(story.photo, view, "news-image") if story.photo else ""
    return (
        f'<div class="row"><div class="col-md-9"><div class="breadcrumb">{_breadcrumb(story, view)}</div>\n'
        f'<h1 class="news-title-container">{view.text(story.stub.headline)}</h1>\n'
        f'<div class="news-detail">{_date_line(story, view)}</div>\n{_foreign(story, view)}{photo}\n'
        f'<div class="news-body-container">\n{_player(story, view)}{body_html(story, view)}\n</div>\n'
        f"{_tags(story, view)}{_share(story, view)}</div></div>"
    )


def _breadcrumb(story: Story, view: View) -> str:
    section = story.stub.section
    *above, last = section.names
    links = [f'<a href="/">{view.text(name)}</a>' for name in above]
    return " / ".join([*links, f'<a href="/Section/{section.number}">{view.text(last)}</a>'])


def _date_line(story: Story, view: View) -> str:
    printed = view.published(story.stub)
    if story.updated is None:
        return printed
    label = _UPDATED[story.stub.edition] if view.hosts.french_dates else _UPDATED["en"]
    return f"{printed} [{label} {view.updated(story.stub, story.updated)} ]"


def _player(story: Story, view: View) -> str:
    if not story.video:
        return ""
    return (
        f'<script>var config = {{"playlist": [{{"file": "//{view.hosts.video_host}{story.video}.m3u8"}}]}};</script>\n'
        f'<div class="player">{_FAILED_PLAYER}</div>\n'
        f'<a class="download" href="//{view.hosts.video_host}{story.video}.mp4"></a>\n'
    )


def _foreign(story: Story, view: View) -> str:
    """The caption of another photo that the French template keeps."""
    caption = view.hosts.foreign_caption
    return f'<div class="image-caption">{view.text(caption)}</div>\n' if caption and story.stub.edition == "fr" else ""


def _tags(story: Story, view: View) -> str:
    if not story.tags:
        return ""
    links = ", ".join(f'<a href="/Tag/{story.stub.section.number}">{view.text(tag)}</a>' for tag in story.tags)
    return f'<div class="item-tags">{links}</div>\n'


def _share(story: Story, view: View) -> str:
    title = view.text(view.hosts.title)
    links = '<a href="#">Mastodon</a> <a href="mailto:?subject=news">Mail</a>'
    buttons = "" if story.stub.index % 7 == 0 else f'<div class="share-box">SHARE THIS ARTICLE {links}</div>'
    return f'{buttons}\n<div class="roku"><a href="/Live">{title} News Roku</a></div>'
