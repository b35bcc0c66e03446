"""How useful a context encoder's codes are for another task whose labels it hasn't seen.

    python -m benchmarks.probe                                   # Fashion-MNIST at 32 pixels
    python -m benchmarks.probe --steps 500 --labelled 500        # a quick trial

A linear probe: logistic regression on the codes of labelled images, evaluated on the test part. The encoder learnt from
the train part's images alone, by filling random holes, with and without the contrastive term (gan_core/objectives/
masked.py). Compared with the same network untrained, and with the pixels themselves.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.timing import Row, report
from gan_core import data
from gan_core.data.base import DataSet
from gan_core.data.batches import to_device
from gan_core.data.parts import held_out
from gan_core.gans import recipes
from gan_core.gans.context_encoder import ContextEncoder
from gan_core.metrics.streams import chosen_places
from gan_core.training.trainer import Trainer

SETTINGS = {
    "holes": "random", "channels": 16, "discriminator_channels": 16, "code_size": 128, "batch_size": 64,
    "generator_rate": 1e-3, "discriminator_rate": 5e-4,
}  # fmt: skip
CONTRAST = 0.1
CHUNK = 500
MARKED = 5000  # images of the test part

Encode = Callable[[torch.Tensor], torch.Tensor]  # images (B, C, H, W) -> features (B, F)


def trainer(training: DataSet, seed: int, contrast_weight: float) -> Trainer:
    recipe = recipes.get("context_encoder")
    hparams = recipe.settings(SETTINGS | {"seed": seed, "contrast_weight": contrast_weight})
    return Trainer(recipe, hparams, training)


def encoding(encoder: ContextEncoder) -> Encode:
    """The codes of whole images; batch norm in evaluation mode, so that a code doesn't depend on the others."""

    def encode(images: torch.Tensor) -> torch.Tensor:
        return encoder.encode(images, torch.zeros(len(images), 1, *images.shape[2:], dtype=torch.bool))

    encoder.eval()
    return encode


@torch.no_grad()
def features(images: np.ndarray, encode: Encode) -> np.ndarray:
    """uint8 (N, C, H, W) -> (N, F)."""
    parts = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    cpu = torch.device("cpu")
    return torch.cat([encode(to_device(torch.from_numpy(part), cpu)) for part in parts]).numpy()


def probe(training: DataSet, test: DataSet, labelled: int, encode: Encode, seed: int) -> float:
    """The share of `test` that logistic regression on the features of some labelled images gets right."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    learnt, marked = chosen_places(len(training), labelled, seed), chosen_places(len(test), MARKED, seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, C=0.1))
    model.fit(features(training.arrays["real"][learnt], encode), training.arrays["label"][learnt])
    return float(model.score(features(test.arrays["real"][marked], encode), test.arrays["label"][marked]))


def probed(name: str, size: int, steps: int, labelled: int, seed: int) -> dict[str, float]:
    """Accuracy by source of the features."""
    training, test = data.load(name, size), data.load(held_out(name), size)
    found = {"pixels": probe(training, test, labelled, lambda images: images.flatten(1), seed)}
    untrained = trainer(training, seed, 0.0).ema.networks["generator"]
    assert isinstance(untrained, ContextEncoder)
    found["untrained"] = probe(training, test, labelled, encoding(untrained), seed)
    for what, weight in (("filling holes", 0.0), ("filling holes, with contrast", CONTRAST)):
        run = trainer(training, seed, weight)
        for _ in range(steps):
            run.train_step()
        encoder = run.ema.refresh()["generator"]
        assert isinstance(encoder, ContextEncoder)
        found[what] = probe(training, test, labelled, encoding(encoder), seed)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="fashion_mnist")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--labelled", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = probed(options.data, options.size, options.steps, options.labelled, options.seed)
    samples = f"{options.labelled} labelled, {MARKED} marked"
    rows = [
        Row(what, f"{share:.1%}", "" if what in ("pixels", "untrained") else f"> {found['untrained']:.1%}",
            None if what in ("pixels", "untrained") else share > found["untrained"], samples)
        for what, share in found.items()
    ]  # fmt: skip
    report(f"Linear probe on {options.data}, {options.steps:,} steps", rows)


if __name__ == "__main__":
    main()
