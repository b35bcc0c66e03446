"""The two networks of this study, as unlisted recipes, so that the trainer can train them.

labels of features    an ensemble of perceptrons predicts a pixel's part from the generator's features there
                      (2104.06490, section 3.2: ten of them; here three)
segmenter             a small U-Net (1505.04597), from a picture to the part of each pixel
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample, interpolate

from gan_core.data.base import DataSet, DataSpec
from gan_core.gans.recipe import Recipe, single_network
from gan_core.hparams import SingleNetworkHParams
from gan_core.knobs import knob
from gan_core.objectives.augment import uniform
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext
from gan_core.segmentation.masks import PARTS, Labelled
from gan_core.training.trainer import Trainer

MEMBERS = 3  # perceptrons of the ensemble
CHUNK = 50  # pictures segmented at once
SHIFT, SCALE, TINT = 0.12, 0.15, 0.15  # of classical augmentation, at most, each way


@dataclass(frozen=True)
class SegmenterHParams(SingleNetworkHParams):
    """The knobs of both networks."""

    channels: int = knob(8, 2, 128, label="Channels", change="rebuild", group="networks",
                         help="Channels at full resolution.")  # fmt: skip
    augment: bool = knob(False, label="Classical augmentation", group="objective",
                         help="Mirrors, shifts, scales and tints the pictures at random.")  # fmt: skip


class PixelEnsemble(nn.Module):
    """Features (N, d) -> logits of each member, (MEMBERS, N, parts); features are normalised as in training."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.members = nn.ModuleList(
            nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, len(PARTS)))
            for _ in range(MEMBERS)
        )

    def forward(self, features: Tensor) -> Tensor:
        inputs = (features - self.mean) / self.deviation
        return torch.stack([member(inputs) for member in self.members])


class UNet(nn.Module):
    """Pictures (B, 3, H, W) in [-1, 1] -> logits (B, parts, H, W); H and W are multiples of 8."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = [channels, 2 * channels, 4 * channels, 4 * channels]
        self.down = nn.ModuleList(
            _block(before, width) for before, width in zip([3, *widths[:-1]], widths, strict=True)
        )
        self.up = nn.ModuleList(_block(widths[level] + widths[level - 1], widths[level - 1]) for level in (3, 2, 1))
        self.last = nn.Conv2d(channels, len(PARTS), 1)

    def forward(self, pictures: Tensor) -> Tensor:
        kept: list[Tensor] = []
        features = pictures
        for level, block in enumerate(self.down):
            features = block(features if level == 0 else nn.functional.max_pool2d(features, 2))
            kept.append(features)
        kept.pop()
        for block in self.up:
            features = block(torch.cat([interpolate(features, scale_factor=2.0), kept.pop()], 1))
        logits: Tensor = self.last(features)
        return logits


def _block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
    )  # fmt: skip


class OfPixels(Objective[SegmenterHParams]):
    """Cross-entropy of each pixel's prediction, for rows of features or whole pictures."""

    def phases(self, hparams: SegmenterHParams) -> Sequence[Phase]:
        return [Phase(name="network", role="discriminator", group="network", terms=self._terms)]

    def _terms(self, networks: Networks, batch: Batch, context: StepContext[SegmenterHParams]) -> dict[str, Tensor]:
        inputs, truth = batch["real"], batch["mask"]
        if context.hparams.augment:
            inputs, truth = augmented(inputs, truth, context)
        logits = networks["network"](inputs)
        if isinstance(networks["network"], PixelEnsemble):  # all members train on the same pixels
            return {"cross_entropy": torch.stack([cross_entropy(member, truth) for member in logits]).sum()}
        return {"cross_entropy": cross_entropy(logits, truth)}


