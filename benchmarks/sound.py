"""Whether generated sounds say what was asked for, by whom: `python -m benchmarks.sound [MODEL ...]`.

A feature net that has learnt real recordings judges; what it says of real recordings that it hasn't learnt from, as
they are and through Griffin-Lim, is the most that a model can reach.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch

from gan_core import data
from gan_core.data.sets.spoken_digits import CLASSES, RATE, SPEAKERS
from gan_core.layers.spectrum import griffin_lim, spectrograms
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.sounds import hear, judge, loudness, silent_share
from gan_core.models import listing, loading

ROUNDS = 5  # sounds of every digit and speaker


def told(name: str, waves: np.ndarray, said: np.ndarray, by: np.ndarray, net: FeatureNet, real: np.ndarray) -> None:
    heard = hear(net, waves, RATE)
    digits, speakers = ({int(one) for one in heard.answers[:, column]} for column in range(2))
    print(
        f"{name:<34} n {len(waves):>4}   digit {heard.share('digit', said):6.1%}   speaker "
        f"{heard.share('speaker', by):6.1%}   digits heard {len(digits)}, speakers {len(speakers)}   RMS "
        f"{loudness(waves).mean():.3f}   silent {silent_share(waves, real):.1%}"
    )


def main(names: list[str]) -> None:
    net = judge()
    test = data.load("test:spoken_digits").arrays
    real, said, by = test["wave"], test["label"], test["attributes"][:, 0]
    told("real, not learnt from (floor)", real, said, by, net, real)
    with torch.no_grad():
        again = griffin_lim(spectrograms(torch.from_numpy(real), RATE), RATE).numpy()
    told("the same through Griffin-Lim", again, said, by, net, real)
    cards, _ = listing.survey()
    for name in names or [name for name, card in cards.items() if card.task == "audio"]:
        sampler = loading.load(name)
        asked = [
            (digit, speaker) for _ in range(ROUNDS) for digit in range(len(CLASSES)) for speaker in range(len(SPEAKERS))
        ]
        begun = time.perf_counter()
        latents, conditions = sampler.latents(len(asked), seed=0)
        assert conditions is not None
        conditions = torch.zeros_like(conditions)
        for row, (digit, speaker) in enumerate(asked):
            conditions[row, digit] = conditions[row, len(CLASSES) + speaker] = 1
        waves = sampler.draw(latents, conditions).numpy()
        wanted = np.array(asked)
        told(name, waves, wanted[:, 0], wanted[:, 1], net, real)
        print(f"{'':<34} {(time.perf_counter() - begun) / len(asked) * 1000:.0f} ms a sound")


if __name__ == "__main__":
    main(sys.argv[1:])
