"""What keeps an install the same in two years."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pinned() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    requirements = [Requirement(line.removesuffix("\\").strip()) for line in lines if re.match(r"[a-z0-9]", line)]
    applicable = [r for r in requirements if r.marker is None or r.marker.evaluate()]
    return {r.name: str(r.specifier).removeprefix("==") for r in applicable}


def test_what_is_installed_is_what_the_lock_pins() -> None:
    different = {}
    for name, pin in pinned().items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue
        if installed != pin:
            different[name] = (pin, installed)
    assert different == {}


def test_what_uv_installs_is_what_the_lock_pins() -> None:
    """The day alone pins nothing: a registry may show a release days after its files were uploaded."""
    requirements = list(map(Requirement, PROJECT["tool"]["uv"]["constraint-dependencies"]))
    pins = [r for r in requirements if r.marker is None or r.marker.evaluate()]
    constraints = {r.name: str(r.specifier).removeprefix("==") for r in pins}
    assert constraints.items() >= pinned().items()
    for asked in (*PROJECT["project"]["optional-dependencies"].values(), *PROJECT["dependency-groups"].values()):
        names = {canonicalize_name(Requirement(text).name) for text in asked if isinstance(text, str)}
        assert constraints.keys() >= names - {canonicalize_name(PROJECT["project"]["name"])}


def test_every_dependency_is_bounded_and_locked() -> None:
    project = PROJECT["project"]
    for requirement in map(Requirement, project["dependencies"]):
        operators = {clause.operator for clause in requirement.specifier}
        assert {">=", "<"} <= operators, requirement
        assert requirement.name in pinned()
        assert requirement.specifier.contains(pinned()[requirement.name])


@pytest.mark.parametrize(
    ("name", "version", "why"),
    [
        ("lightning", "2.6.2", "malware"),
        ("lightning", "2.6.3", "malware"),
        ("tensorboard", "2.20.0", "its projector reads any file"),
        ("torch", "2.12.0", "CVE-2025-3000"),
        ("filelock", "3.20.2", "CVE-2026-22701"),
        ("pillow", "12.3.0", "CVE-2026-96641"),
        ("onnx", "1.21.0", "crafted models crash it"),
        ("ray", "2.55.0", "CVE-2026-57516"),
        ("mlflow", "3.10.1", "CVE-2026-33865"),
    ],
)
def test_no_version_with_a_known_vulnerability_is_allowed(name: str, version: str, why: str) -> None:
    project = PROJECT["project"]
    everything = [
        *project["dependencies"],
        *(text for texts in project["optional-dependencies"].values() for text in texts),
    ]
    [requirement] = [r for r in map(Requirement, everything) if r.name == name]
    assert version not in requirement.specifier, why


def test_versions_are_resolved_as_of_a_day_and_no_registry_is_named() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", PROJECT["tool"]["uv"]["exclude-newer"])
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "index-url" not in lock
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry) for entry in re.split(r"(?m)^(?=[a-z0-9])", lock)[1:])
    assert "/uv.lock" in (ROOT / ".gitignore").read_text().splitlines()


def test_files_are_short_enough_to_be_read_in_one_sitting() -> None:
    """About 200 lines; no more where a file would have two ideas, and one idea is not split to stay below a number."""
    lengths = {path: len(path.read_text().splitlines()) for path in (ROOT / "src").rglob("*.py")}
    assert {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > 300} == {}
