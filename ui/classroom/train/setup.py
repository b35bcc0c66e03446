"""The setup of a run and its URL form, so that a lesson is a link.

    ?recipe=dcgan&data=digits&size=16&steps=6000&loss=hinge&seed=3

Only knobs that differ from the recipe's defaults, or from the preset's settings, are written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gan_core import data, paths
from gan_core.data.user import places
from gan_core.data.user.references import user_images
from gan_core.errors import BadValue, GanscopeError
from gan_core.gans import Preset, Recipe, recipes
from gan_core.hparams import TrainingHParams
from gan_core.knobs import changed, differences, faults, knobs, read_as
from gan_core.models import lending
from gan_core.runs.spec import RunSpec
from ui.classroom.shell import access
from ui.classroom.shell.knob_widgets import MOST_STEPS, STEPS
from ui.classroom.train.train_choices import borrower, check, fitting_size, presets, require_offered, sizes_for

DEFAULT_RECIPE = "dcgan"
DEFAULT_STEPS = 10_000
RESERVED = frozenset({"lang", "run", "recipe", "preset", "data", "size", "steps"})


@dataclass(frozen=True)
class Setup:
    """Settings of a run before it starts. Invalid input is kept as text and can't be planned."""

    recipe: str
    data: str  # name of a data set, or reference to user images
    size: int  # pixels
    steps: int | str
    preset: str = ""
    hparams: Mapping[str, Any] = field(default_factory=dict)  # all knobs

    @property
    def recipe_object(self) -> Recipe:
        return recipes.get(self.recipe)

    def settings(self) -> TrainingHParams:
        """Returns the checked settings; raises BadValue for conflicting knobs."""
        return self.recipe_object.settings(self.hparams)

    def plan(self) -> RunSpec:
        """Returns the run to start; raises a GanscopeError if something doesn't fit."""
        recipe = self.recipe_object
        settings, steps = self.settings(), self.length()
        require_offered(recipe)
        check(recipe, self.data, self.size)
        lending.check(recipe, settings, lending.widened(recipe, settings, borrower(self.data, self.size)))
        return recipe.plan(opened(self.data), self.size, steps, self.hparams, self.preset)

    def length(self) -> int:
        """Returns the planned steps; raises BadValue."""
        steps: int = read_as("steps", STEPS, int, self.steps)
        return steps

    def invalid_fields(self) -> list[str]:
        """Returns the labels of fields with invalid values."""
        named = [STEPS.label] if isinstance(self.steps, str) else []
        recipe = self.recipe_object
        return named + [knobs(recipe.hparams)[name].label for name in faults(recipe.hparams, self.hparams)]


def base_settings(recipe: Recipe, preset: Preset | None) -> TrainingHParams:
    return recipe.settings(preset.hparams if preset else {})


def default_setup(recipe_name: str = DEFAULT_RECIPE) -> Setup:
    """Returns a recipe with its own data and defaults."""
    recipe = recipes.get(recipe_name)
    size = recipe.fit_size(data.source(recipe.data).size)
    return Setup(recipe.name, recipe.data, size, DEFAULT_STEPS, "", _values(recipe.hparams))


def preset_setup(recipe: Recipe, preset: Preset) -> Setup:
    values = _values(base_settings(recipe, preset))
    return Setup(recipe.name, preset.data, preset.size, preset.steps, preset.name, values)


def _values(hparams: TrainingHParams) -> dict[str, Any]:
    return {name: getattr(hparams, name) for name in knobs(hparams)}


