"""Every setting of Presskeep, read once: flags over environment over file over default."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scraper.errors import UsageError

PREFIX = "PRESSKEEP_"
_LARGEST = 2**62
_DAY_SECONDS = 86_400
_RANGES: dict[str, tuple[int, int]] = {
    "workers": (1, 1000),
    "request_timeout": (0, _DAY_SECONDS),
    "page_seconds": (0, _DAY_SECONDS),
    "min_free_bytes": (0, _LARGEST),
    **dict.fromkeys(
        (
            "page_memory", "max_wire_bytes", "max_head_bytes", "max_page_bytes",
            "media_article_count", "media_article_bytes", "media_run_count", "media_run_bytes",
        ),
        (1, _LARGEST),
    ),
}  # fmt: skip
"""The least and the most of each number: less or more is a slip, and would be found out in mid-run."""
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_CONTACT = re.compile(r"(?:mailto:)?[^\s@<>()]+@[^\s@<>()]+|https?://[^\s<>()]+")
"""What goes into User-Agent, so that whoever is asked can reach whoever asks."""
_BOOLEANS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off", ""), False),
}


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one run. Times are seconds, sizes bytes.

    `database` is None for SQLite in the archive's folder. `resolve` holds HOST:PORT:ADDRESS and `connect_to`
    HOST1:PORT1:HOST2:PORT2 as in curl(1). `now` is PRESSKEEP_NOW: an ISO instant, or `leap:INSTANT`.
    `workers` is the number of extraction processes. `time_stamp_authority` is the URL of a server that stamps the
    manifests of runs (RFC 3161), `time_stamp_ca` the PEM certificates by which its signatures are checked.
    `pywb` is the program that replays pages. `media` keeps what article pages need to look as they did; how many
    requests and bytes that may take, for one article and for one run, say the settings after it. `min_free_bytes` of
    the archive's disk stay free: a crawl stops before. `log_format` is `text`, or `json` for one object a line.
    """

    archive: Path
    database: str | None = None
    contact: str | None = None
    ca_file: Path | None = None
    allow_private: bool = False
    resolve: tuple[str, ...] = ()
    connect_to: tuple[str, ...] = ()
    proxy: str | None = None
    ignore_robots: bool = False
    user_agent: str | None = None
    profiles: tuple[Path, ...] = ()
    workers: int = 2
    time_stamp_authority: str | None = None
    time_stamp_ca: Path | None = None
    pywb: Path | None = None
    media: bool = False
    media_article_count: int = 200
    media_article_bytes: int = 30_000_000
    media_run_count: int = 50_000
    media_run_bytes: int = 5_000_000_000
    now: str | None = None
    request_timeout: float = 30.0
    max_wire_bytes: int = 16_000_000
    max_head_bytes: int = 65_536
    max_page_bytes: int = 16_000_000
    page_seconds: float = 20.0
    page_memory: int = 1_000_000_000
    min_free_bytes: int = 200_000_000
    log_level: str = "WARNING"
    log_format: str = "text"


def load_config(
    flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None, file: Path | None = None
) -> Config:
    """Read the settings. `flags` holds what the command line gave; None and empty tuples in it count as not given.

    In the environment, lists are divided by white space, folders as in PATH.

    `environment` is the process's by default, `file` the one that PRESSKEEP_CONFIG names, else `config.toml` in the
    user's configuration folder; that one need not exist. Raises UsageError for a setting that cannot be read.
    """
    environment = os.environ if environment is None else environment
    values = {**_from_file(file, environment), **_from_environment(environment)}
    values |= {name: value for name, value in (flags or {}).items() if value is not None and value != ()}
    if "archive" not in values:
        values["archive"] = default_archive()
    config = Config(**values)
    _check(config)
    return config


def default_archive() -> Path:
    """The folder of the archive where none is named: in the user's data folder."""
    from platformdirs import user_data_path

    return user_data_path("presskeep", appauthor=False)


