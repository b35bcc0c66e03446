"""Whether generated sounds say the requested word in the requested voice: `python -m benchmarks.sound [MODEL ...]`.

A feature net that has learnt real recordings judges; what it says of real recordings that it hasn't learnt from, as
they are and through Griffin-Lim, is the most that a model can reach.

    python -m benchmarks.sound --voices RUN                       # a translator of spoken_voices_unpaired

Voices: recordings of one speaker that nothing was trained on, translated and made audible by Griffin-Lim. The share in
which the net hears the other speaker, and the share in which it still hears the digit; before, that of the recordings
themselves through Griffin-Lim: the speaker's share is then 0 if the net is right, and the digit's the most.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping

import numpy as np
import torch

from benchmarks.words import run_named
from gan_core import data
from gan_core.data.recordings import levels
from gan_core.data.sets.spoken_digits import CLASSES, RATE, SPEAKERS
from gan_core.data.sets.spoken_digits_pictures import VOICES
from gan_core.errors import GanscopeError
from gan_core.layers.spectrum import griffin_lim, spectrograms
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.sounds import hear, judge, loudness, silent_share
from gan_core.models import listing, loading
from gan_core.models.sampler import Sampler
from gan_core.runs.store import RunStore

ROUNDS = 5  # sounds of every digit and speaker


def report(name: str, waves: np.ndarray, said: np.ndarray, by: np.ndarray, net: FeatureNet, real: np.ndarray) -> None:
    heard = hear(net, waves, RATE)
    digits, speakers = ({int(one) for one in heard.answers[:, column]} for column in range(2))
    print(
        f"{name:<34} n {len(waves):>4}   digit {heard.share('digit', said):6.1%}   speaker "
        f"{heard.share('speaker', by):6.1%}   digits heard {len(digits)}, speakers {len(speakers)}   RMS "
        f"{loudness(waves).mean():.3f}   silent {silent_share(waves, real):.1%}"
    )


def voices(sampler: Sampler, net: FeatureNet, test: Mapping[str, np.ndarray]) -> None:
    """Translates recordings of each speaker to the other's voice, as far as the model can."""
    by = test["attributes"][:, 0]
    places = [SPEAKERS.index(voice) for voice in VOICES]
    for direction, (own, other) in {"a_to_b": places, "b_to_a": places[::-1]}.items():
        if direction not in sampler.recipe.translations:
            continue
        waves, said = test["wave"][by == own], test["label"][by == own]
        pictures = torch.from_numpy(levels(waves)).float() / 127.5 - 1  # as in training
        wanted = np.full(len(said), other)
        for name, seen in (("as it is", pictures), ("translated", sampler.translate(pictures, direction))):
            heard = griffin_lim(seen, RATE).numpy()
            report(f"{SPEAKERS[own]} to {SPEAKERS[other]}, {name}", heard, said, wanted, net, waves)


def main(names: list[str], runs: list[str]) -> None:
    net = judge()
    test = data.load("test:spoken_digits").arrays
    real, said, by = test["wave"], test["label"], test["attributes"][:, 0]
    for run in runs:
        voices(loading.from_run(RunStore(), run_named(run)), net, test)
    if runs and not names:
        return
    report("real, not learnt from (floor)", real, said, by, net, real)
    with torch.no_grad():
        again = griffin_lim(spectrograms(torch.from_numpy(real), RATE), RATE).numpy()
    report("the same through Griffin-Lim", again, said, by, net, real)
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
        report(name, waves, wanted[:, 0], wanted[:, 1], net, real)
        print(f"{'':<34} {(time.perf_counter() - begun) / len(asked) * 1000:.0f} ms a sound")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sound", description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", help="models of sounds; without any, all on the shelf")
    parser.add_argument("--voices", action="append", default=[], help="a run that translates voices, by name or id")
    asked = parser.parse_args()
    try:
        main(asked.models, asked.voices)
    except GanscopeError as error:
        raise SystemExit(str(error)) from error
