"""Imports generators that were trained with junyanz/pytorch-CycleGAN-and-pix2pix, with CUT's own code, or with Keras,
as models on the user's shelf.

One file is one direction: a ResNet as in CycleGAN or CUT becomes CUT's generator, which is the same network, and any
other one pix2pix's. Two files, for both directions, become a CycleGAN. A generator of Keras that draws from latents
becomes a `sequential` (keras.py). Afterwards they are models like any other: in the Studio, on the command line, and as
a start for training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_core import data
from gan_core.data.base import DataSpec
from gan_core.data.batches import to_device
from gan_core.errors import BadCheckpoint, BadData, BadValue
from gan_core.files import sha256_of
from gan_core.fitting import fill
from gan_core.gans import Recipe, recipes
from gan_core.models import publishing
from gan_core.models.card import Card
from gan_core.models.foreign import Kind, kind_of, load_foreign
from gan_core.models.naming import place_of
from gan_core.models.publishing import Shown, Words
from gan_core.models.sampler import Sampler
from gan_core.models.weight_files import read_weights
from gan_core.pictures.decoding import square
from gan_core.pictures.grids import png
from gan_core.pictures.photos import sample_photo
from gan_core.shelf.keras import read_generator
from gan_core.training.comparing import compared, unseen

SIZE = 256  # pixels of those networks' training images
PHOTOS = ("flower.jpg", "china.jpg")
N_LIMITS = "Unknown: trained elsewhere and not evaluated here."
N_UNTOLD = "not stated in the file"


@dataclass(frozen=True)
class Provenance:
    """Facts that the file lacks; "" leaves one unknown."""

    title: str = ""
    licence: str = ""
    data: str = ""  # the name of the data set that it was trained on, from its first domain to its second
    backwards: bool = False  # it translates from the second domain to the first, like zebra2horse


def import_generators(files: Sequence[Path], name: str, stated: Provenance | None = None, size: int = 0) -> Card:
    """Imports the generator of one file, or those of two (a to b, then b to a), to the user's shelf as `name`.

    `size` is the side of its pictures in pixels (0: 256, or the size that its U-Net needs). Raises BadValue for a name
    that is invalid or taken, or files that don't belong together, BadCheckpoint if they hold no known generator,
    UnknownName or BadData if it can't have been trained on `stated.data`, StoreError.
    """
    stated = stated or Provenance()
    folder = place_of(name)
    if not 1 <= len(files) <= 2:
        raise BadValue("Give one file for one direction, or two for both directions, not {count}.", count=len(files))
    weights = [read_weights(file) for file in files]
    kinds = [kind_of(each) for each in weights]
    recipe, changes = _recipe(kinds)
    pixels = _pixels(recipe, kinds[0], size)
    hparams = recipe.settings(changes)
    spec = DataSpec(dict.fromkeys(_fields(recipe), (kinds[0].image_channels, pixels, pixels)))
    networks = recipe.build(hparams, spec)
    for network, each in zip(recipe.ema_networks, weights, strict=True):
        load_foreign(networks[network], each)
    states = {network: networks[network].state_dict() for network in recipe.ema_networks}
    state: dict[str, Any] = {
        "recipe": recipe.name, "hparams": changes, "spec": spec.to_state(), "step": 0, "images_seen": 0,
        "average": states, "networks": states,
    }  # fmt: skip
    learnt = _learnt(stated, files[0].stem, recipe, spec)
    sums = ", ".join(f"{file.name} (sha256 {sha256_of(file)[:16]})" for file in files)
    origin = f"{data.source(learnt).title}. {data.source(learnt).about}" if learnt else N_UNTOLD
    words = Words(
        stated.title or name, stated.licence or N_UNTOLD, origin, f"trained elsewhere; read from {sums}", N_LIMITS
    )
    shown = "" if stated.backwards else learnt  # its domains would be confused
    return publishing.publish(state, name, words, (), shown, folder, half=False, show=lambda made: _shown(made, shown))


def import_keras(file: Path, name: str, stated: Provenance | None = None) -> Card:
    """Imports the generator of a Keras file to the user's shelf as `name`.

    Raises BadValue for a name that is invalid or taken, BadCheckpoint if the file holds no readable generator,
    UnknownName or BadData if it can't have been trained on `stated.data`, StoreError.
    """
    stated = stated or Provenance()
    folder = place_of(name)
    found = read_generator(file)
    recipe = recipes.get("sequential")
    changes = {"layers": found.layers, "latent_size": found.latent_size}
    spec = DataSpec({"real": found.shape})
    if stated.data:
        _learnt(stated, file.stem, recipe, spec)
    states = {"generator": dict(found.weights)}
    fill(recipe.build(recipe.settings(changes), spec)["generator"], states["generator"])
    state: dict[str, Any] = {
        "recipe": recipe.name, "hparams": changes, "spec": spec.to_state(), "step": 0, "images_seen": 0,
        "average": states, "networks": states,
    }  # fmt: skip
    origin = f"{data.source(stated.data).title}. {data.source(stated.data).about}" if stated.data else N_UNTOLD
    cost = f"trained elsewhere; read from {file.name} (sha256 {sha256_of(file)[:16]})"
    words = Words(stated.title or name, stated.licence or N_UNTOLD, origin, cost, N_LIMITS)
    return publishing.publish(state, name, words, (), stated.data, folder, half=False)


def _learnt(stated: Provenance, stem: str, recipe: Recipe, spec: DataSpec) -> str:
    """The given data set, or the one in the file's name; "" for none. Raises UnknownName or BadData."""
    if stated.data:
        found = data.source(stated.data).spec(spec.size)
        recipe.check_data(found)
        if found.channels != spec.channels:
            raise BadData(
                "The network takes images with {taken} channels, but those of {data} have {given}.",
                taken=spec.channels, data=stated.data, given=found.channels,
            )  # fmt: skip
        return stated.data
    fits = stem in data.sources and data.source(stem).spec(spec.size).fields == spec.fields
    return stem if fits else ""


