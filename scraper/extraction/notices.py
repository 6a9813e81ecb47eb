"""Telling a notice from an article: seizure, block, parking, challenge, log-in, soft 404, default page.

Such pages are short and say one of few things. An article may quote any of them, so a phrase counts only where next to
nothing else stands on the page, or where the page's own title says it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lxml.html import HtmlElement

from scraper.extraction.passages import Passage, plain, text_of
from scraper.patterns import compile_pattern

SHORT = 1_500
"""Characters of text, links apart, up to which a page can be a notice."""

_LONGEST_STATED = 6_000
_MOST_READ = 20_000
_TITLES = (
    r"just a moment(?:\.\.\.|…)?|attention required! \| cloudflare|ddos-guard|pardon our interruption|verifying you are human.*"
    r"|checking your browser.*|access denied|access to this (?:page|site|website) (?:has been|is) (?:denied|blocked).*"
    r"|(?:403|401|451|404|410|500|502|503|504)(?: [-–—|:])?(?: .{0,60})?|(?:error|erreur|fehler) \d{3}.*|(?:page |file )?not found.*"
    r"|apache\d? .{0,40}default page.*|welcome to nginx!?|iis windows(?: server)?.*|test page for .*|index of /.*|it works!?"
    r"|account suspended|website (?:suspended|disabled|expired)|domain (?:suspended|expired|parked|parking|default page)|coming soon"
    r"|this domain has been seized|domain seized|.{1,80} is for sale!?|buy .{1,60} - domain name.*|доступ ограничен|محتوى محظور"
    r"|are you a robot\?|robot check|captcha|human verification|security check|forbidden|site blocked|web ?site blocked"
)
_TITLE = re.compile(_TITLES, re.I)
_PHRASES = re.compile(
    "|".join(
        (
            # seizures
            r"(?:domain|website|site)(?: name)?(?: \S{1,80})? has been seized",
            r"(?:this|the) (?:domain|website|site).{0,80}(?:seized|confiscated) by",
            r"seizure warrant",
            r"(?:домен|сайт).{0,40}(?:арестован|конфискован|изъят)",
            r"(?:diese|die) (?:domain|webseite|website).{0,60}beschlagnahmt",
            r"(?:ce|le) (?:domaine|site).{0,60}saisi par",
            # blocks by states, courts, providers, companies
            r"(?:url|site|website|web ?page|page|domain|content|resource).{0,80}\b(?:has been|have been|is|was|are|been) (?:currently )?(?:blocked|restricted|prohibited|banned|censored)",
            r"access (?:to|denied).{0,80}\b(?:has been|is|was) (?:currently )?(?:blocked|denied|restricted|prohibited|forbidden|limited)",
            r"blocked (?:under|by|pursuant to|as per) .{0,60}(?:order|court|department|ministry|law|regulation|authority|policy|directions)",
            r"доступ к .{0,80}(?:ограничен|заблокирован|запрещ[её]н)",
            r"(?:محظور|محجوب|تم حجب|حجب هذا الموقع)",
            r"(?:مسدود شده|فیلتر شده|دسترسی به (?:این|تارنمای|سایت))",
            r"(?:erişime? engellen|erişim(?:i)? engellenmiştir|mahkemesi.{0,60}kararı)",
            r"l['’]accès à (?:ce|cette|ces|la|le) .{0,60}(?:bloqué|interdit|refusé|restreint)",
            r"(?:el|este|esta) (?:sitio|página|dominio|contenido).{0,60}(?:bloquead|restringid|no está disponible)",
            r"(?:accesso|sito).{0,60}(?:bloccato|inibito|oscurato)",
            r"(?:zugriff|seite|website).{0,40}(?:gesperrt|blockiert)",
            r"(?:site|akses|situs).{0,40}(?:diblokir|internet positif)",
            r"이 사이트는?|불법.{0,10}유해|warning\.or\.kr",
            r"(?:该|此|您访问的)(?:网站|网页|页面|域名).{0,20}(?:已被|被|无法|不存在|禁止)",
            r"you (?:do not|don['’]t) have permission to access",
            r"not available (?:in|from) your (?:country|region|location)|unavailable for legal reasons|unavailable due to legal reasons",
            # parking
            r"domain (?:name )?(?:may be|is|has expired|was recently registered|has been registered|is parked|parked)",
            r"(?:is|are) (?:available )?for sale|buy this domain|parked free|domain parking|make an offer",
            r"(?:cette?|ce nom de) domaine.{0,40}(?:à vendre|a été (?:enregistré|réservé)|expiré)",
            r"(?:diese )?domain (?:steht zum verkauf|ist registriert|wurde registriert)",
            # challenges
            r"(?:verify|verifying|confirm).{0,30}(?:you are|you['’]re) (?:a |not a )?(?:human|robot)",
            r"checking (?:if the site connection is secure|your browser)|review the security of your connection",
            r"enable (?:javascript|js|cookies).{0,60}(?:continue|proceed|access|ad ?blocker|reload|to view)",
            r"unusual (?:traffic|activity) (?:from|on)|ray id|incident id|performance (?:&|and) security by cloudflare",
            # log-in
            r"(?:sign|log) ?in to (?:continue|read|access|view|your)",
            r"(?:connectez-vous|identifiez-vous) pour|(?:inicia|iniciar) sesión para|melden sie sich an",
            # soft 404, errors, suspended
            r"(?:page|article|story|content|url|file|post)(?: that| which)?(?: you(?:['’]re| are| were)? (?:looking for|requested|trying to (?:reach|access|view)|tried))? .{0,40}(?:(?:does not|doesn['’]t|no longer) exists?|(?:could not|cannot|can['’]t|couldn['’]t) be found|was(?: not|n['’]t) found|(?:has|have) been (?:moved|removed|deleted)|not found|is(?: no longer|n['’]t| not) available)",
            r"we (?:can['’]t|cannot|couldn['’]t|could not) find (?:the|that|this) page|oops!? .{0,40}(?:page|found|wrong)",
            r"page (?:est )?(?:introuvable|non trouvée)|n['’]existe (?:pas|plus)|página no encontrada|seite (?:wurde )?nicht gefunden",
            r"страница не найдена|صفحه (?:مورد نظر )?(?:یافت|پیدا) نشد|الصفحة غير موجودة|(?:الصفحة|عذرا).{0,40}(?:غير موجودة|غير متوفرة)|页面不存在|sayfa bulunamadı",
            r"account has been suspended|(?:site|website) (?:is |has been )?(?:temporarily )?(?:suspended|disabled|offline|unavailable|under (?:construction|maintenance))",
            r"(?:service|bandwidth|resource).{0,30}(?:temporarily unavailable|limit exceeded|limit is reached)|internal server error|bad gateway|gateway time-?out",
            r"future home of|this is the default (?:web ?page|welcome page|index)|web server (?:software )?is running but no content|it works!",
        )
    ),
    re.I,
)  # fmt: skip
_PASSWORD_PAGE = 400
_TITLED = 600
"""Characters of text, links apart, up to which a telling title alone makes a notice."""


def find_notice(
    tree: HtmlElement, passages: Sequence[Passage], patterns: Iterable[str] = (), *, says_article: bool = False
) -> str | None:
    """How a page was seen to be a notice ('title', 'phrase', 'password', 'profile'); None where it is none.

    `patterns` are those of the outlet's profile; they are looked for in the alternative texts of images too.
    `says_article`: the page's own metadata call it an article; then its phrases are taken for those of a short one.
    """
    text = plain(" ".join(passage.text for passage in passages))
    unlinked = len(text) - sum(passage.linked for passage in passages)
    title = _title_of(tree)
    if unlinked <= _LONGEST_STATED:
        stated = " ".join((title, text[:_MOST_READ], _alternatives(tree)))
        if any(compile_pattern(pattern).search(stated) for pattern in patterns):
            return "profile"
    if unlinked > SHORT or says_article:
        return None
    heading = next((heading for element in tree.iter("h1", "h2") if (heading := plain(text_of(element)))), "")
    if unlinked <= _TITLED and any(_TITLE.fullmatch(line) for line in (title, heading) if line):
        return "title"
    if _PHRASES.search(f"{title}\n{text[:_MOST_READ]}"):
        return "phrase"
    if unlinked <= _PASSWORD_PAGE and any(
        (field.get("type") or "").lower() == "password" for field in tree.iter("input")
    ):
        return "password"
    if unlinked <= _PASSWORD_PAGE and _PHRASES.search(_alternatives(tree)):
        return "phrase"
    return None


def _title_of(tree: HtmlElement) -> str:
    return next((plain(element.text or "") for element in tree.iter("title") if (element.text or "").strip()), "")


def _alternatives(tree: HtmlElement) -> str:
    words = (element.get("alt") or element.get("title") or "" for element in tree.iter("img", "area"))
    return " ".join(word for _, word in zip(range(100), words, strict=False) if word)