def to_query(setup: Setup) -> dict[str, str]:
    """Returns the query parameters that reproduce the setup; raises BadValue for invalid settings."""
    setup.length()
    recipe = setup.recipe_object
    preset = recipe.preset(setup.preset) if setup.preset else None
    query = {"recipe": setup.recipe}
    if preset:
        query["preset"] = preset.name
    standard = preset_setup(recipe, preset) if preset else default_setup(setup.recipe)
    for name in ("data", "size", "steps"):
        if not preset or getattr(setup, name) != getattr(standard, name):
            query[name] = str(getattr(setup, name))
    changes = differences(base_settings(recipe, preset), setup.settings())
    return query | {name: _text(value) for name, value in changes.items()}


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def from_query(query: Mapping[str, str]) -> tuple[Setup, list[GanscopeError]]:
    """Returns the setup of a link. Invalid parts are reported and replaced by defaults."""
    problems: list[GanscopeError] = []
    recipe = _recipe(query, problems)
    preset = None
    if "preset" in query:
        try:
            preset = recipe.preset(query["preset"])
        except GanscopeError as error:
            problems.append(error)
    standard = preset_setup(recipe, preset) if preset else default_setup(recipe.name)
    reference = _data(query, recipe, standard.data, problems)
    size = standard.size if reference == standard.data else fitting_size(recipe, reference)
    size = _whole(query, "size", size, sizes_for(recipe, reference), problems)
    steps = _whole(query, "steps", standard.length(), range(MOST_STEPS + 1), problems)
    settings = {name: text for name, text in query.items() if name not in RESERVED}
    hparams = _changed(base_settings(recipe, preset), settings, problems)
    return Setup(recipe.name, reference, size, steps, preset.name if preset else "", _values(hparams)), problems


def _changed(hparams: TrainingHParams, settings: Mapping[str, str], problems: list[GanscopeError]) -> TrainingHParams:
    """Applies a link's settings together; if that fails, one by one, keeping the valid ones."""
    try:
        return changed(hparams, settings)
    except GanscopeError:  # one by one, to find the invalid ones
        pass
    for name, text in settings.items():
        try:
            hparams = changed(hparams, {name: text})
        except GanscopeError as error:
            problems.append(error)
    return hparams


def _recipe(query: Mapping[str, str], problems: list[GanscopeError]) -> Recipe:
    if "recipe" not in query:
        named = [recipe for recipe, preset in presets() if preset.name == query.get("preset")]
        return named[0] if named else recipes.get(DEFAULT_RECIPE)
    try:
        recipe = recipes.get(query["recipe"])
        require_offered(recipe)
        return recipe
    except GanscopeError as error:
        problems.append(error)
        return recipes.get(DEFAULT_RECIPE)


def _data(query: Mapping[str, str], recipe: Recipe, standard: str, problems: list[GanscopeError]) -> str:
    asked = query.get("data", standard)
    try:
        asked = opened(asked)
        check(recipe, asked, fitting_size(recipe, asked))
        return asked
    except GanscopeError as error:
        problems.append(error)
        return standard


def _whole(
    query: Mapping[str, str], name: str, standard: int, valid: range | tuple[int, ...], problems: list[GanscopeError]
) -> int:
    text = query.get(name, str(standard))
    if re.fullmatch(r"\d{1,9}", text) and int(text) in valid:
        return int(text)
    if isinstance(valid, range):
        problems.append(
            BadValue(
                "{name} must be between {low} and {high}, got {value}.",
                name=name,
                low=valid[0],
                high=valid[-1],
                value=text,
            )
        )
    else:
        words = ", ".join(map(str, valid))
        problems.append(BadValue("{name} can't be '{value}'. Valid: {valid}.", name=name, value=text, valid=words))
    return standard


def opened(reference: str) -> str:
    """Returns the normalised data reference; raises if it is unknown or not accessible to this visitor, as folders
    are.
    """
    user_set = user_images(reference)
    if user_set is None:
        return data.source(reference).name if data.is_points(reference) else data.sources.get(reference).name
    if user_set.is_upload:
        places.uploaded(user_set.path)
    elif not access.is_owner():
        raise BadValue("Only the owner of this computer can open its folders.")
    return str(user_set)


def of_run(spec: RunSpec, hparams: Mapping[str, Any]) -> Setup:
    """Returns the setup that starts such a run with these settings."""
    return Setup(spec.recipe, _kept(spec.data), spec.size, spec.steps, spec.preset, hparams)


def _kept(reference: str) -> str:
    """Refers to an upload by its file name, also in old runs that used its path."""
    user_set = user_images(reference)
    if user_set and user_set.kind == "zip" and Path(user_set.path).parent == paths.home() / "uploads":
        return str(replace(user_set, kind="upload", path=Path(user_set.path).name))
    return reference
