"""A real Chromium for tests, driven by playwright in an environment of its own (`.ci/tools browser`).

Run as a script by that environment's Python, it reads one line of JSON for each page to look at and prints one line of
JSON with what is seen: it must import nothing of ours.
"""

from __future__ import annotations

import base64
import html
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1280, 2000
"""The size of screenshots, in pixels."""
_FLAGS = (
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-default-apps", "--disable-dev-shm-usage", "--proxy-bypass-list=127.0.0.1",
)  # fmt: skip
_NOWHERE = "http://127.0.0.1:9"
_STILL = "*, *::before, *::after { animation: none !important; transition: none !important; caret-color: transparent }"


@dataclass(frozen=True)
class Seen:
    """A page as a reader sees it: the visible text, the biggest headline, and what was asked beyond this machine.

    `grey` holds WIDTH x HEIGHT bytes, one a pixel, row by row; empty where no screenshot was asked.
    """

    status: int
    text: str
    headline: str
    outside: tuple[str, ...]
    grey: bytes


def look_at(
    addresses: Sequence[str], *, screenshots: bool = False, proxy: str = _NOWHERE, styles: bool = True
) -> list[Seen]:
    """Open each address, wait until it is quiet, and see. Skips (in CI fails) without the browser.

    Whatever a page asks for that is not on this machine is asked of the proxy, by default one that is none. Without
    `styles` its stylesheets are refused.
    """
    from tests.tools import browser, offline, tool

    order = {
        "browser": browser(),
        "addresses": list(addresses),
        "screenshots": screenshots,
        "proxy": proxy,
        "styles": styles,
    }
    done = subprocess.run(
        [tool("browser", "python"), __file__],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        timeout=200,
        env={name: value for name, value in offline().items() if not name.startswith("PYTHON")},
    )
    assert done.returncode == 0, done.stderr
    return [
        Seen(each["status"], each["text"], each["headline"], tuple(each["outside"]), base64.b64decode(each["grey"]))
        for each in map(json.loads, done.stdout.splitlines())
    ]


def main() -> None:
    """Look at what standard input orders."""
    from playwright.sync_api import sync_playwright

    order = json.load(sys.stdin)
    with sync_playwright() as playwright:
        flags = [*_FLAGS, f"--proxy-server={order['proxy']}"]
        chromium = playwright.chromium.launch(executable_path=order["browser"], args=flags)
        for address in order["addresses"]:
            page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce")
            if not order["styles"]:
                page.route("**/*", _refuse_styles)
            print(json.dumps(_see(page, address, screenshots=order["screenshots"])), flush=True)
            page.close()
        chromium.close()


def _see(page, address: str, *, screenshots: bool) -> dict[str, object]:  # type: ignore[no-untyped-def]
    """In a frame of its own: pywb's pages, opened by themselves, would put a banner over what is compared."""
    outside: list[str] = []
    statuses: dict[str, int] = {}
    page.on("request", lambda asked: None if _is_here(asked.url) else outside.append(asked.url))
    page.on("response", lambda answer: statuses.setdefault(answer.url, answer.status))
    size = f"width: {WIDTH}px; height: {HEIGHT}px; border: 0"
    page.set_content(f'<body style="margin: 0"><iframe src="{html.escape(address)}" style="{size}"></iframe></body>')
    page.wait_for_load_state("networkidle", timeout=60_000)
    (frame,) = page.main_frame.child_frames
    frame.add_style_tag(content=_STILL)
    frame.evaluate("document.fonts.ready")
    headline = frame.locator("h1")
    return {
        "status": statuses.get(address, 0),
        "text": frame.inner_text("body"),
        "headline": headline.first.inner_text() if headline.count() and headline.first.is_visible() else "",
        "outside": outside,
        "grey": base64.b64encode(_grey(page.screenshot())).decode() if screenshots else "",
    }


def _refuse_styles(route) -> None:  # type: ignore[no-untyped-def]
    if route.request.resource_type == "stylesheet":
        route.abort()
    else:
        route.continue_()


def _is_here(url: str) -> bool:
    return url.startswith(("http://127.0.0.1", "http://localhost", "data:", "blob:", "about:"))


def _grey(png: bytes) -> bytes:
    import io

    from PIL import Image

    return Image.open(io.BytesIO(png)).convert("L").tobytes()


if __name__ == "__main__":
    main()
