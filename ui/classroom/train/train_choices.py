"""The recipes and data sets that the Train page offers, and their groups: by task and capability, never by name."""

from __future__ import annotations

from gan_core import data
from gan_core.data.base import FIELDS, DataSpec
from gan_core.data.recordings import LENGTH, RATE
from gan_core.data.user.references import user_images
from gan_core.errors import BadValue, GanscopeError
from gan_core.gans import Preset, Recipe, recipes
from gan_core.models import lending
from ui.classroom.shell.i18n import N_

SHOWN = (*FIELDS, "super_resolution", "inpainting", "attributes")  # tasks that the page supports
SIZES = (8, 16, 28, 32, 48, 64, 96, 128)  # offered if the networks support any size
NETWORKS, CLASSES, LOSSES, TRANSLATION, POINTS = "networks", "classes", "losses", "translation", "points"
SOUND, LANGUAGE, WORLD = "sound", "language", "world"
OF_TASK = {  # the groups of tasks that aren't only about pictures
    "points": POINTS, "audio": SOUND, "music": SOUND, "sequence": LANGUAGE, "captions": LANGUAGE, "graph": WORLD,
    "video": WORLD, "views": WORLD, "control": WORLD,
}  # fmt: skip
GROUPS = {
    NETWORKS: N_("Networks"),
    CLASSES: N_("Class-conditional"),
    LOSSES: N_("Losses and stabilisers"),
    TRANSLATION: N_("Image-to-image"),
    POINTS: N_("Points in the plane"),
    SOUND: N_("Sound and music"),
    LANGUAGE: N_("Words and language"),
    WORLD: N_("Molecules, motion, space and control"),
}


def offered() -> list[Recipe]:
    """Returns the recipes to choose from, oldest first."""
    return sorted(
        (recipe for recipe in recipes if recipe.task in SHOWN), key=lambda recipe: (recipe.year, recipe.title)
    )


def require_offered(recipe: Recipe) -> None:
    """Raises BadValue for a recipe whose results this page can't show."""
    if recipe.task not in SHOWN:
        raise BadValue(
            "{recipe} generates no samples to show here. Train it on the command line: ganscope train {name}",
            recipe=recipe.title, name=recipe.name,
        )  # fmt: skip


def group_of(recipe: Recipe) -> str:
    """Returns the key of the recipe's group in `GROUPS`."""
    if recipe.task in OF_TASK:
        return OF_TASK[recipe.task]
    if recipe.translations:
        return TRANSLATION
    if recipe.conditional:
        return CLASSES
    first = next(other for other in recipes if other.networks is recipe.networks)
    return NETWORKS if first is recipe else LOSSES  # the same networks with other settings


def grouped() -> dict[str, list[Recipe]]:
    """Returns the offered recipes by group; empty groups are left out."""
    found: dict[str, list[Recipe]] = {group: [] for group in GROUPS}
    for recipe in offered():
        found[group_of(recipe)].append(recipe)
    return {group: members for group, members in found.items() if members}


def presets() -> list[tuple[Recipe, Preset]]:
    """Returns the presets of all offered recipes, quickest first."""
    found = [(recipe, preset) for recipe in offered() for preset in recipe.presets]
    return sorted(found, key=lambda pair: pair[1].seconds)


def presets_to_begin_with() -> list[tuple[Recipe, Preset]]:
    """Returns the beginners' presets whose data are available, quickest first."""
    return [pair for pair in presets() if pair[1].beginner and data.source(pair[1].data).available()]


def fitting_data(recipe: Recipe) -> list[str]:
    """Returns the names of the data sets that the recipe can be trained on."""
    return [source.name for source in data.sources if fits(recipe, source.name)]


def fits(recipe: Recipe, reference: str) -> bool:
    try:
        check(recipe, reference, fitting_size(recipe, reference))
    except GanscopeError:
        return False
    return True


def check(recipe: Recipe, reference: str, size: int) -> None:
    """Raises BadData or BadValue if the recipe can't be trained on such data at this size."""
    recipe.check_data(spec_of(reference, size))


def lenders(recipe: Recipe, reference: str, size: int) -> dict[str, str]:
    """Returns the titles of models that the recipe can borrow from for such data, by name."""
    shelved = {name: card.title for name, card in lending.lenders(recipe, borrower(reference, size)).items()}
    return shelved | dict(recipe.pretrained_part.general if recipe.pretrained_part else {})


def borrower(reference: str, size: int) -> DataSpec:
    """Returns the specification of the borrower's data. User images may be grey, which fits any model."""
    spec = spec_of(reference, size)
    mine = reference not in data.sources and spec.task not in ("points", "audio")
    return spec.in_channels(1) if mine else spec


def spec_of(reference: str, size: int) -> DataSpec:
    """Returns the specification that networks are built for. User images count as labelled until they are read."""
    if reference in data.sources or data.is_points(reference):
        return data.source(reference).spec(size)
    user_set = user_images(reference)
    if user_set and user_set.task == "graph":
        return data.source("molecules").spec(size)
    if user_set and user_set.task == "audio":
        return DataSpec({"wave": (LENGTH,)}, 2, rate=RATE)
    return DataSpec(dict.fromkeys(FIELDS[user_set.task if user_set else "images"], (3, size, size)), 2)


def sizes_for(recipe: Recipe, reference: str) -> tuple[int, ...]:
    fixed = data.size_of(reference)
    return (fixed,) if fixed else recipe.sizes or SIZES


def fitting_size(recipe: Recipe, reference: str) -> int:
    """Returns the best size for a data set: its native size if the networks support it."""
    if fixed := data.size_of(reference):
        return fixed
    native = data.source(reference).size if reference in data.sources else 64
    if recipe.sizes:
        return recipe.fit_size(native)
    return min((size for size in SIZES if size >= native), default=SIZES[-1])
