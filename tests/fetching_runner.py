"""Fetches URLs in a process of its own, since a reactor runs once, and prints a JSON line for each.

Reads a job from standard input: `config` (fields of Config), `settings` (over those of fetching), `requests` (each a
URL, or an object with url, meta, method), `robots_kept` (origin to status and body). With `one_by_one` each waits for
the one before.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def run_fetches(timeout: float = 60, **job: Any) -> list[dict[str, Any]]:
    """Run a job; one result a request, in the order of the requests, then the events `downloaded` and `end`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fetching_runner"],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=ROOT,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or "Traceback" in done.stderr or not lines or lines[-1].get("event") != "end":
        raise AssertionError(f"exit {done.returncode}\n{done.stderr}\n{done.stdout[-2000:]}")
    return sorted(lines, key=lambda line: line.get("index", 1_000_000))


def bytes_of(text: str) -> bytes:
    return base64.b64decode(text)


def _exchange_facts(exchange: Any) -> dict[str, Any]:
    def coded(data: bytes) -> str:
        return base64.b64encode(data[:200_000]).decode()

    return {
        "url": exchange.url,
        "request": coded(exchange.request),
        "response": coded(exchange.response),
        "size": len(exchange.response),
        "head_length": exchange.head_length,
        "payload": coded(exchange.payload),
        "payload_size": len(exchange.payload),
        "status": exchange.status,
        "reason": exchange.reason,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in exchange.headers],
        "elapsed": exchange.elapsed,
        "peer": [exchange.peer_address, exchange.peer_port],
        "tls": exchange.tls and [exchange.tls.version, exchange.tls.cipher, len(exchange.tls.chain)],
        "truncated": exchange.truncated,
    }


def _print(**values: Any) -> None:
    print(json.dumps(values), flush=True)


def _memory() -> int:
    """The most memory this program ever held, in bytes; getrusage's figure begins with what the parent held."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1024


def main(job: Mapping[str, Any]) -> None:
    from scrapy import Request, Spider, signals
    from scrapy.crawler import AsyncCrawlerProcess

    from scraper.config import Config
    from scraper.fetching.handler import take_exchange
    from scraper.fetching.outcomes import outcome_of
    from scraper.fetching.reasons import reason_of
    from scraper.fetching.robots import StoredRobots
    from scraper.fetching.settings import fetching_settings

    values = dict(job.get("config", {}))
    for name in ("resolve", "connect_to"):
        values[name] = tuple(values.get(name, ()))
    if values.get("ca_file"):
        values["ca_file"] = Path(values["ca_file"])
    config = Config(archive=Path(), **values)
    settings = fetching_settings(config, None) | {
        "DOWNLOAD_DELAY": 0,
        "DNS_TIMEOUT": 2,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
        "LOG_LEVEL": "ERROR",
        "DUPEFILTER_CLASS": "scrapy.dupefilters.BaseDupeFilter",
        "HTTPERROR_ALLOW_ALL": True,
    }
    settings |= job.get("settings", {})

    class Fetches(Spider):
        name = "fetches"

        async def start(self) -> AsyncIterator[Any]:
            asked = [entry if isinstance(entry, dict) else {"url": entry} for entry in job["requests"]]
            for index, entry in enumerate(asked):
                request = Request(
                    entry["url"],
                    method=entry.get("method", "GET"),
                    meta={"index": index, "before": _memory(), **entry.get("meta", {})},
                    callback=self.parse,
                    errback=self.failed,
                )
                if job.get("one_by_one"):
                    try:
                        response = await self.crawler.engine.download_async(request)
                    except Exception as error:
                        self.report_error(error, index, request)
                    else:
                        self.parse(response)
                else:
                    yield request

        def parse(self, response: Any) -> None:
            exchange = take_exchange(response.request)
            _print(
                index=response.meta["index"],
                url=response.url,
                outcome=outcome_of(exchange),
                flags=response.flags,
                body_size=len(response.body),
                exchange=_exchange_facts(exchange),
                grown=_memory() - response.meta["before"],
                hops=response.meta.get("redirect_urls", []),
            )

        def failed(self, failure: Any) -> None:
            self.report_error(failure.value, failure.request.meta["index"], failure.request)

        def report_error(self, error: Exception, index: int, request: Any) -> None:
            exchange = take_exchange(request)
            _print(
                index=index,
                url=request.url,
                reason=reason_of(error),
                error=f"{type(error).__name__}: {error}",
                exchange=exchange and _exchange_facts(exchange),
                grown=_memory() - request.meta["before"],
                until=str(getattr(error, "until", None)),
            )

    class KeptRobots:
        def __init__(self) -> None:
            self.kept = {
                host: StoredRobots(host, datetime.now(UTC), status, body.encode())
                for host, (status, body) in job.get("robots_kept", {}).items()
            }

        def alone(self, host: str) -> AbstractAsyncContextManager[None]:
            return nullcontext()

        async def load(self, host: str) -> StoredRobots | None:
            return self.kept.get(host)

        async def save(self, stored: StoredRobots) -> None:
            _print(event="robots", host=stored.host, status=stored.status, size=len(stored.body))

    def downloaded(response: Any, request: Any) -> None:
        exchange = request.meta["exchange"]
        robots = bool(request.meta.get("presskeep_robots"))
        _print(event="downloaded", url=response.url, status=exchange.status, robots=robots)

    process = AsyncCrawlerProcess(settings)
    crawler = process.create_crawler(Fetches)
    crawler.robots_store = KeptRobots()  # type: ignore[attr-defined]
    crawler.signals.connect(downloaded, signals.response_downloaded, weak=False)
    process.crawl(crawler)
    process.start()
    _print(event="end", clock=crawler.clock.now().isoformat())  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(json.load(sys.stdin))
