"""Titles of runs with the titles of their recipes and presets, as far as recipes are loaded. Plain text."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from gan_core.runs.store import Run
from ui.classroom.shell import warm
from ui.classroom.shell.i18n import _
from ui.texts import run_title


def recipe_titles() -> Mapping[str, str]:
    """Returns recipe titles by name and preset titles by `recipe/preset`; empty until recipes are loaded."""
    if not warm.is_ready():
        return {}
    recipes = sys.modules["gan_core.gans"].recipes
    presets = {f"{recipe.name}/{preset.name}": preset.title for recipe in recipes for preset in recipe.presets}
    return {recipe.name: recipe.title for recipe in recipes} | presets


def recipe_title(name: str) -> str:
    """Returns the title of a recipe; until recipes are loaded, its name."""
    return _(recipe_titles().get(name, name))


def title_of(run: Run) -> str:
    """Returns the run's name, or its recipe and data."""
    return run_title(run, recipe_titles())


def distinct_titles(runs: Sequence[Run]) -> list[str]:
    """Returns the titles, made unique by the end of the id."""
    titles = [title_of(run) for run in runs]
    return [
        f"{title} ({run.id[-4:]})" if titles.count(title) > 1 else title
        for title, run in zip(titles, runs, strict=True)
    ]
