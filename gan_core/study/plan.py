"""The plan of a study: arms, numbers of real images, repetitions. Needs no torch.

A *setting* is the number of real images per class: the same for all (`k20`), or an unbalanced set (`u400`: 400 of each
common class and a twentieth of the last one). An *arm* defines the classifier's training images:

    real        the real images unchanged
    classical   real images, turned, slanted, stretched and moved a little
    gan         real images and an equal number of generated ones
    both        the images of `gan`, altered as in `classical`

In every arm all classes are shown equally often and the steps are the same, so that no arm benefits from balancing or
longer training. The GAN is trained on the same real images as the classifier, and on no others.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from gan_core.errors import BadValue, UnknownName

ARMS = ("real", "classical", "gan", "both")
ALTERED = ("classical", "both")
GENERATED = ("gan", "both")
SIZES = (8, 16, 28, 32, 56, 64)  # pixels: those of the recipe cgan that suit small images and an hour of training
RATIO = 20  # of an unbalanced set: the ratio of each common class to the last class
LIMITS: Mapping[str, tuple[int, int]] = {
    "k": (2, 100_000),
    "seeds": (1, 100),
    "steps": (1, 1_000_000),
    "gan_steps": (1, 1_000_000),
}


@dataclass(frozen=True)
class Setting:
    """The numbers of real images of each common class, and of the last class."""

    common: int
    rare: int

    @property
    def name(self) -> str:
        return f"k{self.common}" if self.common == self.rare else f"u{self.common}"

    def counts(self, classes: int) -> list[int]:
        """The number of each class, in the order of the labels."""
        return [self.common] * (classes - 1) + [self.rare]


@dataclass(frozen=True)
class Cell:
    """One classifier of a study."""

    setting: Setting
    seed: int
    arm: str

    @property
    def name(self) -> str:
        return f"{self.setting.name}.{self.arm}.{self.seed}"


@dataclass(frozen=True)
class StudyPlan:
    """The plan of a study. `unbalanced` is the number of each common class in the unbalanced set, 0: without it.

    `steps` are those of each classifier, `gan_steps` those of each GAN; `size` is in pixels.
    """

    data: str
    size: int
    k: tuple[int, ...] = (20, 50, 100, 500)
    unbalanced: int = 400
    seeds: int = 5
    steps: int = 400
    gan_steps: int = 2000
    arms: tuple[str, ...] = ARMS

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            given = getattr(self, name)
            for value in given if isinstance(given, tuple) else (given,):
                if not low <= value <= high:
                    raise BadValue(
                        "{name} must be between {low} and {high}, got {value}.",
                        name=name, low=low, high=high, value=value,
                    )  # fmt: skip
        if self.unbalanced and not 2 * RATIO <= self.unbalanced <= LIMITS["k"][1]:
            raise BadValue(
                "unbalanced must be 0 (to leave it out) or at least {least}: one image in {ratio} is of the rare "
                "class.",
                least=2 * RATIO, ratio=RATIO,
            )  # fmt: skip
        if not self.settings:
            raise BadValue("Give at least one number of real images per class.")
        if not self.arms:
            raise BadValue("A study needs at least one arm. Valid: {valid}.", valid=", ".join(ARMS))
        if unknown := [arm for arm in self.arms if arm not in ARMS]:
            raise UnknownName("arm", ", ".join(unknown), ARMS)

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The settings, fewer images first, the unbalanced one last."""
        balanced = [Setting(k, k) for k in sorted(set(self.k))]
        return (*balanced, *([Setting(self.unbalanced, self.unbalanced // RATIO)] if self.unbalanced else []))

    @property
    def folder(self) -> str:
        """The name of its folder, derived from everything that affects a single result.

        More seeds, arms or numbers of images continue in the same folder.
        """
        fixed = json.dumps([self.data, self.size, self.steps, self.gan_steps])
        readable = re.sub(r"[^a-z0-9]+", "-", self.data.lower()).strip("-")[-40:]
        return f"{readable}-{hashlib.sha256(fixed.encode()).hexdigest()[:8]}"

    def cells(self) -> Iterator[Cell]:
        """Every classifier; seeds outermost, so that an unfinished study has complete comparisons."""
        arms = [arm for arm in ARMS if arm in self.arms]
        for seed, setting, arm in product(range(self.seeds), self.settings, arms):
            yield Cell(setting, seed, arm)

    def to_state(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return dict(vars(self)) | {"k": list(self.k), "arms": list(self.arms)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> StudyPlan:
        return cls(**(dict(state) | {"k": tuple(state["k"]), "arms": tuple(state["arms"])}))


def fitting(native: int) -> int:
    """The size for images of `native` pixels: the smallest that is large enough, else the largest."""
    return min((size for size in SIZES if size >= native), default=SIZES[-1])


def numbers(text: str) -> tuple[int, ...]:
    """Parses numbers like `20,50`; raises BadValue."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise BadValue("'{text}' must be integers separated by commas, such as 20,50.", text=text) from None


def words(text: str) -> Sequence[str]:
    """Splits words like `real,gan`."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
