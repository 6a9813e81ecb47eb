"""The replica: a news site made from a seed number, to test crawlers against."""
