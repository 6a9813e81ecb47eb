"""The phrases of notices in a dozen languages: what pages say that stand where an article was expected."""

from __future__ import annotations

import re

_QUOTE = "['’]"
_IS = r"(?:has been|have been|is|was|are|been) (?:currently )?"
_SOFT_404 = (
    rf"(?: that| which)?(?: you(?:{_QUOTE}re| are| were)? (?:looking for|requested|tried|trying to (?:reach|access"
    rf"|view)))?"
    rf" .{{0,40}}(?:(?:does not|doesn{_QUOTE}t|no longer) exists?|(?:could not|cannot|can{_QUOTE}t|couldn{_QUOTE}t) be"
    rf" (?:found|displayed)|was(?: not|n{_QUOTE}t) found|(?:has|have) been (?:moved|removed|deleted)|not found"
    rf"|is(?: no longer|n{_QUOTE}t| not) available)"
)

_CERTAIN = (
    # seizures
    r"(?:domain|website|site)(?: name)?(?: \S{1,80})? has been seized",
    r"(?:this|the) (?:domain|website|site).{0,80}(?:seized|confiscated) by",
    r"seizure warrant",
    r"(?:домен|сайт).{0,40}(?:арестован|конфискован|изъят)",
    r"(?:diese|die) (?:domain|webseite|website).{0,60}beschlagnahmt",
    r"(?:ce|le) (?:nom de )?(?:domaine|site).{0,60}saisi par",
    r"(?:este|el) (?:dominio|sitio).{0,60}incautado",
    # blocks by states, courts, providers
    rf"(?:this|your requested|the requested) (?:url|site|website|web ?page|page|domain|content"
    rf"|resource).{{0,80}}\b{_IS}"
    r"(?:blocked|restricted|prohibited|banned|censored)",
    rf"access (?:to|denied).{{0,80}}\b{_IS}(?:blocked|denied|restricted|prohibited|forbidden|limited)",
    r"blocked (?:under|by|pursuant to|as per) .{0,60}(?:order|court|department|ministry|law|regulation|directions)",
    r"доступ к .{0,80}(?:ограничен|заблокирован|запрещ[её]н)",
    r"(?:المحتوى|الموقع|الصفحة|الرابط).{0,60}(?:محظور|محجوب)|تم حجب|حجب هذا الموقع",
    r"(?:مسدود|فیلتر) شده است|دسترسی به این (?:سایت|تارنما|پایگاه)",
    r"erişim(?:e|i|in)? ?(?:engellen|kapat)|mahkemesi.{0,60}kararı",
    rf"l{_QUOTE}accès à (?:ce|cette|ces|la|le) .{{0,60}}(?:bloqué|interdit|refusé|restreint)",
    r"(?:accesso|sito).{0,60}(?:bloccato|inibito|oscurato)",
    r"(?:akses|situs|site).{0,60}(?:diblokir|internet ?positif)|internet ?positif|trust ?positif",
    r"불법.{0,10}유해|warning\.or\.kr",
    r"(?:该|此|您访问的)(?:网站|网页|页面|域名).{0,20}(?:已被|被|无法|不存在|禁止)",
    # challenges
    rf"(?:verify|verifying|confirm).{{0,30}}(?:you are|you{_QUOTE}re) (?:a |not a )?(?:human|robot)",
    r"checking (?:if the site connection is secure|your browser)|review the security of your connection",
    r"unusual (?:traffic|activity) (?:from|on) your",
    # for sale
    r"this domain (?:name )?(?:may be|is) for sale|buy this domain|parked free",
)
"""Said of the very page. They count on pages of SHORT text."""