def augmented(pictures: Tensor, masks: Tensor, context: StepContext[SegmenterHParams]) -> tuple[Tensor, Tensor]:
    """Pictures (B, 3, H, W) and masks (B, H, W), mirrored, shifted and scaled alike; pictures tinted too."""
    random, count = uniform(context.generator, pictures.device), len(pictures)

    def spread(*shape: int) -> Tensor:
        return 2 * random(count, *shape) - 1

    size = torch.exp(SCALE * spread())
    mirrored, zero = torch.where(spread() < 0, -size, size), torch.zeros(count, device=pictures.device)
    move = 2 * SHIFT * spread(2)
    turned = torch.stack([torch.stack([mirrored, zero, move[:, 0]], 1), torch.stack([zero, size, move[:, 1]], 1)], 1)
    grid = affine_grid(turned, list(pictures.shape), align_corners=False)
    warped = grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    labels = grid_sample(
        masks[:, None].to(pictures.dtype), grid, mode="nearest", padding_mode="border", align_corners=False
    )
    tinted = warped * (1 + TINT * spread(3)[..., None, None]) + TINT * spread(3)[..., None, None]
    return tinted.clamp(-1, 1), labels[:, 0].long()


def _networks(hparams: SegmenterHParams, spec: DataSpec) -> dict[str, nn.Module]:
    shape = spec.fields["real"]
    return {"network": UNet(hparams.channels) if len(shape) == 3 else PixelEnsemble(shape[0])}


def _recipe(title: str, task: str) -> Recipe:
    hparams = SegmenterHParams(batch_size=16, beta1=0.9, rate=3e-3, ema=0.98)
    return Recipe(
        name=title.lower().replace(" ", "_"), title=title, task=task, paper="2104.06490", year=2021,
        networks=_networks, objective=lambda hparams: OfPixels(), hparams=hparams, tiny=hparams, data="",
        optimizers=single_network("network"), ema_networks=("network",),
    )  # fmt: skip


SEGMENTER, PIXELS = _recipe("Segmenter", "images"), _recipe("Labels of features", "points")


def learn_segmenter(labelled: Labelled, steps: int, seed: int, augment: bool = False) -> UNet:
    """Trains a segmenter on pictures and masks."""
    data = DataSet("labelled", {"real": labelled.pictures, "mask": labelled.masks.astype(np.int64)})
    schedule = {"schedule": "cosine", "decay_steps": steps}
    hparams = SEGMENTER.settings({"seed": seed, "augment": augment, "batch_size": min(16, len(labelled))} | schedule)
    network = _trained(Trainer(SEGMENTER, hparams, data), steps)
    assert isinstance(network, UNet)
    return network


def learn_pixels(features: np.ndarray, parts: np.ndarray, steps: int, seed: int) -> PixelEnsemble:
    """Trains the ensemble on features (N, d) and the parts (N,) of their pixels."""
    data = DataSet("pixels", {"real": features.astype(np.float32), "mask": parts.astype(np.int64)})
    hparams = PIXELS.settings({"seed": seed, "batch_size": 512, "schedule": "cosine", "decay_steps": steps})
    trainer = Trainer(PIXELS, hparams, data)
    for network in (trainer.networks["network"], trainer.ema.networks["network"]):
        assert isinstance(network, PixelEnsemble)
        network.mean.copy_(torch.from_numpy(features.mean(0)))
        network.deviation.copy_(torch.from_numpy(features.std(0) + 1e-3))
    network = _trained(trainer, steps)
    assert isinstance(network, PixelEnsemble)
    return network


def _trained(trainer: Trainer, steps: int) -> nn.Module:
    for _ in range(steps):
        trainer.train_step()
    trainer.ema.refresh()
    return trainer.ema.networks["network"].eval()


@torch.no_grad()
def segmented(network: UNet, pictures: np.ndarray) -> np.ndarray:
    """The part of each pixel of pictures uint8 (N, 3, H, W), uint8 (N, H, W)."""
    parts = [
        network(torch.from_numpy(pictures[start : start + CHUNK]).float() / 127.5 - 1).argmax(1)
        for start in range(0, len(pictures), CHUNK)
    ]
    found: np.ndarray = torch.cat(parts).to(torch.uint8).numpy()
    return found
