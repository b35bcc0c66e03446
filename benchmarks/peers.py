"""The GAN scripts of PyTorch-GAN and pytorch/examples: run unchanged, and their networks in our own trainer.

None of their code is included: a checkout is given, its scripts run in a process of their own on data written for
them, and the classes of their networks are read from the same files.
"""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from gan_core.data.base import DataSet, DataSpec
from gan_core.errors import BadData
from gan_core.gans.recipe import Recipe
from gan_core.hparams import AdversarialHParams
from gan_core.objectives.adversarial import Adversarial

LATENT = 100  # all three scripts' default
BATCH = 64
MNIST_SIZE = 28
IMAGES = 6400  # number of images in the set that the scripts read


@dataclass(frozen=True)
class Peer:
    """One script of a checkout, with its defaults."""

    title: str
    path: Path
    data: str
    size: int
    asked: float
    steps: int  # in one repetition
    arguments: tuple[str, ...]
    names: Mapping[str, Any]  # what its classes read from the script's globals
    latent_shape: tuple[int, ...] = (LATENT,)
    hparams: AdversarialHParams = field(
        default_factory=lambda: AdversarialHParams(batch_size=BATCH, latent_size=LATENT)
    )

    def recipe(self) -> Recipe:
        """Their networks under our trainer."""
        return Recipe(
            name="peer", title=self.title, task="images", paper="", year=0, networks=self.networks,
            objective=Adversarial, hparams=self.hparams, tiny=self.hparams, data=self.data,
        )  # fmt: skip

    def networks(self, hparams: Any, spec: DataSpec) -> dict[str, nn.Module]:
        space = definitions(self.path, self.names)
        arguments = (1,) if self.latent_shape != (LATENT,) else ()  # ngpu in pytorch/examples
        generator, discriminator = space["Generator"](*arguments), space["Discriminator"](*arguments)
        for name, function in space.items():
            if name.startswith("weights_init"):
                generator.apply(function)
                discriminator.apply(function)
        return {
            "generator": Reshaped(generator, self.latent_shape),
            "discriminator": Flat(without_sigmoid(discriminator)),
        }


class Reshaped(nn.Module):
    """Gives latents (B, L) to a generator that wants another shape."""

    def __init__(self, network: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.network, self.shape = network, shape

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = self.network(latents.reshape(-1, *self.shape))
        return images


class Flat(nn.Module):
    """Gives a discriminator's verdicts as (B,)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)
        return logits.flatten()


def found(checkout: Path) -> list[Peer]:
    """Returns the scripts in this checkout; raises BadData if there are none."""
    gans = checkout / "implementations"
    peers = []
    for name, size, asked, steps in (("gan", 28, 2.2, 40), ("dcgan", 32, 1.4, 4)):
        path = gans / name / f"{name}.py"
        if path.is_file():
            options = SimpleNamespace(latent_dim=LATENT, img_size=size, channels=1)
            names = {"opt": options, "img_shape": (1, size, size)}
            title = f"PyTorch-GAN {name}.py"
            peers.append(Peer(title, path, "digits", size, asked, steps, ("--sample_interval", "1000000"), names))
    path = checkout / "dcgan" / "main.py"
    if path.is_file():
        names = {"nz": LATENT, "ngf": 64, "ndf": 64, "nc": 3}
        arguments = ("--dataset", "folder", "--dataroot", "pictures")
        peers.append(
            Peer("pytorch/examples dcgan", path, "avatars", 64, 1.15, 3, arguments, names, (LATENT, 1, 1))
        )  # fmt: skip
    if not peers:
        raise BadData(
            "{folder} holds none of these scripts: implementations/gan/gan.py, implementations/dcgan/dcgan.py, "
            "dcgan/main.py.",
            folder=checkout,
        )
    return peers


def definitions(path: Path, names: Mapping[str, Any]) -> dict[str, Any]:
    """The classes and functions of a script, defined without running it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "view":
            node.attr = "reshape"  # the same, but it takes channels-last tensors too
    space: dict[str, Any] = {"torch": torch, "nn": nn, "np": np, **names}
    exec(compile(tree, str(path), "exec"), space)
    return space


def without_sigmoid(discriminator: nn.Module) -> nn.Module:
    """The same network up to its logits."""
    *_, (name, _) = [found for found in discriminator.named_modules() if isinstance(found[1], nn.Sigmoid)]
    parent, _, last = name.rpartition(".")
    setattr(discriminator.get_submodule(parent), last, nn.Identity())
    return discriminator


class Script:
    """A running script that prints a line each step, stopped while it isn't measured."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log
        self._skip(3)  # warm-up
        self._signal(signal.SIGSTOP)

    def rate(self, steps: int) -> float:
        """Steps per second over the next `steps` lines."""
        self._signal(signal.SIGCONT)
        self._skip(2)  # a step cut in two by the stop, and the one after it
        began = time.perf_counter()
        self._skip(steps)
        elapsed = time.perf_counter() - began
        self._signal(signal.SIGSTOP)
        return steps / elapsed

    def _skip(self, lines: int) -> None:
        assert self._process.stdout is not None
        while lines:
            line = self._process.stdout.readline()
            if not line:
                raise RuntimeError("the script ended early:\n" + self._log.read_text(encoding="utf-8")[-2000:])
            lines -= "Loss_D" in line or "[D loss" in line

    def _signal(self, number: int) -> None:
        os.killpg(self._process.pid, number)  # its data workers too


@contextlib.contextmanager
def script(peer: Peer, data_set: DataSet) -> Iterator[Script]:
    """Runs a peer's script, unchanged, in a folder that holds the data it looks for."""
    with tempfile.TemporaryDirectory(prefix="ganscope-peer-") as folder:
        place = Path(folder) / "implementations" / "peer"
        place.mkdir(parents=True)
        images = data_set.arrays["real"]
        if peer.data == "digits":
            write_mnist(Path(folder) / "data" / "mnist" / "MNIST" / "raw", images)
        else:
            write_pictures(place / "pictures" / "all", images)
        command = [sys.executable, "-u", "-W", "ignore", str(peer.path.resolve()), *peer.arguments]
        log = Path(folder) / "log"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                command, cwd=place, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
            )
        try:
            yield Script(process, log)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def write_mnist(folder: Path, images: np.ndarray) -> None:
    """Grey images (N, 1, H, W) as MNIST's files, which torchvision reads without downloading them."""
    folder.mkdir(parents=True)
    pixels = np.zeros((IMAGES, MNIST_SIZE, MNIST_SIZE), np.uint8)
    side = min(MNIST_SIZE, images.shape[-1])
    pixels[:, :side, :side] = images[np.arange(IMAGES) % len(images), 0, :side, :side]
    labels = np.zeros(IMAGES, np.uint8)
    for part in ("train", "t10k"):
        _write_idx(folder / f"{part}-images-idx3-ubyte", 0x803, pixels)
        _write_idx(folder / f"{part}-labels-idx1-ubyte", 0x801, labels)


def _write_idx(path: Path, magic: int, array: np.ndarray) -> None:
    path.write_bytes(np.array([magic, *array.shape], dtype=">i4").tobytes() + array.tobytes())


def write_pictures(folder: Path, images: np.ndarray) -> None:
    """Colour images (N, 3, H, W) as JPEG files, as in such sets."""
    folder.mkdir(parents=True)
    for place, image in enumerate(images[:IMAGES]):
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"{place:05d}.jpg", quality=95)
