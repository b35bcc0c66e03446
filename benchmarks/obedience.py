"""Whether conditional GANs draw the requested class: writes lesson 9's matrices, `gan_core/teaching/obedience.json`.

    python -m benchmarks.obedience                          # minutes: four runs of the preset cgan/digits
    python -m benchmarks.obedience --last 2 --to try.json   # a quick trial: the first two steps of each run

`seeing` is the preset as it is; in `blind`, the discriminator gets 0 instead of the class, over three seeds. The matrix
of the installed `cgan.mnist` is compared with that of real digits of MNIST's test part, read by the same net.
"""

from __future__ import annotations

import argparse
import base64
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from gan_core import data
from gan_core.gans import recipes
from gan_core.models import loading
from gan_core.models.sampler import Sampler
from gan_core.teaching import conditioning
from gan_core.teaching.conditioning import BLIND, CLASSES, EACH, REAL, SEEDS, SHELF, SHOWN, STEPS, Seen
from gan_core.training.trainer import Trainer


def train(blind: bool, seed: int, last: int = STEPS[-1]) -> dict[int, Seen]:
    """Trains the preset and measures it at those of STEPS that are at most `last`."""
    recipe = recipes.get(conditioning.RECIPE)
    preset = recipe.preset(conditioning.PRESET)
    settings = recipe.settings({**preset.hparams, "seed": seed})
    trainer = Trainer(recipe, settings, data.load(preset.data, preset.size))
    if blind:
        embedding: Any = trainer.networks["discriminator"].embedding
        embedding.register_forward_hook(lambda _module, _inputs, given: 0 * given)
    found = {}
    for step in range(last + 1):
        if step in STEPS:
            averaged = trainer.ema.refresh()
            found[step] = conditioning.measured(Sampler(recipe, settings, trainer.spec, averaged))
        trainer.train_step()
    return found


def real() -> Seen:
    """Real digits as read by the installed net."""
    test = data.load("test:mnist", 28)
    labels = test.arrays["label"]
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:EACH] for digit in range(CLASSES)])
    images = test.arrays["real"][chosen, 0]
    matrix = conditioning.obedience_matrix(labels[chosen], conditioning.recognised(images))
    return Seen(matrix, images.reshape(CLASSES, EACH, 28, 28)[:, :SHOWN])


def plain(seen: Seen) -> dict[str, Any]:
    """Converts to JSON's types."""
    pixels = zlib.compress(np.ascontiguousarray(seen.samples).tobytes(), 9)
    return {
        "matrix": seen.matrix.round(4).tolist(),
        "side": seen.samples.shape[-1],
        "samples": base64.b64encode(pixels).decode(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--last", type=int, default=STEPS[-1], help="the last step of each run")
    parser.add_argument("--to", type=Path, default=conditioning.KEPT, help="the file")
    options = parser.parse_args()
    made: dict[str, Any] = {
        who: {
            str(seed): {str(step): plain(seen) for step, seen in train(who == BLIND, seed, options.last).items()}
            for seed in seeds
        }
        for who, seeds in SEEDS.items()
    }
    made |= {SHELF: plain(conditioning.measured(loading.load(conditioning.MODEL))), REAL: plain(real())}
    options.to.write_text(json.dumps(made) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
