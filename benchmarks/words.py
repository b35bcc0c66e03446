"""How well pictures and sentences belong together: retrieval by CLIP, and whether drawn faces show what was requested.

    python -m benchmarks.words                                    # the shelf's clip.avatars and stackgan.avatars
    python -m benchmarks.words --run RUN                          # a run of stackgan instead of the installed model
    python -m benchmarks.words --search 20 --guide attributes     # faces found in projected_gan.avatars
    python -m benchmarks.words --emoji                            # the shelf's clip.emoji alone; or --emoji --run RUN

Sentences and pictures are those of the test part, which nothing was trained on; `unseen` are those with a pair of
values that no training picture has. Retrieval: the sentence's own picture is first, or among five, of 100; beside it
chance, and the result of an ideal reader that knows every attribute of every picture (where several pictures fit a
sentence, it guesses among them). Attributes: the share of those that a sentence names which the shelf's net
`features.avatars` sees in the picture; beside it the share in the real picture of the sentence (the truth: the net's
own accuracy), and in the picture of another sentence (chance). Variety: distances in that net's features between
pictures of one sentence, as a share of those between pictures of different sentences.

Emoji are found by their name, and by name and keywords, as Noto and as Twemoji draw them; no emoji of the test part was
learnt from in any drawing. Names without any word that was known in training are left in: only chance finds them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from benchmarks.timing import Row, report
from gan_core import data
from gan_core.data.avatars import sentences
from gan_core.data.avatars.attributes import ATTRIBUTES, COLUMN
from gan_core.errors import GanscopeError, UnknownName
from gan_core.latent.attribute_classifier import AttributeClassifier, attribute_classifier
from gan_core.latent.explorer import Explorer
from gan_core.latent.words import Guidance, by_attributes, by_clip, followed, guided
from gan_core.models import listing, loading
from gan_core.models.card import read_card
from gan_core.models.sampler import Sampler
from gan_core.objectives.matching import retrieval
from gan_core.runs.store import RunStore

AMONG = 100
EMOJI, EMOJI_SET = "clip.emoji", "emoji_captions"
NET, CLIP, STACKGAN, SEARCHED = "features.avatars", "clip.avatars", "stackgan.avatars", "projected_gan.avatars"
ALIKE = 16  # pictures of one sentence, for its variety
Draw = Callable[[Tensor, int], Tensor]  # tokens (T,), seed -> a picture (1, C, H, W)


def fitting(rows: np.ndarray, captions: np.ndarray) -> tuple[float, float]:
    """What a perfect reader finds first, and among five, of AMONG pictures; attributes (N, K), tokens (N, T)."""
    first, five = [], []
    for start in range(0, len(rows) - AMONG + 1, AMONG):
        group = rows[start : start + AMONG]
        for tokens in captions[start : start + AMONG]:
            fits = np.ones(AMONG, bool)
            for name, values in sentences.read_tokens(tokens).items():
                known = ATTRIBUTES[COLUMN[name]].values
                fits &= np.isin(group[:, COLUMN[name]], [known.index(value) for value in values])
            first.append(1 / fits.sum())
            five.append(min(1.0, 5 / fits.sum()))
    return float(np.mean(first)), float(np.mean(five))


def share(classifier: AttributeClassifier, pictures: Tensor, captions: np.ndarray) -> tuple[float, int]:
    """The share of named attributes that are seen in the pictures (N, C, H, W) of sentences (N, T), and how many."""
    seen = classifier.named(pictures)
    right = [
        followed({name: values[[place]] for name, values in seen.items()}, meaning, classifier.attributes)[0]
        for place, tokens in enumerate(captions)
        if (meaning := sentences.read_tokens(tokens))
    ]
    every = torch.cat(right).float()
    return float(every.mean()), len(every)


def by_attribute(classifier: AttributeClassifier, pictures: Tensor, captions: np.ndarray) -> dict[str, float]:
    """The same for each attribute."""
    seen, found = classifier.named(pictures), dict[str, list[bool]]()
    for place, tokens in enumerate(captions):
        for name, values in sentences.read_tokens(tokens).items():
            value = classifier.attributes[name][int(seen[name][place])]
            found.setdefault(name, []).append(value in values)
    return {name: float(np.mean(right)) for name, right in sorted(found.items())}


def variety(features: Callable[[Tensor], Tensor], draw: Draw, captions: np.ndarray) -> float:
    """How far pictures of one sentence lie apart, as a share of how far those of different sentences do."""
    within, firsts = [], []
    for tokens in captions:
        made = features(torch.cat([draw(torch.from_numpy(tokens), seed) for seed in range(ALIKE)]))
        within.append(torch.pdist(made).mean())
        firsts.append(made[0])
    return float(torch.stack(within).mean() / torch.pdist(torch.stack(firsts)).mean())


def run_named(wanted: str) -> str:
    """The id of a run, by its id or name."""
    found = [run.id for run in RunStore().runs() if wanted in (run.id, run.name)]
    if not found:
        raise UnknownName("run", wanted, [run.name or run.id for run in RunStore().runs()])
    return found[0]


def sampled(sampler: Sampler) -> Draw:
    """Pictures by a model that follows words."""

    def draw(tokens: Tensor, seed: int) -> Tensor:
        latents = torch.randn(1, sampler.hparams.latent_size, generator=torch.Generator().manual_seed(seed))
        return sampler.draw(latents, tokens[None])

    return draw


def searched(guide: str, steps: int, classifier: AttributeClassifier) -> Draw:
    """Pictures by a search in a model that knows no words."""
    explorer, clip = Explorer(loading.load(SEARCHED)), loading.load(CLIP) if guide == "clip" else None

    def draw(tokens: Tensor, seed: int) -> Tensor:
        fit = by_clip(clip, tokens) if clip else by_attributes(classifier, sentences.read_tokens(tokens.numpy()))
        return list(guided(explorer, fit, Guidance(1, steps, seed=seed), every=steps or 1))[-1].pictures

    return draw


def percent(value: float) -> str:
    return f"{value:.1%}"


def found_by(clip: Sampler, real: Tensor, captions: np.ndarray) -> Mapping[str, float]:
    """Shares of pictures (N, C, H, W) that their sentences (N, T) find, by a model of the recipe `clip`."""
    network = clip.networks["clip"]
    with torch.no_grad():
        images = torch.cat([network.of_images(part) for part in torch.split(real, 100)])  # type: ignore[operator]
        vectors = network.of_words(torch.from_numpy(captions))  # type: ignore[operator]
    return retrieval(images, vectors, AMONG)


def emoji(clip: Sampler) -> list[Row]:
    """Emoji that a model hasn't seen, found by their names."""
    test = data.load(f"test:{EMOJI_SET}", clip.spec.size)
    real = torch.from_numpy(test.arrays["real"]).float() / 127.5 - 1
    count, made = len(test) // AMONG * AMONG, []
    for words, place in (("by name", 0), ("by name and keywords", 1)):
        captions = test.arrays["caption"][:, place]
        found, none = found_by(clip, real, captions), float((captions > sentences.UNKNOWN).any(1).mean())
        known = f"{percent(none)} have a known word"
        made += [
            Row(f"emoji {words}, first of {AMONG}, {count} pictures", percent(found["top1"]), f"chance 1 %; {known}"),
            Row(f"emoji {words}, among five of {AMONG}", percent(found["top5"]), "chance 5 %"),
        ]
    return made


