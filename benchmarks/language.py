"""Text generators compared with maximum likelihood: whether a GAN improves on its starting point.

    python -m benchmarks.language                          # all parts: about 15 minutes of one core
    python -m benchmarks.language --part arithmetic        # or oracle, curve
    python -m benchmarks.language --part oracle --steps 0.1 --samples 200

arithmetic   shares of well-formed, right, and right but unseen equations among the samples
oracle       NLL_oracle (nats a token) of random weights, after pre-training, and after SeqGAN's game; compared
             with as many more steps of maximum likelihood, so that both have had the same training
curve        lines of Shakespeare: BLEU-4 against held-out lines, and self-BLEU-4, at four temperatures; of maximum
             likelihood and of a Gumbel-softmax GAN that begins with it; the held-out lines' own figures are the floor
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from gan_core import data
from gan_core.data.base import DataSet
from gan_core.data.sets import arithmetic
from gan_core.data.tokens import decode
from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.metrics.language import bleu_of, self_bleu, unpadded
from gan_core.models.sampler import Sampler
from gan_core.training.trainer import Trainer

SAMPLES = 1000
TEMPERATURES = (0.5, 0.7, 1.0, 1.3)
PRETRAINED = 64.0  # thousand texts, 1,000 steps
SEED = 0


def trained(name: str, learnt: DataSet, steps: int, **settings: Any) -> tuple[Sampler, float]:
    """A recipe after some steps, and the seconds of the processor that they took."""
    recipe = recipes.get(name)
    trainer = Trainer(recipe, changed(recipe.hparams, {"seed": SEED, **settings}), learnt)
    began = time.process_time()
    for _ in range(steps):
        trainer.train_step()
    took = time.process_time() - began
    trainer.ema.refresh()
    return Sampler(recipe, trainer.hparams, trainer.spec, trainer.ema.networks), took


def of_arithmetic(scale: float, samples: int) -> None:
    """Prints the table of equations."""
    learnt = data.load("train:arithmetic")
    known = {decode(one, learnt.vocabulary) for one in learnt.arrays["tokens"]}
    print(
        "| arithmetic | steps | processor | formed | right | right and unseen |\n| --- | --- | --- | --- | --- | --- |"
    )
    rows: Mapping[str, tuple[str, int, dict[str, Any]]] = {
        "random weights": ("text_mle", 0, {}),
        "maximum likelihood": ("text_mle", 2200, {}),
        "Gumbel-softmax GAN from scratch": ("gumbel_gan", 900, {}),
        "the same after 2,000 steps of likelihood": (
            "gumbel_gan", 2200, {"pretraining": 128.0, "generator_rate": 3e-3, "rate_ratio": 0.33}
        ),
    }  # fmt: skip
    for title, (name, steps, settings) in rows.items():
        steps, settings = _scaled(steps, settings, scale)
        sampler, took = trained(name, learnt, steps, **settings)
        texts = [decode(one, learnt.vocabulary) for one in sampler.sample(samples, 1).numpy()]
        right = [text for text in texts if arithmetic.is_right(text)]
        formed = sum(map(arithmetic.is_formed, texts))
        unseen = sum(text not in known for text in right)
        print(f"| {title} | {steps:,} | {took:.0f} s | {formed / samples:.1%} | {len(right) / samples:.1%} | "
              f"{unseen / samples:.1%} |", flush=True)  # fmt: skip


def of_oracle(scale: float, samples: int) -> None:
    """Prints NLL_oracle over SeqGAN's training."""
    learnt, judge = data.load("oracle"), data.source("oracle").judge
    assert judge is not None
    own = judge(learnt.arrays["tokens"][:samples])["nll_oracle"]
    print(f"\n| oracle (its own sequences: {own:.3f}) | steps | processor | NLL_oracle |\n| --- | --- | --- | --- |")
    game = {"pretraining": PRETRAINED, "discriminator_pretraining": 9.6}
    rows: Mapping[str, tuple[str, int, dict[str, Any]]] = {
        "random weights": ("seqgan", 0, {}),
        "maximum likelihood": ("seqgan", 1000, {"pretraining": PRETRAINED}),
        "then 300 steps of the game": ("seqgan", 1450, game),
        "maximum likelihood for as many steps": ("seqgan", 1450, {"pretraining": 1e6}),
    }
    for title, (name, steps, settings) in rows.items():
        steps, settings = _scaled(steps, settings, scale)
        sampler, took = trained(name, learnt, steps, **settings)
        found = judge(sampler.sample(samples, 1).numpy())["nll_oracle"]
        print(f"| {title} | {steps:,} | {took:.0f} s | {found:.3f} |", flush=True)


def of_curve(scale: float, samples: int) -> None:
    """Prints quality and variety over temperatures."""
    learnt, others = data.load("train:shakespeare"), data.load("test:shakespeare")
    references = unpadded(others.arrays["tokens"])
    half = len(references) // 2
    print("\n| lines of Shakespeare | temperature | BLEU-4 | self-BLEU-4 |\n| --- | --- | --- | --- |")
    print(f"| real lines (floor) | | {bleu_of(references[:half], references[half:]):.3f} | "
          f"{self_bleu(references[:half]):.3f} |")  # fmt: skip
    rows: Mapping[str, tuple[str, int, dict[str, Any]]] = {
        "maximum likelihood": ("text_mle", 1200, {}),
        "Gumbel-softmax GAN after 1,000 steps of likelihood": (
            "gumbel_gan", 1200, {"pretraining": PRETRAINED, "generator_rate": 3e-3, "rate_ratio": 0.33}
        ),
    }  # fmt: skip
    for title, (name, steps, settings) in rows.items():
        steps, settings = _scaled(steps, settings, scale)
        sampler, _took = trained(name, learnt, steps, **settings)
        for temperature in TEMPERATURES:
            sampler.hparams = changed(sampler.hparams, {"temperature": temperature})
            texts = unpadded(np.asarray(sampler.sample(half, 1)))
            print(f"| {title} | {temperature} | {bleu_of(texts, references[half:]):.3f} | {self_bleu(texts):.3f} |",
                  flush=True)  # fmt: skip


def _scaled(steps: int, settings: Mapping[str, Any], scale: float) -> tuple[int, dict[str, Any]]:
    """Fewer steps for a quick trial, with proportionally shorter phases."""
    phases = {name: value * scale for name, value in settings.items() if name.endswith("pretraining")}
    return round(steps * scale), {**settings, **phases}


PARTS = {"arithmetic": of_arithmetic, "oracle": of_oracle, "curve": of_curve}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.language", description=__doc__)
    parser.add_argument("--part", choices=PARTS, nargs="*", default=list(PARTS))
    parser.add_argument("--steps", type=float, default=1.0, help="share of the steps, for trying out")
    parser.add_argument("--samples", type=int, default=SAMPLES)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for part in options.part:
        PARTS[part](options.steps, options.samples)


if __name__ == "__main__":
    main()
