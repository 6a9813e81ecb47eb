"""Fetch and read the pages of news outlets."""
