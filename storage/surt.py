"""The key under which CDXJ sorts a URL: host reversed, the rest in the one form that web archives look up by.

The form is the one that the Wayback Machine and pywb use (SURT), written from what it does, since the library of that
name is under the AGPL: escapes are taken out until none is left and put in again, as Safe Browsing's canonicalisation
does; `www.` and the default port go; path and query become lower case; session numbers leave the query, which is
sorted; a slash at the end goes. tests/test_surt.py compares it with the library.
"""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from urllib.parse import unquote_to_bytes

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):(.*)", re.DOTALL)
_WITH_HOST = frozenset(("http", "https", "ftp"))
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65535
_BLANKS = " \t\n\r\v\f"
_NO_PART = str.maketrans("", "", "\t\n\r")
_ESCAPED_TWICE = re.compile(rb"%(?:25)+")
_UNSAFE = re.compile(rb"[\x00-\x20\x7f-\xff#%]")
_WWW = re.compile(r"www\d*\.")
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}")
_SESSIONS = tuple(
    re.compile(rf"(.*)(?:{form})(?:&(.*))?")
    for form in (
        "jsessionid=[0-9a-z]{32}",
        "phpsessid=[0-9a-z]{32}",
        "sid=[0-9a-z]{32}",
        "aspsessionid[a-z]{8}=[a-z]{24}",
        "cfid=[^&]+&cftoken=[^&]+",
    )
)
"""Session numbers that frameworks put into the query; each takes out the last of its kind."""
_COOKIELESS = re.compile(r"(.*/)(?:\((?:[a-z]\([0-9a-z]{24}\))+\)/|\([0-9a-z]{24}\)/)([^?]+\.aspx.*)")
"""ASP.NET's session numbers in the path."""


def surt_key(url: str) -> str:
    """The key of a URL. Never raises: what cannot be read as a URL is its own key."""
    text = url.strip(_BLANKS).translate(_NO_PART)
    match = _SCHEME.fullmatch(text)
    scheme, rest = (match[1], match[2]) if match else ("http", text)
    rest = rest.partition("#")[0]
    if scheme.lower() not in _WITH_HOST and not rest.startswith("//"):
        path, _, query = rest.partition("?")
        return f"{scheme}:{_safe(path).removesuffix('/')}{_query(query)}"
    rest = rest.lstrip("/") if scheme.lower() in _WITH_HOST else rest[2:]
    end = min((at for at in map(rest.find, "/?") if at >= 0), default=len(rest))
    path, _, query = rest[end:].partition("?")
    try:
        host = _host(rest[:end], scheme.lower())
    except ValueError:
        return url
    if not host:
        return f"{scheme}:{_path(path) if path or query else ''}{_query(query)}"
    return f"{host}){_path(path)}{_query(query)}"


def _host(authority: str, scheme: str) -> str:
    """The reversed host with its port, where that is not the scheme's own; empty where there is none. ValueError when
    the port is no number."""
    place = authority.rpartition("@")[2]
    if place.startswith("["):
        name, _, after = place[1:].partition("]")
        port_text = after.partition(":")[2]
    else:
        name, _, port_text = place.partition(":")
    port = 0
    if port_text:
        if not (port_text.isascii() and port_text.isdigit()) or int(port_text[:9]) > _HIGHEST_PORT:
            raise ValueError(f"no port: {port_text[:20]}")
        port = int(port_text[:9])
    host = _name(name)
    if not host:
        return ""
    reverse = ",".join(reversed(host.split(".")))
    return reverse if port in (0, _DEFAULT_PORTS.get(scheme)) else f"{reverse}:{port}"


def _name(text: str) -> str:
    name = _unescaped(text).decode("utf-8", "ignore").strip(".").replace("..", ".")
    with suppress(UnicodeError):  # a label that is no name of a host: it is escaped below
        name = name.encode("idna").decode("ascii")  # as IDNA 2003 has it
    name = _address(_escaped(name.encode()).lower())
    www = _WWW.match(name)
    return name[www.end() :] if www else name


def _address(name: str) -> str:
    """An IPv4 address in its usual form, whichever of inet_aton(3)'s decimal and octal ones it came in."""
    if not _NUMBERS.fullmatch(name):
        return name
    if "." not in name:
        number = int(name) % 2**32
        return socket.inet_ntoa(number.to_bytes(4, "big"))
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        return name


def _path(text: str) -> str:
    kept: list[str] = []
    parts = _unescaped(text).split(b"/")[1:] if text else []
    for part in (part.decode("utf-8", "surrogateescape") for part in parts):
        if part == ".." and kept:
            kept.pop()
        elif part != ".":
            kept.append(part)
    path = "/" + "/".join(part for part in kept if part)
    path = _escaped(path.encode("utf-8", "surrogateescape")).lower()
    if match := _COOKIELESS.fullmatch(path):
        path = match[1] + match[2]
    return path


def _query(text: str) -> str:
    """The query in its form, the question mark before it; empty for an empty one."""
    query = _safe(text)
    for pattern in _SESSIONS:
        if match := pattern.fullmatch(query):
            query = match[1] + (match[2] or "")
    parts = sorted(query.split("&"), key=lambda part: part.split("=", 1))
    return "?" + "&".join(parts) if query else ""


def _safe(text: str) -> str:
    return _escaped(_unescaped(text)).lower()


def _unescaped(text: str) -> bytes:
    """The bytes without any escape. `%252525...` is shortened at once, so that hostile text costs few rounds."""
    data, before = text.encode("utf-8", "surrogatepass"), b""
    while data != before:
        data, before = unquote_to_bytes(_ESCAPED_TWICE.sub(b"%", data)) if b"%" in data else data, data
    return data


def _escaped(data: bytes) -> str:
    return _UNSAFE.sub(lambda match: b"%%%02X" % match[0][0], data).decode("ascii")
