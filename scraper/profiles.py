"""Finding and loading outlet profiles: TOML files, by path."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scraper.errors import OutletUnknown, ProfileError, UsageError
from scraper.outlet import Outlet

if TYPE_CHECKING:
    from scraper.config import Config

SHIPPED = Path(__file__).resolve().parents[1] / "spiders" / "outlets"
"""The profiles that come with Presskeep."""

MAX_BYTES = 1_000_000
"""Bytes of a profile."""


def profile_paths(config: Config) -> tuple[Path, ...]:
    """Where profiles are looked for: those shipped, the user's configuration folder, then those that the
    configuration names (PRESSKEEP_PROFILES). Of two profiles of one name the later holds.

    Raises UsageError where there is nothing at a place that the configuration names.
    """
    import platformdirs

    for named in config.profiles:
        if not named.exists():
            raise UsageError("there is no such file or folder", f"PRESSKEEP_PROFILES {named}")
    return (SHIPPED, platformdirs.user_config_path("presskeep") / "outlets", *config.profiles)


def profile_files(paths: Iterable[Path]) -> dict[str, Path]:
    """The profiles' files by outlet name, unread. A path is a folder of profiles or one profile."""
    files: dict[str, Path] = {}
    for path in paths:
        for file in sorted(path.glob("*.toml")) if path.is_dir() else [path] if path.is_file() else []:
            files[file.stem] = file
    return files


def find_outlet(name: str, paths: Sequence[Path]) -> Outlet:
    """The outlet of that name; only its own profile is read. Raises OutletUnknown with the nearest names,
    ProfileError."""
    files = profile_files(paths)
    if name in files:
        return load_outlet(files[name])
    nearest = get_close_matches(name.lower(), files, n=3, cutoff=0.5)
    known = ", ".join(sorted(files)) or "none"
    raise OutletUnknown(
        "no profile has that name",
        name,
        f"Did you mean {' or '.join(nearest)}?" if nearest else f"Known outlets: {known}",
    )


def load_outlets(paths: Iterable[Path]) -> dict[str, Outlet]:
    """All outlets by name. Raises ProfileError for the first profile that cannot be used."""
    return {name: load_outlet(file) for name, file in sorted(profile_files(paths).items())}


def load_outlet(path: Path) -> Outlet:
    """Read, validate and check one profile. Raises ProfileError: file and key, what is wrong, what is right."""
    from pydantic import ValidationError

    from scraper.profile_checks import check_outlet
    from scraper.profile_errors import explain

    data = _inherit(path, _read(path))
    try:
        outlet = Outlet.model_validate(data)
    except ValidationError as error:
        raise explain(path, error) from error
    if outlet.name != path.stem:
        raise ProfileError(
            f"the outlet is called {outlet.name!r}, the file {path.name!r}",
            f"{path}, name",
            f'Name the file {outlet.name}.toml, or write name = "{path.stem}"',
        )
    check_outlet(path, outlet)
    return outlet


def _inherit(path: Path, data: dict[str, Any]) -> dict[str, Any]:
    """Give each template with a `base` what it does not state itself: eras differ in two selectors, not in thirty."""
    templates = data.get("templates")
    if not isinstance(templates, list) or not all(isinstance(template, dict) for template in templates):
        return data
    plain = {template.get("name"): template for template in templates if "base" not in template}
    whole = []
    for index, template in enumerate(templates):
        base = template.get("base")
        if "base" in template and base not in plain:
            names = ", ".join(map(repr, plain)) or "none"
            raise ProfileError(
                f"{base!r} is no template that states everything itself; there are {names}",
                f"{path}, templates[{index}].base",
                'For example: base = "2021"',
            )
        own = {key: value for key, value in template.items() if key != "base"}
        whole.append({**plain.get(base, {}), **own} if base is not None else own)
    return {**data, "templates": whole}


def _read(path: Path) -> dict[str, Any]:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ProfileError("is no file", str(path), "A profile is some kilobytes of TOML")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ProfileError(f"cannot be read: {error.strerror or error}", str(path), "Check the path") from error
    if len(content) > MAX_BYTES:
        raise ProfileError(f"is larger than {MAX_BYTES:,} bytes", str(path), "A profile is some kilobytes of TOML")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ProfileError("is not UTF-8", f"{path}, line {line}", "Save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(
            f"is no TOML: {error}",
            str(path),
            "TOML looks so: title = \"Press TV\"; patterns stand in single quotes: pattern = '/news/(?P<key>\\d+)'",
        ) from error
