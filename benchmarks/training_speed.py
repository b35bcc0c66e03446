"""Our trainer against tutorial loops with the same networks and batch size.

    python -m benchmarks.training_speed
    python -m benchmarks.training_speed --peer CHECKOUT     # of PyTorch-GAN or of pytorch/examples
    python -m benchmarks.training_speed --peer CHECKOUT --precision bf16    # ours; theirs is float32

The tutorial loop is that of most tutorials: a DataLoader with torchvision's transforms for each image, plain
Adam, nothing frozen, BCE on sigmoids. It runs in a process of its own, on torch's own layers. With `--peer`, the
scripts of the checkout are run unchanged, and their printed lines are timed; our trainer then trains exactly their
networks (their classes, read from the checkout).
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import peers
from benchmarks.timing import Child, Row, answer, at_least, interleaved, median_ratio, rate, report
from gan_core import data
from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.layers.blocks import GlobalConv2d, LatentStem
from gan_core.training.computation import asked_for
from gan_core.training.trainer import Trainer

BATCH = 64
WARM_UP = 3  # steps


@dataclass(frozen=True)
class Case:
    """A recipe at one size, and the required ratio."""

    recipe: str
    data: str
    size: int
    stored: int  # pixels of the images that the tutorial loop resizes, as MNIST's 28 become 32
    asked: float
    steps: int  # in one repetition


CASES = (
    Case("mlp_gan", "digits", 28, 28, 2.2, 60),
    Case("dcgan", "digits", 32, 28, 1.4, 12),
    Case("dcgan", "avatars", 64, 64, 1.15, 6),
)


class Pictures(torch.utils.data.Dataset[Tensor]):
    """Images kept as arrays, handed out through per-image transforms as torchvision's own sets do."""

    def __init__(self, images: np.ndarray, size: int) -> None:
        from torchvision import transforms

        self.images = images.transpose(0, 2, 3, 1)  # (N, C, H, W) -> (N, H, W, C)
        scale = [0.5] * images.shape[1]
        steps = [transforms.Resize(size), transforms.ToTensor(), transforms.Normalize(scale, scale)]
        self.transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        from PIL import Image

        image = self.images[index]
        return self.transform(Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image))


def tutorial_steps(
    generator: nn.Module, judge: nn.Module, latent: int, pictures: Pictures, batch: int, rates: tuple[float, float]
) -> Iterator[None]:
    """The tutorials' loop; each `next` trains one step and prints nothing."""
    discriminator = nn.Sequential(judge, nn.Sigmoid())
    loader = torch.utils.data.DataLoader(pictures, batch, shuffle=True, drop_last=True)
    loss = nn.BCELoss()
    generator_optimizer = torch.optim.Adam(generator.parameters(), lr=rates[0], betas=(0.5, 0.999))
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), lr=rates[1], betas=(0.5, 0.999))
    while True:
        for real in loader:
            valid, fake = torch.ones(len(real)), torch.zeros(len(real))

            discriminator_optimizer.zero_grad()
            generated = generator(torch.randn(len(real), latent))
            real_loss = loss(discriminator(real), valid)
            fake_loss = loss(discriminator(generated.detach()), fake)
            discriminator_loss = real_loss + fake_loss
            discriminator_loss.backward()
            discriminator_optimizer.step()

            generator_optimizer.zero_grad()
            generator_loss = loss(discriminator(generated), valid)
            generator_loss.backward()
            generator_optimizer.step()

            discriminator_loss.item(), generator_loss.item()  # as printed at each step
            yield


class Printed(nn.Module):
    """One of our layers that is a matrix product, as the convolution that tutorials use instead."""

    def __init__(self, layer: LatentStem | GlobalConv2d) -> None:
        super().__init__()
        sizes = (layer.in_channels, layer.out_channels, layer.kernel_size[0])
        kind = nn.ConvTranspose2d if isinstance(layer, LatentStem) else nn.Conv2d
        self.layer = kind(*sizes, bias=layer.bias is not None)
        self.layer.load_state_dict(layer.state_dict())
        self.is_stem = isinstance(layer, LatentStem)

    def forward(self, inputs: Tensor) -> Tensor:
        if self.is_stem:
            return self.layer(inputs[:, :, None, None])  # (B, L) -> (B, L, 1, 1) -> (B, C, H, W)
        return self.layer(inputs).flatten(1)  # (B, 1, 1, 1) -> (B, 1)


