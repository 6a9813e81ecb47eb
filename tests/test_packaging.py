"""What the project says of itself holds: its packages, its locks, its README."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from scraper.cli.commands import COMMANDS
from scraper.profiles import SHIPPED

ROOT = Path(__file__).parents[1]
PACKAGES = ("scraper", "spiders", "storage")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOADED_BY_OTHERS = {"lxml-html-clean", "tzdata", "psycopg"}
"""trafilatura imports the first, zoneinfo reads the second, SQLAlchemy loads the third."""


def normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required(lines: list[str]) -> set[str]:
    return {normal(re.split(r"[\[<>=~!; ]", line)[0]) for line in lines}


def imported() -> set[str]:
    """The distributions that our packages import by themselves."""
    homes = packages_distributions()
    names: set[str] = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names.update(alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    tops = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - set(PACKAGES)
    found = {normal(homes[top][0]) for top in tops if top in homes and top not in ("backports", "zope")}
    found |= {
        f"{top}-{name.split('.')[1]}" for name in names for top in ("backports", "zope") if name.startswith(f"{top}.")
    }
    return found


def test_what_is_imported_is_required_and_what_is_required_is_imported() -> None:
    wanted = required(PROJECT["dependencies"])
    used = imported() - {"pydantic-core"}
    of_tools = ("dev", "train")  # tests and benchmarks import what stands there
    extras = {name: lines for name, lines in PROJECT["optional-dependencies"].items() if name not in of_tools}
    optional = required([line for lines in extras.values() for line in lines])
    assert used - wanted - optional - LOADED_BY_OTHERS == set()
    assert (wanted | optional) - used - LOADED_BY_OTHERS == set()


def test_every_direct_dependency_has_a_lower_bound() -> None:
    lines = PROJECT["dependencies"] + [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    assert [line for line in lines if ">=" not in line and not line.startswith("presskeep[")] == []


@pytest.mark.parametrize("name", ["core", "dev", "installer"])
def test_locks_hold_hashes_for_everything_and_no_addresses(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    pinned = re.findall(r"^[a-z0-9][^\n]*==[^\n]*\n", text, re.MULTILINE)
    assert pinned
    assert re.findall(r"^[a-z0-9][^\n]*==[^\\\n]*\n", text, re.MULTILINE) == []
    assert not re.search(r"https?://|^--index|^--find|^--extra-index", text, re.MULTILINE)


def test_locks_hold_every_direct_dependency() -> None:
    for name, lines in (("core", PROJECT["dependencies"]), ("dev", PROJECT["optional-dependencies"]["dev"])):
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        pinned = {normal(found) for found in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", text, re.MULTILINE)}
        assert required(lines) - {"presskeep"} - pinned == set()


def test_the_wheel_holds_our_packages_with_profiles_and_migrations_alone(tmp_path: Path) -> None:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, which builds the wheel, is not in this environment (make dev installs it)")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "-w", str(tmp_path), str(ROOT)], check=True, timeout=100)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert {f"spiders/outlets/{file.name}" for file in SHIPPED.glob("*.toml")} <= set(names)
    assert any(re.fullmatch(r"storage/migrations/versions/0001_\w+\.py", name) for name in names)
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_commands_that_the_docs_name_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    named = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for command in re.findall(r"(?:^ {4}|`)presskeep ([a-z]+)", text, re.MULTILINE):
            named += 1
            assert command in COMMANDS, f"{page.name}: presskeep {command}"
        for target in re.findall(r"(?:^ {4}|`)make ([a-z]+)", text, re.MULTILINE):
            named += 1
            assert target in targets, f"{page.name}: make {target}"
    assert named > 30


def test_options_that_the_readme_names_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    kept = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    options = {
        found for line in re.findall(r"presskeep [^\n`]*", text) for found in re.findall(r"--[a-z][a-z-]+", line)
    }
    assert options
    assert {option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", kept)} == set()


def test_links_between_our_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_setting_is_documented() -> None:
    from dataclasses import fields

    from scraper.config import Config

    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert [field.name for field in fields(Config) if f"| {field.name} |" not in text] == []