def retrieved(name: str, real: Tensor, captions: np.ndarray, rows: np.ndarray) -> list[Row]:
    found, best = found_by(loading.load(name), real, captions), fitting(rows, captions)
    count = len(captions) // AMONG * AMONG
    return [
        Row(f"{words}, {count} sentences", percent(found[kind]), f"chance {chance} %, perfect reader {percent(most)}")
        for words, kind, chance, most in (
            (f"first of {AMONG}", "top1", 1, best[0]), (f"among five of {AMONG}", "top5", 5, best[1]),
        )
    ]  # fmt: skip


def drawn(
    draw: Draw, classifier: AttributeClassifier, real: Tensor, captions: np.ndarray, words: str, each: bool
) -> list[Row]:
    began = time.perf_counter()
    pictures = torch.cat([draw(torch.from_numpy(tokens), seed) for seed, tokens in enumerate(captions)])
    seconds = (time.perf_counter() - began) / len(captions)
    right, count = share(classifier, pictures, captions)
    truth, _ = share(classifier, real, captions)
    chance, _ = share(classifier, pictures.roll(1, 0), captions)
    rows = [
        Row(f"attributes right, {words}, {count} of {len(captions)} sentences", percent(right),
            f"truth {percent(truth)}, chance {percent(chance)}; {seconds:.2f} s a picture")
    ]  # fmt: skip
    if each:
        truths = by_attribute(classifier, real, captions)
        rows += [
            Row(f"  {name}", percent(value), f"truth {percent(truths[name])}")
            for name, value in by_attribute(classifier, pictures, captions).items()
        ]
    return rows


def rows(options: argparse.Namespace) -> list[Row]:
    if options.emoji:
        return emoji(loading.from_run(RunStore(), run_named(options.run)) if options.run else loading.load(EMOJI))
    test = data.load("test:avatars_captions", 64)
    half, count = len(test) // 2, min(options.sentences, len(test) // 2)
    real = torch.from_numpy(test.arrays["real"]).float() / 127.5 - 1
    captions, known = test.arrays["caption"], test.arrays["attributes"]
    classifier = attribute_classifier(loading.load(NET), read_card(listing.folder_of(NET)).attributes)
    network = loading.load(NET).networks["features"]

    def features(pictures: Tensor) -> Tensor:
        with torch.no_grad():
            found: Tensor = network(pictures)[0]
        return found

    made: list[Row] = []
    if CLIP in listing.names():
        for language, place in (("English", 0), ("Chinese", 1)):
            made.append(Row(f"{language}:", ""))
            made += retrieved(CLIP, real[:half], captions[:half, place], known[:half])
    if options.search is not None:
        draw = searched(options.guide, options.search, classifier)
    elif options.run:
        draw = sampled(loading.from_run(RunStore(), run_named(options.run)))
    elif STACKGAN in listing.names():
        draw = sampled(loading.load(STACKGAN))
    else:
        return made
    for words, start in (("seen pairs", 0), ("unseen pairs", half)):
        chosen = captions[start : start + count, 0], real[start : start + count]
        made += drawn(draw, classifier, chosen[1], chosen[0], words, options.each and not start)
    if options.search is None:
        made.append(
            Row("variety within a sentence", f"{variety(features, draw, captions[:20, 0]):.2f}", "20 sentences")
        )
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.words", description=__doc__.partition("\n")[0])
    parser.add_argument("--run", default="", help="a run in place of the shelf's model, by name or id")
    parser.add_argument("--emoji", action="store_true", help="retrieval of emoji alone, by the shelf's CLIP or a run's")
    parser.add_argument("--search", type=int, help=f"steps of a search in {SEARCHED}")
    parser.add_argument("--guide", default="clip", choices=("clip", "attributes"), help="what the search follows")
    parser.add_argument("--sentences", type=int, default=300, help="of seen and of unseen pairs each")
    parser.add_argument("--each", action="store_true", help="the share of each attribute")
    try:
        report("Words and pictures", rows(parser.parse_args(arguments)))
    except GanscopeError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
