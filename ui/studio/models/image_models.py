"""The image-to-image models of the Studio: translation, inpainting, super-resolution. Imports no front end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from gan_core.data import sources
from gan_core.errors import BadValue, UnknownName
from gan_core.models import listing
from gan_core.models.card import SAMPLE, Card, read_card
from ui.languages import N_, _
from ui.studio.models import cache
from ui.studio.models.opened import hosted

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gan_core.latent.recognition import Recognition
    from gan_core.models.sampler import Sampler

FILE = "file:"  # prefix of the user's super-resolution files
COMMUNITY = "community"
TRANSLATING = ("paired", "unpaired", "attributes")  # tasks of image-to-image translation


@dataclass(frozen=True, eq=False)
class ImageModel:
    """A model in memory."""

    name: str
    card: Card
    sampler: Sampler
    folder: Path

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return self.sampler.networks

    @property
    def size(self) -> int:
        """Returns height and width of its pictures in pixels."""
        return self.sampler.spec.size

    @property
    def directions(self) -> tuple[str, ...]:
        return tuple(self.sampler.recipe.translations)

    @property
    def strength(self) -> float | None:
        """Returns how much of the change is applied, in [0, 1]; None if that can't be chosen."""
        return getattr(self.sampler.hparams, "strength", None)

    def at(self, strength: float) -> ImageModel:
        """Returns the model with another strength; raises BadValue outside of [0, 1]."""
        sampler = self.sampler
        hparams = replace(sampler.hparams, strength=float(strength))
        return replace(self, sampler=type(sampler)(sampler.recipe, hparams, sampler.spec, sampler.networks))

    def back(self, direction: str) -> str:
        """Returns the reverse direction, "" if there is none."""
        from gan_core.latent.recognition import way_back

        return way_back(self.sampler, direction)

    @cached_property
    def recognition(self) -> Recognition:
        """Returns the detector of unfamiliar pictures and of the direction that suits a picture."""
        import torch

        from gan_core.latent.recognition import Recognition, whole

        known = {}
        for direction in self.directions:
            start, to, _end = direction.partition("_to_")
            some = [taken(self, one) for one in examples(self.card, start if to else "truth")]
            known[direction] = torch.cat(some) if some else None
        return Recognition(whole(self.sampler), known, _discriminators(self))


def _discriminators(chosen: ImageModel) -> dict[str, nn.Module]:
    """Returns, for a model with two directions, the discriminator of each direction's input, if stored."""
    from gan_core.models import loading

    names = {direction: f"discriminator_{direction.partition('_to_')[0]}" for direction in chosen.directions}
    if len(names) < 2:
        return {}
    kept = loading.state_of(chosen.folder, chosen.card).get("networks", {})
    if not set(names.values()) <= set(kept):
        return {}
    built = chosen.sampler.recipe.build(chosen.sampler.hparams, chosen.sampler.spec)
    for name in names.values():
        built[name].load_state_dict(kept[name])
    return {direction: built[name].eval().requires_grad_(False) for direction, name in names.items()}


def image_models(tasks: Sequence[str]) -> dict[str, Card]:
    """Returns the installed models for some tasks and the user's files, by name. Needs no torch."""
    cards, _damaged = listing.survey()
    if not hosted():
        cards |= {f"{FILE}{name}": _card_of(path) for name, path in listing.upscalers().items()}
    return {name: card for name, card in cards.items() if card.task in tasks}


def open_image_model(name: str, tasks: Sequence[str]) -> ImageModel:
    """Returns a model, loaded once; raises UnknownName, BadCheckpoint, or BadValue for one of another task."""
    if not isinstance(name, str):  # an empty selection is a list
        raise UnknownName("model", "", image_models(tasks))
    file = _file(name)
    folder = listing.standing(name) if file is None else file.parent
    card = read_card(folder) if file is None else _card_of(file)
    if card.task not in tasks:
        raise BadValue("{recipe} doesn't support this task.", recipe=card.recipe_title or card.recipe)

    def load() -> ImageModel:
        return _of_file(name, file, card) if file else _of_shelf(name, folder, card)

    model = cache.models.get(name, load, lambda kept: isinstance(kept, ImageModel) and kept.card.sha256 == card.sha256)
    assert isinstance(model, ImageModel)
    return model


