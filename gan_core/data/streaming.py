"""Batches from shards that fit neither into memory nor on the disk: in order of shards, shuffled block by block.

An epoch reads all shards in a new order. A block is the next BUFFER samples, or as many as fit into BUFFER_BYTES as
files; it is shuffled and consumed before the next one is read. The position is five numbers, so a run can be saved
anywhere and continue exactly there: the block is read again from its beginning. Like any shuffle buffer, blocks mix
only neighbouring samples, so samples must already be shuffled within the shards.

All ranks read the same blocks and decode only their own items, so that W ranks have the batches of one process.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from gan_core.data.channels import images_in
from gan_core.data.tars import Sample, samples
from gan_core.data.user import archives
from gan_core.data.user.references import shown
from gan_core.errors import BadData
from gan_core.pictures.decoding import Unusable, decode, in_threads
from gan_core.pictures.fits import CROP

BUFFER = 2048  # samples of a block
BUFFER_BYTES = 256 * 2**20  # of their files
MOST_BROKEN = 0.1  # share of pictures that can't be decoded, above which the run stops; checked from LEAST on
LEAST = 50
TRIED = 4  # files tried for the first look, as a multiple of the pictures needed
N_NOTHING = "None of the pictures in the shards can be used. The first shard is {shard}."


@dataclass(frozen=True)
class Shards:
    """The source of samples, as squares of `size` pixels; those already `seen`, by shard and name, are in the arrays of
    the set.
    """

    names: tuple[str, ...]
    size: int
    seen: tuple[tuple[str, str], ...] = ()
    fit: str = CROP
    buffer: int = BUFFER

    def begin(self, seed: int, spare: np.ndarray, classes: int = 0, held_out: int = 0) -> Flow:
        """Batches in the order of a seed, with labels of `classes` classes (0: none).

        `spare` (N, C, S, S) replace pictures that can't be decoded, and give the number of channels; the last
        `held_out` of those seen are never drawn.
        """
        return Flow(self, seed, spare, classes, frozenset(self.seen[len(self.seen) - held_out :]))


@dataclass
class Position:
    """The beginning of a block (`sample` of shard number `shard` in the epoch's order), and how many were `taken`."""

    epoch: int = 0
    shard: int = 0
    sample: int = 0
    block: int = 0
    taken: int = 0


class Flow:
    """An endless sequence of batches whose state can be saved at any of them."""

    def __init__(
        self, shards: Shards, seed: int, spare: np.ndarray, classes: int, left_out: frozenset[tuple[str, str]]
    ) -> None:
        self.shards, self.seed, self.classes = shards, seed, classes
        self.broken: list[str] = []  # pictures that couldn't be decoded, since the start of this process
        self._spare = spare
        self._left_out = left_out
        self._decoded = 0
        self._at = Position()
        self._block: list[tuple[str, Sample]] = []
        self._source: Iterator[tuple[int, int, str, Sample]] | None = None
        self._next = (0, 0)  # beginning of the following block: index in the order, sample
        self._drawn_in_epoch = 0

    def next(self, count: int, rank: int = 0, ranks: int = 1) -> dict[str, np.ndarray]:
        """This rank's part of the next `count` items: `real` uint8 (B, C, S, S), and `label` int64 (B,) if known.

        Raises BadData, which names the shard, for one that is missing or damaged or an unknown class.
        """
        taken = [self._take() for _ in range(count)][rank::ranks]
        results = in_threads(partial(_decoded, size=self.shards.size, fit=self.shards.fit), [one for _, one in taken])
        images = [self._usable(*named, result) for named, result in zip(taken, results, strict=True)]
        real = images_in(np.stack(images), self._spare.shape[1])
        if not self.classes:
            return {"real": real}
        return {"real": real, "label": np.asarray([self._label(*one) for one in taken], np.int64)}

    def state_dict(self) -> dict[str, Any]:
        return {"position": list(vars(self._at).values()), "shards": self._digest()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from a saved state; raises BadData if the shards are others or have changed."""
        if state["shards"] != self._digest():
            raise BadData("The shards aren't those that this run was saved with.")
        self._at = Position(*map(int, state["position"]))
        self._source, self._block, self._drawn_in_epoch = None, [], 1
        self._next = (self._at.shard, self._at.sample)
        if self._at.taken:
            self._fill()
        if self._at.taken > len(self._block):
            name = self.shards.names[self._order()[self._at.shard]]
            raise BadData("The shard {shard} has changed since this run was saved.", shard=shown(name))

    def _digest(self) -> str:
        """A digest of the names only, so that a folder can be moved."""
        names = "\0".join(name.rpartition("/")[2] for name in self.shards.names)
        return hashlib.sha256(_as_bytes(names)).hexdigest()[:16]

    def _order(self) -> np.ndarray:
        return np.random.default_rng((self.seed, self._at.epoch)).permutation(len(self.shards.names))

    def _take(self) -> tuple[str, Sample]:
        while self._at.taken >= len(self._block):
            self._advance()
        self._at.taken += 1
        return self._block[self._at.taken - 1]

    def _advance(self) -> None:
        """Moves to the next block; after the last one of an epoch, to the first of the next."""
        at = self._at
        if self._block or self._source is not None:
            at.block += 1
        at.shard, at.sample = self._next
        at.taken = 0
        self._fill()
        if self._block:
            self._drawn_in_epoch += len(self._block)
            return
        if not self._drawn_in_epoch:
            raise BadData(N_NOTHING, shard=shown(self.shards.names[0]))
        self._at = Position(epoch=at.epoch + 1)
        self._source, self._next, self._drawn_in_epoch = None, (0, 0), 0

    def _fill(self) -> None:
        """Reads the block that begins at the present position, shuffled; an empty one at the end of the epoch."""
        if self._source is None:
            self._source = self._samples(self._at.shard, self._at.sample)
        block: list[tuple[str, Sample]] = []
        held = 0
        while len(block) < self.shards.buffer and held < BUFFER_BYTES:
            found = next(self._source, None)
            if found is None:
                self._next = (len(self.shards.names), 0)
                break
            place, number, shard, sample = found
            self._next = (place, number + 1)
            if (shard, sample.name) not in self._left_out:
                block.append((shard, sample))
                held += len(sample.picture)
        chosen = np.random.default_rng((self.seed, self._at.epoch, self._at.block)).permutation(len(block))
        self._block = [block[one] for one in chosen]

    def _samples(self, first: int, skip: int) -> Iterator[tuple[int, int, str, Sample]]:
        """All samples from a position to the epoch's end: index of the shard, number in it, shard, sample."""
        order = self._order()
        for place in range(first, len(order)):
            shard = self.shards.names[order[place]]
            begun = skip if place == first else 0
            for number, sample in enumerate(samples(shard, begun), begun):
                yield place, number, shard, sample

    def _usable(self, shard: str, sample: Sample, result: np.ndarray | Unusable) -> np.ndarray:
        self._decoded += 1
        if not isinstance(result, Unusable):
            return result
        self.broken.append(f"{shown(shard)}: {archives.shown(sample.name)} ({result})")
        if self._decoded >= LEAST and len(self.broken) > MOST_BROKEN * self._decoded:
            raise BadData(
                "{count} of {all} pictures in the shards can't be used, such as {first}.",
                count=len(self.broken), all=self._decoded, first=self.broken[0],
            )  # fmt: skip
        # the same on every rank and after every resume
        place = int.from_bytes(hashlib.sha256(_as_bytes(sample.name)).digest()[:4]) % len(self._spare)
        spare: np.ndarray = images_in(self._spare[place : place + 1], 3)[0]
        return spare

    def _label(self, shard: str, sample: Sample) -> int:
        if not 0 <= sample.label < self.classes:
            raise BadData(
                "{file} in the shard {shard} has the class {label}; those of the first pictures are 0 to {last}.",
                file=archives.shown(sample.name), shard=shown(shard),
                label=sample.label if sample.label >= 0 else "none", last=self.classes - 1,
            )  # fmt: skip
        return sample.label


@dataclass(frozen=True)
class Look:
    """The first usable samples, `seen` by shard and name: pictures uint8 (N, 3, S, S), labels, and files left out."""

    seen: tuple[tuple[str, str], ...]
    images: np.ndarray
    labels: tuple[int, ...]
    skipped: tuple[tuple[str, str], ...]


def look(shards: Shards, count: int) -> Look:
    """The first `count` samples that can be used; raises BadData if there are none."""
    seen: list[tuple[str, str]] = []
    images: list[np.ndarray] = []
    labels: list[int] = []
    skipped: list[tuple[str, str]] = []
    every = ((shard, sample) for shard in shards.names for sample in samples(shard))
    for shard, sample in islice(every, TRIED * count):
        result = _decoded(sample, shards.size, shards.fit)
        if isinstance(result, Unusable):
            skipped.append((archives.shown(sample.name), str(result)))
            continue
        seen.append((shard, sample.name))
        images.append(result)
        labels.append(sample.label)
        if len(seen) == count:
            break
    if not seen:
        raise BadData(N_NOTHING, shard=shown(shards.names[0]))
    return Look(tuple(seen), np.stack(images), tuple(labels), tuple(skipped))


def _as_bytes(name: str) -> bytes:
    """A name as the tar has it, in whatever encoding."""
    return name.encode("utf-8", "surrogateescape")


def _decoded(sample: Sample, size: int, fit: str) -> np.ndarray | Unusable:
    if not sample.picture:
        return Unusable("empty")
    try:
        return decode(io.BytesIO(sample.picture), size, fit).pixels
    except Unusable as reason:
        return reason
