"""The avatars with sentences that describe them, in English and Chinese: pictures and tokens.

Each picture has SENTENCES sentences of LENGTH tokens (`data/avatars/sentences`), half of them English; each names
one to five of the visible attributes. Pictures with a pair of values of `UNSEEN` are left out of training. The test
part has faces from another seed: a first half without such pairs, a second half with them, named in their sentences.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from gan_core.data.avatars import sentences
from gan_core.data.avatars.attributes import ATTRIBUTES as KNOWN
from gan_core.data.avatars.attributes import COLUMN, sample_attributes, visible
from gan_core.data.base import DataSet, Progress, Source, register
from gan_core.data.sets.avatars import ATTRIBUTES, LICENCE, SIZE, count_and_seed, drawn_faces

SENTENCES = 8  # of each picture
TEST_COUNT, TEST_SEED = 1000, 2


def _load(name: str, faces: str, size: int | None, progress: Progress) -> DataSet:
    count, seed = count_and_seed(faces)
    attributes = sample_attributes(count, seed)
    kept = np.flatnonzero(~sentences.seen_in(attributes))
    images = drawn_faces(faces, attributes, f"{count}.{seed}", size or SIZE, progress)[kept]
    arrays = {"real": images, "caption": captions(attributes[kept], seed), "attributes": attributes[kept]}
    return DataSet(name, arrays, (), LICENCE, attributes=ATTRIBUTES, vocabulary=sentences.VOCABULARY)


def _test(name: str, size: int | None, progress: Progress) -> DataSet:
    attributes, wanted = for_testing(TEST_COUNT)
    images = drawn_faces("test-captions", attributes, f"{TEST_COUNT}.{TEST_SEED}", size or SIZE, progress)
    arrays = {
        "real": images, "caption": captions(attributes, TEST_SEED, wanted), "attributes": attributes,
        "visible": visible(attributes),
    }  # fmt: skip
    return DataSet(f"test:{name}", arrays, (), LICENCE, attributes=ATTRIBUTES, vocabulary=sentences.VOCABULARY)


def for_testing(count: int) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Attributes (count, K): first without unseen pairs, then each with one, which sentences must name."""
    rows = sample_attributes(8 * count, TEST_SEED)
    ordinary = rows[~sentences.seen_in(rows)][: (count + 1) // 2]
    rare, wanted = rows[-(count // 2) :].copy(), []
    for place, row in enumerate(rare):
        pair = sentences.UNSEEN[place % len(sentences.UNSEEN)]
        for name, value in {"hat": "none", "hair": "crop", **pair}.items():  # so that the pair is visible
            if name in pair or not set(pair) & {"hat", "hair"}:
                row[COLUMN[name]] = KNOWN[COLUMN[name]].values.index(value)
        wanted.append(tuple(pair))
    return np.concatenate([ordinary, rare]), [()] * len(ordinary) + wanted


def captions(attributes: np.ndarray, seed: int, wanted: list[tuple[str, ...]] | None = None) -> np.ndarray:
    """Sentences about faces with these attributes (N, K) as tokens, int64 (N, SENTENCES, LENGTH)."""
    random, seen = np.random.default_rng(seed), visible(attributes)
    made = np.zeros((len(attributes), SENTENCES, sentences.LENGTH), np.int64)
    for place, (row, shown) in enumerate(zip(attributes, seen, strict=True)):
        for number in range(SENTENCES):
            asked = wanted[place] if wanted else ()
            made[place, number] = sentences.tokens(sentences.compose(row, shown, random, number % 2 == 1, asked))
    return made


def _register_described(name: str, title: str, about: str, faces: str, like: str = "") -> None:
    items = int((~sentences.seen_in(sample_attributes(*count_and_seed(faces)))).sum())
    register(
        Source(
            name=name, title=title, about=about, licence=LICENCE, size=SIZE, channels=3, items=items, class_names=(),
            load=partial(_load, name, faces), test=partial(_test, name), available=lambda: True,
            task="captions", attributes=ATTRIBUTES, shapes={"caption": (SENTENCES, sentences.LENGTH)},
            vocabulary=sentences.VOCABULARY, like=like,
        )
    )  # fmt: skip


_register_described(
    "avatars_captions",
    "Described avatars",
    "About 3,700 drawn faces, each with eight sentences in English and Chinese that name some of its attributes. Seven "
    "pairs of attributes, such as red hair with round glasses, are kept for testing.",
    "avatars",
)
_register_described(
    "avatars_20k_captions",
    "Described avatars, 20,000",
    "About 18,500 drawn faces, each with eight sentences in English and Chinese that name some of its attributes. "
    "Seven pairs of attributes, such as red hair with round glasses, are kept for testing.",
    "avatars_20k",
    like="avatars_captions",
)