def _of_shelf(name: str, folder: Path, card: Card) -> ImageModel:
    from gan_core.models import loading

    return ImageModel(name, card, loading.load(str(folder)), folder)


def _file(name: str) -> Path | None:
    """Returns the user's file of this name; raises UnknownName if it doesn't exist."""
    if not name.startswith(FILE) or hosted():
        return None
    files = listing.upscalers()
    if name.removeprefix(FILE) not in files:
        raise UnknownName("model", name[:60], image_models(("super_resolution",)))
    return files[name.removeprefix(FILE)]


def _of_file(name: str, file: Path, card: Card) -> ImageModel:
    from gan_core.models.community import load_upscaler

    sampler = load_upscaler(file)
    known = replace(card, recipe_title=sampler.recipe.title, hparams={"scale": sampler.hparams.scale})
    return ImageModel(name, known, sampler, file.parent)


def _card_of(file: Path) -> Card:
    """Returns a card for an unread file; `sha256` only distinguishes its versions and isn't a checksum."""
    about = file.stat()
    return Card(
        name=f"{FILE}{file.name}", title=file.stem, recipe=COMMUNITY, data="", size=0, steps=0, images=0, seed=0,
        licence="", origin="", cost="", limits="", sha256=f"{about.st_mtime_ns}-{about.st_size}", bytes=about.st_size,
        parameters={}, hparams={"scale": 0}, fields={}, task="super_resolution",
    )  # fmt: skip


def direction_choices(chosen: ImageModel) -> list[tuple[str, str]]:
    """Returns the labelled directions of a model; several of the same two domains are numbered."""
    name = learnt_from(chosen.card)
    domains = sources.get(name).domains if name in sources else ()
    first, second = domains or (N_("A"), N_("B"))
    forth, back = (f"{_(one)} → {_(other)}" for one, other in ((first, second), (second, first)))
    labels = [back if name.startswith("b_") else forth for name in chosen.directions]
    numbered = [
        f"{label} ({labels[: place + 1].count(label)})" if labels.count(label) > 1 else label
        for place, label in enumerate(labels)
    ]
    return list(zip(numbered, chosen.directions, strict=True))


def learnt_from(card: Card) -> str:
    """Returns the set of pairs that a model was trained on, whether it used the pairs or not."""
    return card.data.rpartition(":")[2].removesuffix("_unpaired")


def examples(card: Card, kind: str) -> list[Image.Image]:
    """Returns held-out pictures of one kind, such as "source", from the sheet next to the model's card."""
    path = listing.standing(card.name) / SAMPLE
    if kind not in card.compared or not path.is_file():
        return []
    with Image.open(path, formats=("PNG",)) as file:
        sheet = file.convert("RGB")
    step = card.size + 1  # pictures on a sheet are one pixel apart
    columns, rows = (sheet.width + 1) // step, (sheet.height + 1) // step
    if (columns * step - 1, rows * step - 1) != sheet.size or columns % len(card.compared):
        return []
    places = [
        (column * step, row * step)
        for row in range(rows)
        for column in range(card.compared.index(kind), columns, len(card.compared))
    ]
    return [sheet.crop((left, top, left + card.size, top + card.size)) for left, top in places]


def unfamiliar_words(times: float) -> str:
    """Returns the warning for a picture that a model doesn't know; `times` as in `Kind`."""
    words = _("**Unlike this model's training images**: {times:.1f} times as far from them as usual, so the result "
              "means little.")  # fmt: skip
    return words.format(times=times)


def taken(chosen: ImageModel, picture: Image.Image) -> Tensor:
    """Converts the centre square of an RGB picture to the model's input, (1, C, size, size) in [-1, 1]."""
    import torch

    from gan_core.pictures.decoding import square

    pixels = square(picture.convert("L") if chosen.sampler.spec.channels == 1 else picture, chosen.size)
    return torch.from_numpy(pixels.copy())[None].float() / 127.5 - 1  # (C, H, W) -> (1, C, H, W)


def made(images: Tensor) -> Image.Image:
    """Converts the first image of (B, C, H, W) in [-1, 1] to a picture."""
    from gan_core.pictures.grids import to_uint8

    pixels = to_uint8(images[:1])[0]
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
