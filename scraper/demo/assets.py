"""What the assets host serves: stylesheets, a pattern, a logo, and a photo for every path that a page may name."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

_GREY, _BLUE, _GOLD = (233, 236, 241), (24, 52, 96), (217, 164, 65)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file and its media type."""

    body: bytes
    content_type: str


def find_asset(path: str) -> Asset | None:
    """The file at a path, made from nothing but the path; None where there is none."""
    if path.endswith(".css"):
        text = _STYLES.get(path)
        return Asset(text.encode(), "text/css; charset=utf-8") if text is not None else None
    if path == "/band.svg":
        return Asset(_BAND.encode(), "image/svg+xml")
    if path.endswith(".png"):
        return Asset(_logo(), "image/png")
    if path.endswith(".jpg"):
        return Asset(_photo(path), "image/jpeg")
    if path.endswith((".mp4", ".m3u8")):
        kind = "video/mp4" if path.endswith(".mp4") else "application/vnd.apple.mpegurl"
        return Asset(b"no film here\n", kind)
    return None


_BAND = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="48" height="48"><rect width="48" height="48" fill="#183460"/>'
    '<path d="M0 48 48 0M-12 12 12-12M36 60 60 36" stroke="#d9a441" stroke-width="6"/></svg>\n'
)
_TYPE = """\
/* The outlet's letters, the same in both dresses. */
body { font: 17px/1.55 Georgia, "DejaVu Serif", serif; color: #1c2330; }
h1, h2, h3, nav, .header, .breadcrumb, .section-latest { font-family: Arial, "DejaVu Sans", sans-serif; }
h1, h2.page-header { font-size: 34px; line-height: 1.2; margin: 12px 0; }
"""
_HOUSE = """\
@import url("type.css");
body { margin: 0; background: #e9ecf1; }
.header { background: #183460 url(/band.svg) right top repeat-y; padding: 14px 90px 14px 24px; overflow: hidden; }
.header .logo img { width: 96px; height: 96px; float: left; margin-right: 24px; border-radius: 12px; }
.header ul { list-style: none; margin: 0; padding: 0; }
.header li { display: inline-block; margin: 4px 14px 4px 0; }
.header a { color: #fff; text-decoration: none; text-transform: uppercase; font-size: 15px; letter-spacing: 1px; }
.row, .container { width: 800px; box-sizing: border-box; float: left; margin: 24px; padding: 24px; background: #fff; }
.breadcrumb, .news-detail, .item-date, .item-tags { color: #5d6b82; font-size: 14px; }
figure { margin: 16px 0; background: #183460; color: #fff; }
figure img { width: 100%; height: 400px; display: block; object-fit: cover; }
figcaption { padding: 10px 14px; font-size: 14px; }
blockquote { margin: 18px 0; padding: 8px 24px; border-left: 8px solid #d9a441; background: #f7f1e3; }
.section-latest { float: left; width: 330px; margin: 24px 0; padding: 18px; background: #24406e; color: #dfe6f2; }
.section-latest a { color: #ffd98a; text-decoration: none; }
.section-latest p { font-size: 13px; }
.topnews-title { font-size: 22px; border-bottom: 4px solid #d9a441; }
.share-box, .roku, .item-tools { background: #dfe6f2; padding: 10px; list-style: none; }
.footer { clear: both; background: #10213d; color: #9fb0cc; padding: 40px 24px; }
.footer a { color: #d9a441; margin-right: 14px; }
"""
_READER = """\
@import "type.css";
body { margin: 0 auto; width: 860px; background: #f7f1e3 url("/band.svg") left top repeat-y; padding-left: 72px; }
#bar { background: #d9a441; padding: 18px; }
#bar ul { list-style: none; padding: 0; }
#bar li { display: inline-block; margin-right: 12px; }
article.story { background: #fffdf7; padding: 24px 40px; border: 1px solid #d9c9a0; }
ol.crumbs, ul.story-tags { list-style: none; padding: 0; color: #806a35; }
ol.crumbs li, ul.story-tags li { display: inline-block; margin-right: 10px; }
figure { margin: 16px 0; }
figure img { width: 100%; height: 380px; display: block; object-fit: cover; }
.section-latest { background: #3a2f16; color: #f2e6c8; padding: 18px 40px; }
.section-latest a { color: #ffd98a; }
footer { background: #d9a441; padding: 18px; }
"""
_STYLES = {"/house.css": _HOUSE, "/reader.css": _READER, "/type.css": _TYPE}


@lru_cache(maxsize=1)
def _logo() -> bytes:
    """A PNG of 96 x 96 pixels: bars in the outlet's colours."""
    size = 96
    colours = (_GOLD, _BLUE, _GREY)
    rows = b"".join(b"\0" + b"".join(bytes(colours[(x // 12 + y // 12) % 3]) for x in range(size)) for y in range(size))
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


# Photos are baseline JPEGs (ITU-T T.81) of flat blocks: each block is its mean value (DC) and an end-of-block.

_ACROSS, _DOWN = 40, 22
_DC_LENGTHS = bytes((0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0))
_DC_CODES = ("00", "010", "011", "100", "101", "110", "1110", "11110", "111110", "1111110", "11111110", "111111110")
_END_OF_BLOCK = "0"


@lru_cache(maxsize=512)
def _photo(path: str) -> bytes:
    """A JPEG of 320 x 176 pixels whose mosaic is made from its path."""
    seed = sha256(path.encode()).digest()
    bits: list[str] = []
    last = [0, 0, 0]
    for y in range(_DOWN):
        for x in range(_ACROSS):
            for part, value in enumerate(_mean(seed, x, y)):
                bits.append(_coded(value - last[part]))
                last[part] = value
    return _framed("".join(bits))


def _mean(seed: bytes, x: int, y: int) -> tuple[int, int, int]:
    """Luminance and two colour differences of a block, each around 0: hills over a slope."""
    tone = (seed[(x // 4) % 16] * (y // 4 + 1) + seed[16 + (y // 3) % 16] * (x // 5 + 1)) % 160
    light = tone - 80 + (2 * y if seed[0] % 2 else -y)
    return max(-127, min(127, light)), seed[1] // 2 - 64, seed[2] // 2 - 64


def _coded(difference: int) -> str:
    size = abs(difference).bit_length()
    extra = difference if difference > 0 else difference + (1 << size) - 1
    return _DC_CODES[size] + (f"{extra:0{size}b}" if size else "") + _END_OF_BLOCK


def _framed(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    # Eights in the quantization table make the coefficient of a flat block its mean.
    tables = _segment(0xDB, b"\0" + bytes([8]) * 64)
    frame = _segment(0xC0, struct.pack(">BHHB", 8, 8 * _DOWN, 8 * _ACROSS, 3) + b"\1\x11\0\2\x11\0\3\x11\0")
    codes = _segment(0xC4, b"\0" + _DC_LENGTHS + bytes(range(12)) + b"\x10" + bytes([1]) + bytes(15) + b"\0")
    scan = _segment(0xDA, b"\3\1\0\2\0\3\0\0\x3f\0")
    jfif = _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    return b"\xff\xd8" + jfif + tables + frame + codes + scan + data + b"\xff\xd9"


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
