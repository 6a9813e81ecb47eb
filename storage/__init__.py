"""Keep and find: articles, revisions, captures and the frontier."""
