"""The sets of hosts that the replica can play: an outlet of its own, and one in the form of Press TV's site."""

from __future__ import annotations

from scraper.demo.hostset import Host, HostSet, Section, Slot, StandingPage

DEMO = HostSet(
    name="demo",
    title="Replica Daily",
    mark="ReplicaDaily",
    zone="Europe/Athens",
    hosts=(
        Host("www.replica.example", "primary", feed_dates="none", lies=0.02),
        Host("www.replica-mirror.example", "mirror", apostrophe="'", feed_dates="day", feed_links="primary", lies=0.1),
        Host("reader.replica-news.example", "mirror", dress="reader", apostrophe="'", feed_dates="zoneless", lies=0.1),
        Host("48210377.edge.replica-cdn.example", "cdn", feed_dates="full"),
        Host("french.replica.example", "edition", edition="fr", feed_links="mixed"),
        Host("www.replica-daily.example", "former"),
        Host("images.replica.example", "assets"),
        Host("video.replica.example", "assets"),
    ),
    sections=(
        Section(201, ("News", "Politics"), "politics"),
        Section(202, ("News", "Economy"), "economy"),
        Section(203, ("News", "World"), "world"),
        Section(204, ("News", "In Brief"), "brief"),
        Section(220, ("News", "Viewpoint"), "viewpoint"),
        Section(225, ("Conversations",), "conversations"),
        Section(230, ("News", "#Replica", "Reports"), "reports"),
        Section(231, ("News", "#Replica", "Videos"), "videos"),
        Section(232, ("News", "#Replica", "News Bulletin"), "bulletin"),
        Section(214, ("News", "Aperture"), "aperture"),
        Section(250, ("News", "Spotlight"), "spotlight"),
        Section(301, ("Infos", "Monde"), "monde", "fr"),
        Section(302, ("Infos", "L’INFO EN CONTINU"), "continu", "fr"),
        Section(330, ("TV",), "tv", "fr"),
    ),
    slots=(
        Slot(201, "article"), Slot(201, "article"), Slot(201, "article"), Slot(202, "article"), Slot(202, "article"),
        Slot(203, "article"), Slot(203, "article"), Slot(204, "brief"), Slot(220, "opinion"), Slot(225, "interview"),
        Slot(230, "video", report=True), Slot(231, "video"), Slot(232, "bulletin"), Slot(214, "gallery"),
        Slot(250, "programme"), Slot(203, "article"),
        Slot(301, "article"), Slot(301, "article"), Slot(302, "article"), Slot(330, "video"),
    ),
    standing=(
        StandingPage("/Detail/2014/12/31/90001/About-Replica-Daily", "About Replica Daily", "about"),
        StandingPage("/Detail/2014/12/31/90002/Contact", "Contact us", "about"),
        StandingPage("/Detail/2018/02/20/90003/privacy-policy", "Privacy policy", "privacy"),
        StandingPage("/Detail/2021/04/01/90009/Harbour-Lights", "Harbour lights", "no text", hollow=True),
        StandingPage("/Live", "Live", "live"),
        StandingPage("/Default/Schedule", "Schedule", "schedule"),
        StandingPage("/Default/Search", "Search", "search form"),
    ),
    announced=("www.replica-mirror.example", "www.replica-new.example"),
    notice=(
        "This domain name, replica-daily.example, has been seized by the Office of Replica Enforcement in accordance with a"
        " seizure warrant issued by a court that does not exist, as part of a law enforcement action in a test."
    ),
    image_host="images.replica.example",
    video_host="video.replica.example",
    first_key=100_000,
)  # fmt: skip