def as_printed(network: nn.Module) -> nn.Module:
    """The same network built only from torch's own layers."""
    for name, layer in network.named_children():
        ours = isinstance(layer, (LatentStem, GlobalConv2d))
        setattr(network, name, Printed(layer) if ours else as_printed(layer))
    return network


def tutorial(case: Case, batch: int) -> Iterator[None]:
    """The tutorial loop with the networks of a case."""
    data_set = data.load(case.data, case.size)
    stored = data_set if case.stored == case.size else data.load(case.data, case.stored)
    recipe = recipes.get(case.recipe)
    hparams = recipe.settings({"batch_size": batch})
    networks = {name: as_printed(network) for name, network in recipe.build(hparams, data_set.spec).items()}
    return tutorial_steps(
        networks["generator"],
        networks["discriminator"],
        hparams.latent_size,  # type: ignore[attr-defined]
        Pictures(stored.arrays["real"], case.size),
        batch,
        (hparams.generator_rate, hparams.discriminator_rate),
    )


def compare(case: Case, repetitions: int, steps: int, batch: int = BATCH) -> tuple[float, list[float], list[float]]:
    """The ratio, and both rates in steps per second. The tutorial loop has a process of its own."""
    place, numbers = str(CASES.index(case)), ("--steps", str(steps), "--batch", str(batch))
    theirs = Child("benchmarks.training_speed", "--child", place, *numbers)
    try:
        recipe = recipes.get(case.recipe)
        trainer = Trainer(recipe, recipe.settings({"batch_size": batch}), data.load(case.data, case.size))
        for _ in range(WARM_UP):
            trainer.train_step()
        results = interleaved({"ours": rate(trainer.train_step, steps), "theirs": theirs.rate}, repetitions)
    finally:
        theirs.close()
    return median_ratio(results["ours"], results["theirs"]), results["ours"], results["theirs"]


def child(case: Case, batch: int, steps: int) -> None:
    """The process of the tutorial loop."""
    theirs = tutorial(case, batch)
    for _ in range(WARM_UP):
        next(theirs)
    answer(rate(lambda: next(theirs), steps))


def described(ratio: float, ours: list[float], theirs: list[float], what: str, asked: float, steps: int) -> Row:
    rates = f"{statistics.median(ours):.3g} against {statistics.median(theirs):.3g} steps/s"
    return at_least(what, ratio, asked, f"{len(ours)} x {steps} steps; {rates}")


def against_tutorial(repetitions: int, scale: float, only: str) -> list[Row]:
    rows = []
    for case in CASES:
        name = f"{case.recipe} {case.size} px"
        if only not in name:
            continue
        steps = max(1, round(case.steps * scale))
        rows.append(described(*compare(case, repetitions, steps), f"{name}, tutorial loop", case.asked, steps))
    return rows


def against_peers(checkout: Path, repetitions: int, scale: float, precision: str) -> list[Row]:
    rows = []
    computation = asked_for(precision, "cpu")
    for peer in peers.found(checkout):
        data_set: DataSet = data.load(peer.data, peer.size)
        steps = max(2, round(peer.steps * scale))
        trainer = Trainer(peer.recipe(), peer.hparams, data_set, computation=computation)
        for _ in range(2):
            trainer.train_step()
        with peers.script(peer, data_set) as run:
            cases = {"ours": rate(trainer.train_step, steps), "theirs": lambda: run.rate(steps)}  # noqa: B023
            results = interleaved(cases, repetitions)
        ratio = median_ratio(results["ours"], results["theirs"])
        rows.append(
            described(
                ratio,
                results["ours"],
                results["theirs"],
                f"networks of {peer.title}, {computation.precision}",
                peer.asked,
                steps,
            )
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path, help="a checkout of PyTorch-GAN or of pytorch/examples")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"), help="of our trainer beside a peer")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the steps of each repetition")
    parser.add_argument("--only", default="", help="part of a case's name, such as 'dcgan 32'")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        child(CASES[options.child], options.batch, options.steps)
    elif options.peer:
        report(
            f"Against {options.peer.name}",
            against_peers(options.peer, options.repetitions, options.scale, options.precision),
        )
    else:
        rows = against_tutorial(options.repetitions, options.scale, options.only)
        report("Against a tutorial loop", rows)


if __name__ == "__main__":
    main()
