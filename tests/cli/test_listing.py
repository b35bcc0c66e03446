"""Lists without a subcommand, consistent keys in all JSON answers, and lists without importing torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gan_core.cli import recipe_index
from tests.cli.commands import ok, refused
from tests.made_models import make_model
from tests.test_house import ROOT

LISTS = ("recipes", "models", "runs", "data")
QUICK = ("recipes list", "recipes --json", "models list", "runs list", "data list --json")
MOST = 1.2  # times the cost of --help
HEAVY = ("torch", "torchvision", "scipy", "pandas")

# a small process that starts the commands one by one, because the peak of a forked process includes its parent's
MEASURED = """
import json, os, subprocess, sys
for words in json.loads(sys.argv[1]):
    process = subprocess.Popen([sys.executable, "-m", "gan_core", *words.split()], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, words
    print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""

# the modules of each command, in a fork of a process that has just started
LOADED = """
import json, os, sys, contextlib
from gan_core.cli import main
for words in json.loads(sys.argv[1]):
    if not os.fork():
        sys.argv[1:] = words.split()
        with contextlib.redirect_stdout(None), contextlib.suppress(SystemExit):
            main()
        os.write(1, (json.dumps([*sys.modules]) + "\\n").encode())
        os._exit(0)
    assert os.wait()[1] == 0, words
"""


def answer(*words: object) -> Any:
    return json.loads(ok(*words, "--json"))


@pytest.mark.parametrize("group", LISTS)
def test_a_group_without_a_subcommand_lists(group: str) -> None:
    assert answer(group) == answer(group, "list")
    assert ok(group) == ok(group, "list")
    assert f"ganscope {group} list ... --json" in refused(2, group, "--json", "list")


def test_the_same_thing_has_the_same_key(tmp_path: Path) -> None:
    """A run, a model, a recipe, a data set, the steps, the images seen and the classes."""
    trained = answer("train", "cgan", "--data", "digits", "--size", "8", "--steps", "2", "--set", "channels=4")
    listed, shown = answer("runs")[0], answer("runs", "show", "latest")
    sampled = answer("sample", "latest", "-n", "4", "-o", tmp_path / "a.png")
    film = answer("export-history", "latest", "-o", tmp_path / "a.gif", "--size", "64")
    assert {one["run"] for one in (trained, listed, shown, sampled)} == {*film["runs"]}
    assert {one["steps"] for one in (trained, listed, shown, sampled)} == {2}
    assert trained["classes"] == shown["classes"] == answer("data", "show", "digits")["classes"]
    assert listed["images_seen"] == shown["images_seen"] > 0
    make_model("cgan.tiny")
    model = answer("models", "show", "cgan.tiny")
    assert answer("models") == [model]
    assert {"images_seen", "steps", "classes", "recipe", "data", "size"} <= model.keys() & {*shown, *listed, "classes"}
    assert model["model"] == answer("sample", model["model"], "-n", "1", "-o", tmp_path / "b.png")["model"]
    recipe = next(one for one in answer("recipes") if one["recipe"] == model["recipe"])
    assert recipe.items() <= answer("recipes", "show", model["recipe"]).items()
    assert {"digits"} == {
        one["data"] for one in (listed, answer("data", "load", "digits"), answer("data", "get", "digits"))
    }
    for found in (trained, listed, shown, sampled, film, model, recipe):
        assert not found.keys() & {"id", "step", "class_names", "images"}


def printed(code: str, commands: tuple[str, ...]) -> list[str]:
    """The lines printed by a process that gets the commands."""
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(commands)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def costs(*commands: str) -> list[tuple[float, ...]]:
    """Processor seconds and peak memory of each command, in a process of its own."""
    return [tuple(map(float, line.split())) for line in printed(MEASURED, commands)]


def least(one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(map(min, one, other))


@pytest.fixture(scope="module")
def measured() -> dict[str, tuple[float, ...]]:
    """The minimum that each command took so far."""
    return dict(zip(("--help", *QUICK), costs("--help", *QUICK), strict=True))


def test_lists_load_little_more_than_help() -> None:
    help, *lists = (json.loads(line) for line in printed(LOADED, ("--help", *QUICK)))
    for words, modules in zip(QUICK, lists, strict=True):
        assert not {*HEAVY} & {*modules}, words
        assert len(modules) <= MOST * len(help), (words, sorted({*modules} - {*help}))


@pytest.mark.release  # times are noisy on busy machines; CI counts modules above
@pytest.mark.parametrize("words", QUICK)
def test_lists_cost_no_more_than_help(words: str, measured: dict[str, tuple[float, ...]]) -> None:
    """Other work on the machine can only make a process slower: the minimum of several calls counts."""
    for _ in range(6):
        shares = [mine / help for mine, help in zip(measured[words], measured["--help"], strict=True)]
        if max(shares) <= MOST:
            return
        for command, cost in zip(("--help", words), costs("--help", words), strict=True):
            measured[command] = least(measured[command], cost)
    raise AssertionError(shares)


def test_an_index_of_other_sources_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe_index, "INDEX", tmp_path / "index.json")
    assert recipe_index.read() == []
    recipe_index.write()
    written = recipe_index.read()
    assert written == recipe_index.imported()
    monkeypatch.setattr(recipe_index, "checksum", lambda: "of other sources")
    assert recipe_index.read() == []
    assert recipe_index.all_facts() == written
    (tmp_path / "index.json").write_text("cut off")
    assert recipe_index.read() == []
