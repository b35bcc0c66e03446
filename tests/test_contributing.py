"""CONTRIBUTING.md is correct: its steps are done in a copy of the repository, and the tests pass there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_house import ROOT

GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "pretrained", "findings")
PACKAGE = "gan_core/gans/__init__.py"
# `make` sets up an environment from the network: its commands run in the existing one. Of all tests, those of the
# new recipe run, and those that check all files and texts.
MAKE = {
    "make check": ("-m ruff format --check .", "-m ruff check .", "-m mypy gan_core/gans"),
    "make test": (
        "-m pytest -q -p no:cacheprovider -k linear_gan tests/gans tests/training tests/cli tests/test_fields.py",
        "-m pytest -q -p no:cacheprovider tests/test_docs.py tests/test_house.py tests/test_knobs.py "
        "tests/app/test_translations.py tests/app/test_offers.py tests/cli/test_listing.py",
    ),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    (folder / "pretrained").symlink_to(ROOT / "pretrained")
    return folder


def run(copy: Path, arguments: str) -> None:
    """Runs Python with these arguments in the copy, with a state folder of its own."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "GANSCOPE_HOME": str(copy.parent / "state")}
    done = subprocess.run(
        [sys.executable, *arguments.split()], cwd=copy, env=environment, capture_output=True, text=True, timeout=3_000
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout[-6_000:]}\n{done.stderr[-2_000:]}"


def steps(line: str) -> tuple[str, ...]:
    """Returns what a command of the guide runs."""
    if line in MAKE:
        return MAKE[line]
    program, _, words = line.partition(" ")
    return ({"python": words, "ganscope": f"-m gan_core {words}"}[program],)


@pytest.mark.release
@pytest.mark.timeout(3_600)
def test_a_gan_is_added_as_the_guide_says(copy: Path) -> None:
    parts = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.S | re.M)
    named = re.search(r"1\. Write `(gan_core/gans/(\w+)\.py)`", GUIDE)
    assert named
    assert f"2. In `{PACKAGE}`, add `{named.group(2)}` to the import and to `__all__`" in GUIDE
    (copy / named.group(1)).write_text(parts[0][1], encoding="utf-8")
    package = copy / PACKAGE
    text = package.read_text(encoding="utf-8")
    for before in ("    lightweight_gan,\n", '    "lightweight_gan",\n'):
        assert text.count(before) == 1
        text = text.replace(before, before + before.replace("lightweight_gan", named.group(2)))
    package.write_text(text, encoding="utf-8")
    assert [language for language, _ in parts] == ["python", "sh", "sh", "sh"]
    for line in "".join(content for language, content in parts if language == "sh").splitlines():
        for arguments in steps(line):
            run(copy, arguments)
    assert (copy / "docs" / "gans" / f"{named.group(2)}.zh.md").exists()