def _recipe(kinds: Sequence[Kind]) -> tuple[Recipe, Mapping[str, Any]]:
    """The recipe that has such generators, and the settings for the same networks."""
    kind = kinds[0]
    if kind.image_channels not in (1, 3):
        raise BadCheckpoint(
            "These weights take images with {channels} channels. Valid: 1 or 3.", channels=kind.image_channels
        )
    if any(other != kind for other in kinds):
        raise BadCheckpoint("The two files hold different networks: {one} and {other}.", one=kind, other=kinds[1])
    plain = kind.network == "resnet" and kind.norm == "instance" and not kind.dropout
    blurs = kind.blur != "none"
    same = {"channels": kind.channels}
    if len(kinds) == 2:
        if not plain or blurs:
            raise BadCheckpoint(
                "Two files must hold ResNet generators with instance norm and without anti-aliasing (blur) layers, "
                "as in CycleGAN."
            )
        return recipes.get("cyclegan"), same | {"blocks": kind.depth}
    if plain:
        return recipes.get("cut"), same | {"blocks": kind.depth} | ({"blur": kind.blur} if blurs else {})
    if blurs:
        raise BadCheckpoint(
            "These weights are of an anti-aliased ResNet with batch norm or dropout. Only anti-aliased ResNets with "
            "instance norm and without dropout are supported."
        )
    blocks = {"blocks": kind.depth, "dropout": 0.5 if kind.dropout else 0.0} if kind.network == "resnet" else {}
    return recipes.get("pix2pix"), same | blocks | {"generator_kind": kind.network, "norm": kind.norm}


def _pixels(recipe: Recipe, kind: Kind, size: int) -> int:
    valid = (2**kind.depth,) if kind.network == "unet" else tuple(one for one in recipe.sizes if one >= 32)
    if valid[0] not in recipe.sizes:
        raise BadCheckpoint("These weights need images of {size} pixels; at most 256 is supported.", size=valid[0])
    wanted = size or (valid[0] if kind.network == "unet" else SIZE)
    if wanted not in valid:
        raise BadValue(
            "This network doesn't take images of {size} pixels. Valid: {valid}.",
            size=wanted, valid=", ".join(map(str, valid)),
        )  # fmt: skip
    return wanted


def _fields(recipe: Recipe) -> tuple[str, str]:
    return ("source", "target") if recipe.task == "paired" else ("a", "b")


def _shown(sampler: Sampler, learnt: str) -> Shown:
    """Held-out images of its data set if that is available; else arbitrary photos."""
    if learnt in data.sources and data.source(learnt).available():
        return Shown(png(compared(sampler, unseen(sampler.recipe, learnt, sampler.spec.size))))
    drawn = np.stack(list(_photos(sampler.spec.size)))  # (N, 3, H, W)
    if sampler.spec.channels == 1:
        drawn = drawn.mean(1, keepdims=True).astype(np.uint8)
    images: Tensor = to_device(torch.from_numpy(drawn), torch.device("cpu"))
    batch = dict.fromkeys(_fields(sampler.recipe), images)
    if "target" in batch:
        batch["target"] = torch.zeros_like(images)  # grey: the true target is unknown
    return Shown(png(compared(sampler, batch)))


def _photos(size: int) -> Iterator[np.ndarray]:
    """Both ends of each of scikit-learn's sample photos, uint8 (3, size, size)."""
    for photo in map(sample_photo, PHOTOS):
        for left in (0, photo.width - photo.height):
            yield square(photo.crop((left, 0, left + photo.height, photo.height)), size)
