"""The reader dress: the same articles in another template, under other paths."""

from __future__ import annotations

from html import escape

from scraper.demo.body import body_html, figure_html
from scraper.demo.chrome import Chrome
from scraper.demo.story import Story
from scraper.demo.view import View, language_name


def reader_page(story: Story, view: View, chrome: Chrome) -> str:
    """An article's page in the reader dress. Its machine-readable date states the zone."""
    stub = story.stub
    headline = view.text(stub.headline)
    machine_date = stub.local.isoformat(timespec="seconds")
    updated = f'<span class="updated">updated {view.updated(stub, story.updated)}</span>' if story.updated else ""
    crumbs = "".join(f"<li>{view.text(name)}</li>" for name in stub.section.names)
    photo = figure_html(story.photo, view, "lead-photo") if story.photo else ""
    player = f'<div class="clip" data-src="//{view.hosts.video_host}{story.video}.mp4"></div>' if story.video else ""
    tags = "".join(f"<li>{view.text(tag)}</li>" for tag in story.tags)
    return (
        f'<!DOCTYPE html>\n<html lang="{language_name(stub.edition)}">\n<head><meta charset="utf-8">'
        f"<title>{headline} | {escape(view.hosts.title)} reader</title>"
        f'<meta name="description" content="{view.attribute(story.lead)}">'
        f'<link rel="canonical" href="{escape(view.canonical(stub))}">{view.look}</head>\n<body>\n{chrome.top}\n'
        f'<article class="story" data-kind="{stub.slot.kind}"><ol class="crumbs">{crumbs}</ol>\n'
        f'<h1 class="story-title">{headline}</h1>\n'
        f'<p class="story-meta"><time datetime="{machine_date}">{view.published(stub)}</time>{updated}</p>\n'
        f'{photo}{player}\n<div class="story-text">\n{body_html(story, view)}\n</div>\n'
        f'<ul class="story-tags">{tags}</ul></article>\n'
        f"{chrome.side(stub.index)}\n{chrome.bottom}\n</body>\n</html>\n"
    )