PRESSTV = HostSet(
    name="presstv",
    title="Press TV",
    mark="PressTV",
    zone="Asia/Tehran",
    hosts=(
        Host("www.presstv.ir", "primary"),
        Host("presstv.ir", "primary"),
        Host("www.presstv.co.uk", "mirror", feed_links="primary"),
        Host("presstv.co.uk", "mirror", feed_links="primary"),
        Host("599046384.r.worldcdn.net", "cdn"),
        Host("783093661.r.worldcdn.net", "cdn", feed_dates="day"),
        Host("french.presstv.ir", "edition", edition="fr", feed_links="mixed"),
        Host("french.presstv.co.uk", "edition", edition="fr", feed_dates="zoneless"),
        Host("350431105.r.worldcdn.net", "cdn", edition="fr"),
        Host("www.presstv.com", "former"),
        Host("presstv.com", "former"),
        Host("www.presstv.tv", "former"),
        Host("presstv.tv", "former"),
        Host("edition.presstv.ir", "gone"),
        Host("iran.presstv.ir", "gone"),
        Host("presstvdoc.com", "gone"),
        Host("www.presstvdoc.com", "gone"),
        Host("cdn.presstv.ir", "assets"),
        Host("cdn.presstv.com", "assets"),
        Host("media.presstv.com", "assets"),
        Host("static.presstv.ir", "assets"),
        Host("preview.presstv.ir", "assets"),
        Host("preview.presstv.co.uk", "assets"),
        Host("217.218.67.233", "assets"),
        Host("107.189.40.46", "assets"),
    ),
    sections=(
        Section(10101, ("News", "Politics"), "politics"),
        Section(10102, ("News", "Economy"), "economy"),
        Section(102, ("News", "West Asia"), "west-asia"),
        Section(105, ("News", "Africa"), "africa"),
        Section(12013, ("News", "Viewpoint"), "viewpoint"),
        Section(125, ("News", "Conversations"), "conversations"),
        Section(13001, ("News", "#PressTV", "Reports"), "reports"),
        Section(13013, ("News", "#PressTV", "Latest News"), "videos"),
        Section(13012, ("News", "#PressTV", "News Bulletin"), "bulletin"),
        Section(12014, ("News", "Aperture"), "aperture"),
        Section(15057, ("News", "Spotlight"), "spotlight"),
        Section(101, ("Infos", "Iran"), "iran", "fr"),
        Section(106, ("Infos", "L’INFO EN CONTINU"), "continu", "fr"),
        Section(130, ("TV",), "tv", "fr"),
    ),
    slots=(
        Slot(10101, "article"), Slot(10101, "article"), Slot(10101, "article"), Slot(10102, "article"), Slot(10102, "article"),
        Slot(102, "article"), Slot(102, "article"), Slot(105, "article"), Slot(12013, "opinion"), Slot(125, "interview"),
        Slot(13001, "video", report=True), Slot(13013, "video"), Slot(13012, "bulletin"), Slot(12014, "gallery"),
        Slot(15057, "programme"), Slot(105, "article"),
        Slot(101, "article"), Slot(101, "article"), Slot(106, "article"), Slot(130, "video"),
    ),
    standing=(
        StandingPage("/Detail/2014/12/31/390988/About-PressTV", "About PressTV", "about"),
        StandingPage("/Detail/2014/12/31/390989/Contact-Press-TV", "Contact Press TV", "about"),
        StandingPage("/Detail/2018/02/20/553044/privacy-policy", "Privacy policy", "privacy"),
        StandingPage("/Live", "Live", "live"),
        StandingPage("/Default/Schedule", "Schedule", "schedule"),
        StandingPage("/Default/Frequencies", "Frequencies", "about"),
        StandingPage("/Default/Search", "Search", "search form"),
    ),
    announced=("www.presstv.co.uk",),
    notice=(
        "The domain presstv.com has been seized by the United States Government in accordance with a seizure warrant issued"
        " pursuant to 18 USC §§981, 982 and 50 USC 1701-1705 as part of a law enforcement action by the Bureau of Industry"
        " and Security, Office of Export Enforcement and Federal Bureau of Investigation"
    ),
    image_host="cdn.presstv.ir",
    video_host="preview.presstv.ir",
    first_key=139_946,
    reserved=frozenset({390_988, 390_989, 553_044}),
    tags=False,
    signed_opinions=False,
    french_dates=False,
    foreign_caption="US Rep. Ilhan Omar (D-MN) (L) talks with ... (AFP photo)",
)  # fmt: skip

HOST_SETS = {host_set.name: host_set for host_set in (DEMO, PRESSTV)}