_LIKELY = (
    rf"(?:url|site|website|web ?page|page|domain|content|resource).{{0,80}}\b{_IS}(?:blocked|restricted|prohibited"
    rf"|banned)",
    r"(?:el|este|esta) (?:sitio|página|dominio|contenido).{0,60}(?:bloquead|restringid|no está disponible)",
    r"(?:zugriff|seite|website).{0,40}(?:gesperrt|blockiert)",
    rf"you (?:do not|don{_QUOTE}t) have permission to access|(?:not authori[sz]ed|forbidden) to (?:view|access)",
    r"access (?:is )?(?:restricted|forbidden|prohibited|denied)|not permitted by (?:the )?gover(?:n)?ment",
    r"not available (?:in|from) your (?:country|region|location)|unavailable (?:for|due to) legal reasons",
    # parking, hosting
    r"domain (?:name )?(?:may be|has expired|was recently registered|has been registered|is parked|parked|is for sale)",
    r"(?:is|are) available for sale|domain parking|(?:cette?|ce nom de) domaine.{0,40}(?:à vendre|enregistré|réservé"
    r"|expiré)",
    r"(?:diese )?domain (?:steht zum verkauf|ist registriert|wurde registriert)|домен .{0,40}(?:не существует"
    r"|продаётся|продается)",
    r"account has been suspended|(?:site|website) (?:is |has been )?(?:temporarily |currently )?"
    r"(?:suspended|disabled|offline|unavailable|under (?:construction|maintenance))|(?:site"
    r"|page) is not (?:published|configured)",
    r"future home of|(?:this is the |web server['’]s |the )default (?:web ?page|welcome page|index|page)|it works!",
    r"if you are the (?:web ?site|site|domain)(?:['’]s)? (?:administrator|owner)|welcome to (?:centos|nginx|apache"
    r"|plesk|caddy)\b",
    r"web server (?:software )?is running but no content|experiencing (?:technical difficult|problems)"
    r"|routine maintenance",
    # challenges, log-in
    r"enable (?:javascript|js|cookies).{0,60}(?:continue|proceed|access|ad ?blocker|reload|to view)",
    r"\bray id\b|\bincident id\b|performance (?:&|and) security by",
    r"(?:sign|log) ?in to (?:continue|read|access|view|your account)|you (?:must|need to) (?:be logged|log|sign) in",
    r"(?:connectez-vous|identifiez-vous) pour|(?:inicia|iniciar) sesión para|melden sie sich an, um|войдите, чтобы",
    # soft 404, errors
    rf"(?:page|article|story|content|url|file|post){_SOFT_404}",
    rf"we (?:can{_QUOTE}t|cannot|couldn{_QUOTE}t|could not) find (?:the|that|this|your) page|oops!? .{{0,40}}(?:page"
    rf"|found|wrong)",
    r"page (?:est )?(?:introuvable|non trouvée)|página no encontrada|pagina non trovata"
    r"|seite (?:wurde )?nicht gefunden",
    rf"(?:page|article).{{0,60}}n{_QUOTE}existe (?:pas|plus)|страница не (?:найдена|существует)|sayfa bulunamadı"
    r"|页面不存在",
    r"صفحه (?:مورد نظر )?(?:شما )?(?:یافت|پیدا) نشد|(?:الصفحة|عذرا).{0,40}(?:غير موجودة|غير متوفرة)",
    r"(?:service|bandwidth|resource).{0,30}(?:temporarily unavailable|limit exceeded|limit is reached)",
    r"internal server error|bad gateway|gateway time-?out|bad request|precondition failed|no such bucket|object moved",
    r"(?:document|page|object) (?:has )?moved|moved permanently",
)
"""Said of other things too. They count on pages that hold next to nothing else."""

CERTAIN = re.compile("|".join(_CERTAIN), re.I)
LIKELY = re.compile("|".join((*_CERTAIN, *_LIKELY)), re.I)

TITLE = re.compile(
    "|".join(
        (
            r"just a moment(?:\.\.\.|…)?|attention required! \| cloudflare|ddos-guard|pardon our interruption",
            r"(?:verifying you are human|checking your browser).*|are you a robot\?|robot check|captcha"
            r"|human verification",
            r"access denied|forbidden|access to this (?:page|site|website) (?:has been|is) (?:denied|blocked).*",
            r"(?:400|401|403|404|410|451|500|502|503|504)(?: [-–—|:])?(?: .{0,60})?|(?:error|erreur|fehler):? \d{3}.*",
            r"(?:page |file |site )?not found.*|apache\d? .{0,40}default page.*|welcome to nginx!?"
            r"|iis windows(?: server)?.*",
            r"test page for .*|index of /.*|it works!?|(?:account|domain|site|website) (?:suspended|disabled|expired"
            r"|blocked)",
            r"domain (?:parked|parking|default page|seized)|this domain has been seized|.{1,80} is for sale!?",
            r"buy .{1,60} - domain name.*|coming soon|under construction|доступ ограничен|محتوى محظور|site blocked",
            r"(?:sign|log) ?in(?: (?:to|[-–—|·]) .{1,80})?|bad request|service unavailable|error",
        )
    ),
    re.I,
)
"""Titles, whole, of such pages."""
