"""Community super-resolution files, such as ESRGAN, Real-ESRGAN or SwinIR, read with spandrel.

They are used directly by path, or kept in `GANSCOPE_HOME/upscalers`, where the Studio finds them. Their networks aren't
among the recipes here, so training can't continue from them. spandrel recognises some forty architectures; it is
imported only here, because that takes seconds.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gan_core import paths
from gan_core.data.base import DataSpec
from gan_core.disk import writing
from gan_core.errors import BadCheckpoint, BadValue
from gan_core.files import sha256_of
from gan_core.fitting import check_finite
from gan_core.gans import recipes
from gan_core.models.listing import WEIGHT_FILES
from gan_core.models.sampler import Sampler
from gan_core.models.weight_files import read_state, weights_in

if TYPE_CHECKING:
    from spandrel import ImageModelDescriptor, ModelLoader

SIDE = 64  # pixels of the spec's pictures; other sizes are accepted too


@dataclass(frozen=True)
class Enlarges:
    """The known settings of such a network."""

    scale: int


class CommunityNetwork(nn.Module):
    """(B, C, h, w) -> (B, C, scale h, scale w) in [-1, 1], through a network that works in [0, 1]."""

    def __init__(self, described: ImageModelDescriptor[Any]) -> None:
        super().__init__()
        self.network = described.model
        self.described = described

    def forward(self, images: Tensor) -> Tensor:
        levels: Tensor = self.described((images + 1) / 2)
        return levels * 2 - 1


def is_file(wanted: str) -> bool:
    """Whether this is the path of a file that can hold such weights."""
    return Path(wanted).suffix.lower() in WEIGHT_FILES and os.path.isfile(wanted)


def load_upscaler(path: Path) -> Sampler:
    """A sampler for the super-resolution network in a file; no code in the file is executed.

    Raises BadValue if spandrel is missing, BadCheckpoint for files that can't be read, have an unknown architecture, or
    don't enlarge pictures of one or three channels.
    """
    try:
        from spandrel import ImageModelDescriptor, ModelLoader
    except ImportError as error:
        raise BadValue("Reading {file} requires the package spandrel: pip install spandrel.", file=path.name) from error
    state = read_state(path)
    try:
        described = _described(ModelLoader(torch.device("cpu")), state)
    except Exception:  # UnsupportedModelError, and errors of networks for weights that don't fit
        try:
            described = _described(ModelLoader(torch.device("cpu")), weights_in(state, path.name))
        except Exception as error:
            raise BadCheckpoint(
                "{file} holds no super-resolution network that spandrel supports.", file=path.name
            ) from error
    check_finite(described.model.state_dict(), path.name)
    if not isinstance(described, ImageModelDescriptor) or described.scale < 2:
        raise BadCheckpoint("{file} is not a super-resolution network.", file=path.name)
    channels = described.input_channels
    if channels not in (1, 3) or described.output_channels != channels:
        raise BadCheckpoint(
            "{file} maps {taken} channels to {given}. Supported: 1 to 1, or 3 to 3.",
            file=path.name, taken=channels, given=described.output_channels,
        )  # fmt: skip
    recipe = replace(
        recipes.get("esrgan"), name="community", title=described.architecture.name, translations={"upscale": _upscale}
    )
    generator = CommunityNetwork(described.eval()).requires_grad_(False)
    spec = DataSpec({"real": (channels, SIDE, SIDE)})
    return Sampler(recipe, Enlarges(described.scale), spec, {"generator": generator})


def _described(loader: ModelLoader, state: Mapping[str, Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about their networks' code
        return loader.load_from_state_dict(dict(state))


def keep(path: Path) -> Path:
    """Copies a super-resolution file to the Studio's folder after checking it; never overwrites an existing file.

    Raises the errors of `load_upscaler`, BadValue for a name with another ending, StoreError.
    """
    if path.suffix.lower() not in WEIGHT_FILES:
        raise BadValue(
            "{file} can't be read as weights. Valid file extensions: {valid}.",
            file=path.name,
            valid=", ".join(WEIGHT_FILES),
        )
    load_upscaler(path)
    folder = paths.home() / "upscalers"
    with writing(paths.home()), tempfile.TemporaryDirectory(prefix="upscaler-", dir=paths.home()) as apart:
        folder.mkdir(exist_ok=True)
        whole = Path(shutil.copyfile(path, Path(apart) / path.name))
        numbered = (folder / f"{path.stem} ({number}){path.suffix}" for number in count(2))
        places = chain([folder / path.name], numbered)
        kept = next(place for place in places if not place.exists() or sha256_of(place) == sha256_of(whole))
        return kept if kept.exists() else whole.rename(kept)


def _upscale(networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
    enlarged: Tensor = networks["generator"](images)
    return enlarged
