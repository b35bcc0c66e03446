"""Which recipes and data sets go together, and where recipes are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan_core import data
from gan_core.data.base import DataSet, columns_for
from gan_core.errors import BadData, BadValue
from gan_core.gans import recipes
from gan_core.models import listing
from ui.classroom.shell.grids import pick
from ui.classroom.train import train_choices
from ui.classroom.train.setup import default_setup, from_query, preset_setup, to_query


def test_points_and_images_do_not_mix() -> None:
    for recipe in train_choices.offered():
        for name in train_choices.fitting_data(recipe):
            assert data.source(name).task == recipe.learns_from
    assert "ring8" in train_choices.fitting_data(recipes.get("points"))
    assert "digits" in train_choices.fitting_data(recipes.get("dcgan"))


def test_conditional_recipes_are_offered_labelled_sets_alone() -> None:
    conditional = [recipe for recipe in train_choices.offered() if recipe.conditional]
    assert conditional
    unlabelled = {source.name for source in data.sources if not source.class_names}
    assert unlabelled & set(train_choices.fitting_data(recipes.get("dcgan")))
    assert not any(unlabelled & set(train_choices.fitting_data(recipe)) for recipe in conditional)


def test_every_default_and_preset_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "BUNDLED", Path(listing.__file__).parents[2] / "pretrained")
    for recipe in train_choices.offered():
        default_setup(recipe.name).plan()
        assert recipe.data in train_choices.fitting_data(recipe)
    for recipe, preset in train_choices.presets():
        setup = preset_setup(recipe, preset)
        setup.plan()
        again, problems = from_query(to_query(setup))
        assert not problems
        assert again == setup


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"recipe": "points", "data": "digits"}, "needs {wanted}"),
        ({"recipe": "dcgan", "data": "ring8"}, "needs {wanted}"),
        ({"recipe": "cgan", "data": "avatars"}, "needs a labelled data set"),
        ({"recipe": "points", "size": "28"}, "can't be"),
        ({"recipe": "feature_net"}, "generates no samples"),
    ],
)
def test_a_link_that_does_not_fit_is_reported(query: dict[str, str], said: str) -> None:
    setup, problems = from_query(query)
    assert [problem for problem in problems if said in problem.message]
    setup.plan()


def test_the_settings_of_a_link_are_taken_together() -> None:
    """If they were applied to the defaults one at a time, some would contradict others."""
    query = {"recipe": "progan", "augment": "adaptive", "loss": "non_saturating", "penalty": "r1"}
    setup, problems = from_query(query)
    assert not problems
    assert (setup.hparams["augment"], setup.hparams["loss"]) == ("adaptive", "non_saturating")
    setup, problems = from_query({"recipe": "unrolled_gan", "penalty": "r1", "unroll_steps": "0"})
    assert not problems
    assert setup.hparams["penalty"] == "r1"


def test_own_images_are_for_recipes_of_images() -> None:
    train_choices.check(recipes.get("dcgan"), "folder:/somewhere", 64)
    train_choices.check(recipes.get("pix2pix"), "paired:/somewhere", 64)
    train_choices.check(recipes.get("cyclegan"), "unpaired:/somewhere", 64)
    for name, reference in (("points", "folder:/x"), ("pix2pix", "folder:/x"), ("dcgan", "paired:/x")):
        with pytest.raises(BadData):
            train_choices.check(recipes.get(name), reference, 64)


def test_a_recipe_without_samples_is_not_offered() -> None:
    assert not [recipe for recipe in train_choices.offered() if not recipe.draws and not recipe.translations]
    with pytest.raises(BadValue, match="feature_net"):
        train_choices.require_offered(recipes.get("feature_net"))


def test_recipes_are_found_by_kind_and_year() -> None:
    groups = train_choices.grouped()
    assert [recipe.name for group in groups.values() for recipe in group].count("dcgan") == 1
    assert sorted(recipe.name for group in groups.values() for recipe in group) == sorted(
        recipe.name for recipe in train_choices.offered()
    )
    for members in groups.values():
        assert [recipe.year for recipe in members] == sorted(recipe.year for recipe in members)
    assert recipes.get("dcgan") in groups[train_choices.NETWORKS]
    assert all(recipe.conditional for recipe in groups[train_choices.CLASSES])
    assert all(recipe.task == "points" for recipe in groups[train_choices.POINTS])
    assert all(recipe.translations for recipe in groups[train_choices.TRANSLATION])


def test_presets_to_begin_with_are_of_many_kinds_quickest_first() -> None:
    begin = train_choices.presets_to_begin_with()
    assert 6 <= len(begin) <= 12
    assert len({train_choices.group_of(recipe) for recipe, _preset in begin}) >= 5
    assert "digits_30s" in [preset.name for _recipe, preset in begin]
    seconds = [preset.seconds for _recipe, preset in begin]
    assert seconds == sorted(seconds)
    assert all(data.source(preset.data).available() for _recipe, preset in begin)


@pytest.mark.parametrize(("classes", "columns"), [(0, 8), (2, 8), (3, 6), (4, 8), (5, 5), (10, 10), (16, 16), (17, 8)])
def test_columns_hold_whole_cycles_of_classes(classes: int, columns: int) -> None:
    assert columns_for(classes) == columns


def test_real_images_are_placed_in_the_columns_of_their_class() -> None:
    labels = np.array([0, 1, 1, 0, 0, 1, 0, 1, 0, 1])
    images = np.arange(10, dtype=np.uint8)[:, None, None, None].repeat(3, 1)
    few = DataSet("few", {"real": images, "label": labels}, ("no", "yes"))
    picked = pick(few, 4, 2)[:, 0, 0, 0].reshape(2, 4)
    assert labels[picked].tolist() == [[0, 1, 0, 1]] * 2
    assert len(set(picked.flatten().tolist())) == 8
