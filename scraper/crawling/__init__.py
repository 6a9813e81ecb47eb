"""From the frontier to Scrapy and back."""