def config_folder() -> Path:
    """The user's configuration folder, which need not exist."""
    from platformdirs import user_config_path

    return user_config_path("presskeep", appauthor=False)


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Settings from PRESSKEEP_*; an empty one counts as not given."""
    values = {}
    for field in fields(Config):
        name = PREFIX + field.name.upper()
        text = environment.get(name, "")
        if text:
            values[field.name] = _read(field.name, str(field.type), text, name)
    return values


def read_table(file: Path | None = None, environment: Mapping[str, str] | None = None) -> tuple[Path, dict[str, Any]]:
    """The configuration file's path and its content; empty where it is not there and nobody named it.

    Raises UsageError where it is named and missing, or cannot be read.
    """
    import tomllib

    environment = os.environ if environment is None else environment
    named = file or (Path(environment["PRESSKEEP_CONFIG"]) if environment.get("PRESSKEEP_CONFIG") else None)
    path = named or config_folder() / "config.toml"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if named is None:
            return path, {}
        raise UsageError("there is no such file", str(path), "Name another by PRESSKEEP_CONFIG.") from None
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", str(path)) from error
    try:
        return path, tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"is no TOML file: {error}", str(path)) from error


def _from_file(file: Path | None, environment: Mapping[str, str]) -> dict[str, Any]:
    path, table = read_table(file, environment)
    types = {field.name: str(field.type) for field in fields(Config)}
    values = {}
    for name, value in table.items():
        which = f"{path}: {name}"
        if name == "jobs":
            continue  # scraper.jobs reads them
        if name not in types:
            near = get_close_matches(name, types, 1)
            raise UsageError("there is no such setting", which, f"Did you mean {near[0]}?" if near else "")
        values[name] = _read(name, types[name], value, which, folder=path.parent)
    return values


def _read(name: str, kind: str, value: Any, which: str, folder: Path | None = None) -> Any:
    """A setting's value from text or TOML, by the type that its field has. Paths in a file count from its folder."""
    base = kind.removesuffix(" | None")
    if base.startswith("tuple["):
        divider = os.pathsep if "Path" in base else None
        items = value.split(divider) if isinstance(value, str) else value
        if not isinstance(items, list):
            raise UsageError(f"{value!r} is no list", which, 'For example: ["one", "two"]')
        return tuple(_read(name, base[6:].removesuffix(", ...]"), item, which, folder) for item in items)
    if base == "Path" and isinstance(value, str):
        path = Path(value).expanduser()
        return folder / path if folder else path
    if base == "bool" and isinstance(value, bool | str):
        if not isinstance(value, str):
            return value
        if value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
    elif base == "str" and isinstance(value, str):
        return value
    elif base in ("int", "float") and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return int(value) if base == "int" else float(value)
        except (ValueError, OverflowError):
            pass  # said below, with what is right
    right = {"bool": "true or false", "int": "a whole number", "float": "a number"}.get(base, "text")
    raise UsageError(f"{value!r} is not {right}", which)


def _check(config: Config) -> None:
    """Refuse values that nothing could work with."""
    for name, (least, most) in _RANGES.items():
        value = getattr(config, name)
        if not least <= value <= most or (isinstance(value, float) and not value):
            bound = "0 or more" if name == "min_free_bytes" else "above 0"
            right = f"It must be {bound}." if most == _LARGEST else f"It must be {bound}, and at most {most:,}."
            raise UsageError(f"{value} is out of range", f"setting {name}", right)
    if config.log_level.upper() not in LOG_LEVELS:
        right = f"One of: {', '.join(LOG_LEVELS)}."
        raise UsageError(f"{config.log_level!r} is no level", "PRESSKEEP_LOG_LEVEL", right)
    if config.log_format not in ("text", "json"):
        raise UsageError(f"{config.log_format!r} is no form of log lines", "setting log_format", "It is text or json.")
    if config.ca_file is not None and not config.ca_file.is_file():
        raise UsageError("there is no such file", f"--ca-file {config.ca_file}", "Give a file of PEM certificates.")
    if config.time_stamp_ca is not None and not config.time_stamp_ca.is_file():
        which = f"--time-stamp-ca {config.time_stamp_ca}"
        raise UsageError("there is no such file", which, "Give a file of PEM certificates.")
    if config.proxy is not None:
        _check_proxy(config.proxy)
    if config.time_stamp_authority is not None:
        _check_authority(config.time_stamp_authority)
    if config.contact is not None and not _CONTACT.fullmatch(config.contact):
        which, example = f"--contact {config.contact!r}", "For example: --contact you@example.org"
        raise UsageError("is neither an e-mail address nor the URL of a page", which, example)


def _check_proxy(proxy: str) -> None:
    """A proxy is asked by HTTP; its URL may hold a password, so that only what stands behind it is said."""
    example = "For example: --proxy http://proxy.example.org:3128"
    shown = f"--proxy {proxy.rpartition('@')[2]}"
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError("is no URL", shown, example) from None
    if parts.scheme != "http" or not host or not proxy.isascii() or not proxy.isprintable() or " " in proxy:
        raise UsageError("is no URL of an HTTP proxy", shown, example)


def _check_authority(url: str) -> None:
    """The URL of a time-stamp server goes into the archive as it stands, so that it may hold no password."""
    which = f"--time-stamp-authority {url}"
    example = "For example: --time-stamp-authority https://stamps.example.org/tsr"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError("is no URL", which, example) from None
    if parts.scheme not in ("http", "https") or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError("is no URL of http or https", which, example)
    if "@" in parts.netloc:
        which = f"--time-stamp-authority {parts.scheme}://{host}"
        raise UsageError("is not asked with a user name in its URL", which, example)
