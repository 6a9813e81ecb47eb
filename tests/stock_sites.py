"""Small sites as WordPress and Hugo make them by default, written for these tests in the structure of their output."""

# ruff: noqa: E501, pages are quoted as they are served
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

_PLACES = ("Lower Sound", "Ness Point", "Outer Skerry", "Mill Street", "Cable Bay", "Harbour Hill")
_THINGS = ("ferry pier", "old lamp", "fish market", "rope works", "town library", "stone bridge")
_NAMES = ("Ina Solberg", "Odd Fallon", "Mara Lind")
_SECTIONS = ("Harbour", "Council")


@dataclass(frozen=True)
class Post:
    """An article as its site knows it: what a reading of its page has to find."""

    number: int
    slug: str
    headline: str
    author: str
    section: str
    tags: tuple[str, ...]
    published: datetime
    paragraphs: tuple[str, ...]
    picture: str | None

    @property
    def day(self) -> str:
        return self.published.strftime("%Y/%m/%d")


def posts(count: int = 14) -> list[Post]:
    """So many articles, of winter and summer, in the time of Oslo."""
    made = []
    for number in range(count):
        place, thing = _PLACES[number % 6], _THINGS[(number + number // 6) % 6]
        moment = datetime(2026, 1, 12, 7, 20, tzinfo=UTC) + timedelta(days=19 * number, minutes=7 * number)
        summer = 3 < moment.month < 11 or (moment.month == 3 and moment.day > 29)
        made.append(
            Post(
                100 + number,
                f"the-{thing.replace(' ', '-')}-of-{place.lower().replace(' ', '-')}-opens-{number}",
                f"The {thing} of {place} opens again after {number + 2} months",
                _NAMES[number % 3],
                _SECTIONS[number % 2],
                (thing, place),
                moment.astimezone(timezone(timedelta(hours=2 if summer else 1))),
                _paragraphs(place, thing, number),
                f"picture-{number}.jpg" if number % 2 else None,
            )
        )
    return made


def _paragraphs(place: str, thing: str, number: int) -> tuple[str, ...]:
    return (
        f"The {thing} of {place} was opened on the morning of day {number} after {number + 2} months of repairs, and "
        "most of the school went down to the water to see it, teachers and all, in a wind that took two hats.",
        f"It had been closed since the storm of the winter before, when ice broke what the people of {place} had built "
        "in the year of the great frost, and the council has paid for oak in the place of the pine that stood there.",
        f"“We waited {number + 2} months for this,” said the clerk of the council, who had come without a coat and "
        "left before the singing began; the keeper of the old light stayed until it was dark.",
    )


def wordpress_site(base: str, path_of: str = "/{day}/{slug}/") -> tuple[dict[str, bytes], dict[str, Post]]:
    """The pages of a site in a classic theme of WordPress, and its articles by URL; `path_of` is its permalink form."""
    articles = {f"{base}{path_of.format(day=each.day, slug=each.slug, number=each.number)}": each for each in posts()}
    pages = {url: _wordpress_post(base, each) for url, each in articles.items()}
    teasers = "".join(
        f'<article class="post type-post hentry"><h2 class="entry-title"><a href="{url}" rel="bookmark">'
        f'{each.headline}</a></h2><div class="entry-content"><p>{each.paragraphs[0]}</p></div></article>'
        for url, each in reversed(articles.items())
    )
    home = _wordpress_frame(
        base,
        "The Sound Courier",
        "home blog",
        f"{teasers}<nav><a class='next page-numbers' href='{base}/page/2/'>2</a></nav>",
    )
    about = _wordpress_frame(
        base,
        "About us &#8211; The Sound Courier",
        "page-template-default page page-id-2",
        '<article id="post-2" class="post-2 page type-page hentry"><h1 class="entry-title">About us</h1>'
        f'<div class="entry-content">{"".join(f"<p>{text}</p>" for text in _paragraphs("the town", "paper", 3))}</div></article>',
    )
    pages |= {
        f"{base}/": home,
        f"{base}/about/": about,
        f"{base}/category/harbour/": home.replace(b"home blog", b"archive category category-harbour"),
        f"{base}/robots.txt": f"User-agent: *\nDisallow: /wp-admin/\n\nSitemap: {base}/wp-sitemap.xml\n".encode(),
        f"{base}/feed/": _feed(base, "The Sound Courier", articles, utc=True),
        f"{base}/wp-sitemap.xml": _index(
            f"{base}/wp-sitemap-posts-post-1.xml",
            f"{base}/wp-sitemap-posts-page-1.xml",
            f"{base}/wp-sitemap-taxonomies-category-1.xml",
            f"{base}/wp-sitemap-users-1.xml",
        ),
        f"{base}/wp-sitemap-posts-post-1.xml": _urls(articles),
        f"{base}/wp-sitemap-posts-page-1.xml": _urls([f"{base}/about/"]),
        f"{base}/wp-sitemap-taxonomies-category-1.xml": _urls([f"{base}/category/harbour/"]),
        f"{base}/wp-sitemap-users-1.xml": _urls([f"{base}/author/ina/"]),
    }
    return pages, articles


def _wordpress_frame(base: str, title: str, classes: str, inner: str) -> bytes:
    return f"""<!doctype html>
<html lang="en-GB"><head><meta charset="UTF-8"><title>{title}</title><meta name="generator" content="WordPress 6.1.9">
<link rel="alternate" type="application/rss+xml" title="The Sound Courier &raquo; Feed" href="{base}/feed/" />
<link rel="alternate" type="application/rss+xml" title="The Sound Courier &raquo; Comments Feed" href="{base}/comments/feed/" />
</head><body class="{classes} wp-embed-responsive">
<header class="site-header"><p class="site-title"><a href="{base}/">The Sound Courier</a></p>
<nav><ul class="menu"><li><a href="{base}/category/harbour/">Harbour</a></li><li><a href="{base}/about/">About us</a></li></ul></nav></header>
<main id="main" class="site-main">{inner}</main>
<aside class="widget-area"><section class="widget"><h2>Archives</h2><ul><li><a href="{base}/2026/01/">January 2026</a></li></ul></section></aside>
<footer class="site-footer"><p>Proudly powered by WordPress.</p></footer></body></html>""".encode()


def _wordpress_post(base: str, post: Post) -> bytes:
    figure = ""
    if post.picture:
        figure = (
            f'<figure class="wp-block-image size-large"><img src="{base}/wp-content/uploads/{post.picture}" alt="" '
            f'class="wp-image-{post.number}0"><figcaption class="wp-element-caption">{post.headline}, seen from the '
            "water</figcaption></figure>"
        )
    first, *rest = (f"<p>{text}</p>" for text in post.paragraphs)
    tags = ", ".join(f'<a href="{base}/tag/{tag.replace(" ", "-").lower()}/" rel="tag">{tag}</a>' for tag in post.tags)
    author = post.author.partition(" ")[0].lower()
    inner = f"""<article id="post-{post.number}" class="post-{post.number} post type-post status-publish hentry">
<header class="entry-header"><h1 class="entry-title">{post.headline}</h1>
<div class="entry-meta"><span class="posted-on">Posted on <a href="#" rel="bookmark"><time class="entry-date published updated" datetime="{post.published.isoformat()}">{post.published:%B %d, %Y}</time></a></span>
<span class="byline"> by <span class="author vcard"><a class="url fn n" href="{base}/author/{author}/">{post.author}</a></span></span></div></header>
<div class="entry-content">{first}{figure}{"".join(rest)}</div>
<footer class="entry-footer"><span class="cat-links">Posted in <a href="{base}/category/{post.section.lower()}/" rel="category tag">{post.section}</a></span> <span class="tags-links">Tagged {tags}</span></footer></article>
<div id="comments" class="comments-area"><h2 class="comments-title">1 comment</h2><ol class="comment-list"><li class="comment"><article class="comment-body"><div class="comment-author vcard"><b class="fn">Passing Reader</b></div><time datetime="2026-11-07T09:00:00+01:00">later</time><div class="comment-content"><p>I have waited for that for most of a year, and I was not the only one who did so in the rain.</p></div></article></li></ol></div>"""
    return _wordpress_frame(
        base,
        f"{post.headline} &#8211; The Sound Courier",
        f"post-template-default single single-post postid-{post.number} single-format-standard",
        inner,
    )


def hugo_site(base: str) -> tuple[dict[str, bytes], dict[str, Post]]:
    """The pages of a Hugo site with two sections, and its articles by URL; its feed and sitemap list other pages too."""
    articles = {f"{base}/{each.section.lower()}/{each.slug}/": each for each in posts()}
    pages = {url: _hugo_post(base, each) for url, each in articles.items()}
    teasers = "".join(
        f'<article><h2><a href="{url}">{each.headline}</a></h2><time datetime="{each.published.isoformat()}">'
        f"{each.published:%d %B %Y}</time><p>{each.paragraphs[0]}</p></article>"
        for url, each in reversed(articles.items())
    )
    about = (
        f"<article><h1>About us</h1>{''.join(f'<p>{text}</p>' for text in _paragraphs('town', 'paper', 2))}</article>"
    )
    listed = [*articles, f"{base}/", f"{base}/about/", f"{base}/tags/", f"{base}/harbour/", f"{base}/council/"]
    pages |= {
        f"{base}/": _hugo_frame("Ness Gazette", f"<h1>Ness Gazette</h1>{teasers}"),
        f"{base}/about/": _hugo_frame("About us | Ness Gazette", about),
        f"{base}/harbour/": _hugo_frame("Harbour | Ness Gazette", f"<h1>Harbour</h1>{teasers}"),
        f"{base}/council/": _hugo_frame("Council | Ness Gazette", f"<h1>Council</h1>{teasers}"),
        f"{base}/index.xml": _feed(base, "Ness Gazette", articles, utc=False, more=[f"{base}/about/"]),
        f"{base}/sitemap.xml": _urls(listed),
    }
    return pages, articles


def _hugo_frame(title: str, inner: str) -> bytes:
    return f"""<!DOCTYPE html>
<html lang="en-gb"><head><meta charset="utf-8"><title>{title}</title>
<link rel="alternate" type="application/rss+xml" href="/index.xml" title="Ness Gazette"></head>
<body><header><a href="/">Ness Gazette</a><nav><ul><li><a href="/harbour/">Harbour</a></li><li><a href="/council/">Council</a></li>
<li><a href="/about/">About</a></li></ul></nav></header><main>{inner}</main><footer><p>© 2026 Ness Gazette</p></footer></body></html>""".encode()


def _hugo_post(base: str, post: Post) -> bytes:
    figure = ""
    if post.picture:
        figure = f'<figure><img src="{base}/img/{post.picture}" alt=""/><figcaption><p>{post.headline}, from the sea.</p></figcaption></figure>'
    first, *rest = (f"<p>{text}</p>" for text in post.paragraphs)
    tags = "".join(f'<li><a href="/tags/{tag.replace(" ", "-").lower()}/">{tag}</a></li>' for tag in post.tags)
    return _hugo_frame(
        f"{post.headline} | Ness Gazette",
        f"""<article><header><h1>{post.headline}</h1><p class="post-meta"><time datetime="{post.published.isoformat()}">{post.published:%d %B %Y}</time> · <span class="author">{post.author}</span></p></header>
{first}{figure}{"".join(rest)}<footer><ul class="tags">{tags}</ul></footer></article><nav><a href="/harbour/">← Older</a></nav>""",
    )


def _feed(base: str, title: str, articles: Mapping[str, Post], *, utc: bool, more: list[str] | None = None) -> bytes:
    newest = list(reversed(articles.items()))[:10]
    items = "".join(
        f"<item><title>{each.headline}</title><link>{url}</link><pubDate>"
        f"{format_datetime(each.published.astimezone(UTC) if utc else each.published)}</pubDate></item>"
        for url, each in newest
    )
    items += "".join(f"<item><title>More</title><link>{url}</link></item>" for url in more or ())
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title><link>{base}/</link>{items}</channel></rss>'.encode()


def _urls(urls: Mapping[str, Post] | list[str]) -> bytes:
    entries = "".join(f"<url><loc>{url}</loc></url>" for url in urls)
    return (
        f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'.encode()
    )


def _index(*urls: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f'<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</sitemapindex>'.encode()
