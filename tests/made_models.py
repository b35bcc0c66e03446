"""Models on the shelf, made in an instant: a few steps at the tiny size."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core import data, paths
from gan_core.models.card import Card

if TYPE_CHECKING:
    from gan_core.data.base import DataSpec
    from gan_core.gans import Recipe
    from gan_core.models.publishing import Shown
    from gan_core.models.sampler import Sampler

LIMITS = "It has learnt next to nothing."


def make_model(name: str, reference: str = "digits", folder: Path | None = None, **changes: Any) -> Card:
    """`RECIPE.ANYTHING` after two steps, on the user's shelf or in a folder."""
    from gan_core.gans import recipes
    from gan_core.knobs import to_dict
    from gan_core.models import publishing
    from gan_core.training.trainer import Trainer

    recipe = recipes.get(name.partition(".")[0])
    source = data.source(reference)
    hparams = recipe.settings(to_dict(recipe.tiny) | changes)
    trainer = Trainer(recipe, hparams, data.load(reference, recipe.fit_size(8)))
    for _step in range(2):
        trainer.train_step()
    trainer.ema.refresh()
    state = trainer.state_dict() | {
        "recipe": recipe.name,
        "hparams": to_dict(hparams),
        "spec": trainer.spec.to_state(),
    }
    words = publishing.Words(f"Tiny {recipe.title}", "CC0-1.0", f"{source.title}. {source.about}", "a blink", LIMITS)
    place = folder or paths.home() / "models" / name
    show = partial(_translating, reference) if recipe.translations else publishing.samples
    attributes = source.attributes if recipe.task == "audio" else {}
    return publishing.publish(state, name, words, source.class_names, reference, place, False, attributes, show)


def _translating(reference: str, sampler: Sampler) -> Shown:
    from gan_core.models.publishing import Shown
    from gan_core.pictures.grids import png
    from gan_core.training.comparing import compared, unseen

    return Shown(png(compared(sampler, unseen(sampler.recipe, reference, sampler.spec.size))))


def make_lender(recipe: Recipe) -> Card:
    """The model that a recipe borrows from at its tiny size."""
    assert recipe.pretrained_part
    name = getattr(recipe.tiny, recipe.pretrained_part.knob)
    if recipe.pretrained_part.task == "matching":
        return make_reader(name, recipe.fit_size(8))
    return make_seer(name, channels=1) if recipe.pretrained_part.task == "supervised" else make_model(name)


def make_reader(name: str, size: int) -> Card:
    """A CLIP of grey pictures and of sentences of five words, with random weights, on the user's shelf."""
    from gan_core.data.avatars.sentences import VOCABULARY
    from gan_core.data.base import DataSpec

    return _untrained(name, "clip", DataSpec({"real": (1, size, size), "caption": (2, 5)}, vocabulary=VOCABULARY))


def make_drawer(name: str, size: int = 16, **changes: Any) -> Card:
    """A StackGAN of grey pictures and of sentences of 32 words, with random weights, on the user's shelf."""
    from gan_core.data.avatars.sentences import LENGTH, VOCABULARY
    from gan_core.data.base import DataSpec

    spec = DataSpec({"real": (1, size, size), "caption": (2, LENGTH)}, vocabulary=VOCABULARY)
    return _untrained(name, "stackgan", spec, **changes)


def make_medium(name: str, folder: Path | None = None) -> Card:
    """`RECIPE.ANYTHING` for samples that aren't pictures, with random weights, on the user's shelf or in a folder."""
    from gan_core.data.base import DataSpec

    spec = {
        "specgan": DataSpec({"wave": (8192,)}, classes=2, class_names=("0", "1"), rate=8000),
        "text_mle": DataSpec({"tokens": (6,)}, vocabulary=("", *"0123456789+=")),
        "musegan": DataSpec({"voices": (4, 32)}),
        "molgan": DataSpec({"molecule": (9, 9)}),
        "mocogan": DataSpec({"frames": (1, 4, 8, 8)}, rate=12),
    }[name.partition(".")[0]]
    return _untrained(name, name.partition(".")[0], spec, spec.class_names, folder)


def make_seer(name: str, channels: int = 3, size: int = 8, folder: Path | None = None) -> Card:
    """A feature net with random weights, on the user's shelf or in a folder."""
    from gan_core.data.base import DataSpec

    return _untrained(name, "feature_net", DataSpec({"real": (channels, size, size)}, classes=2), ("a", "b"), folder)


def _untrained(
    name: str,
    recipe_name: str,
    spec: DataSpec,
    classes: tuple[str, ...] = (),
    folder: Path | None = None,
    **changes: Any,
) -> Card:
    from PIL import Image

    from gan_core.gans import recipes
    from gan_core.knobs import changed, to_dict
    from gan_core.models import publishing
    from gan_core.pictures.grids import png

    recipe = recipes.get(recipe_name)
    hparams = changed(recipe.tiny, changes)
    weights = {name: network.state_dict() for name, network in recipe.build(hparams, spec).items()}
    state = {
        "recipe": recipe.name, "hparams": to_dict(hparams), "spec": spec.to_state(), "step": 0, "images_seen": 0,
        "average": weights, "networks": weights,
    }  # fmt: skip
    words = publishing.Words("Tiny judge", "CC0-1.0", "Nothing", "a blink", LIMITS)
    place = folder or paths.home() / "models" / name
    shown = publishing.Shown(png(Image.new("L", (1, 1))))
    return publishing.publish(state, name, words, classes, "nothing", place, half=False, show=lambda sampler: shown)
