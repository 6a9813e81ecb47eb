"""Importing what others archived: WARC, ARC and WACZ files, lists of URLs, news-please's JSON, ArchiveBox folders."""
