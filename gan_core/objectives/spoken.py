"""Sounds of who says what: the adversarial objective conditioned on classes and speakers together.

    L_D = E[l_real(D(x, c))] + E[l_fake(D(G(z, c), c))] + penalty        L_G = E[l_generator(D(G(z, c), c))]

c (B, classes + speakers) is what was said, by whom, as one row of weights. The first columns are weights of the
classes, the others of the first attribute (the speaker), each summing to 1; rows between those of two sounds blend
them. Data without classes or attributes have fewer columns, down to none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue, listed
from gan_core.hparams import AdversarialHParams
from gan_core.layers.classes import place_of
from gan_core.layers.spectrum import FLOOR, TOP, spectrograms
from gan_core.objectives.adversarial import Adversarial, DiscriminatorOutput, Fakes
from gan_core.objectives.base import Batch, Networks, StepContext

Settings = TypeVar("Settings", bound=AdversarialHParams)


class Spoken(Adversarial[Settings]):
    """Waves, unchanged or as log-mel spectrograms, with word and speaker as labels."""

    def __init__(self, hparams: Settings, as_spectrograms: bool) -> None:
        super().__init__(hparams, conditional=True)
        self.as_spectrograms = as_spectrograms

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        super().setup(networks, spec)
        self._spec = spec

    def prepare(self, batch: Batch, context: StepContext[Settings]) -> Batch:
        return super().prepare({**batch, "label": of_batch(batch, self._spec)}, context)

    def real(self, samples: Tensor, context: StepContext[Settings]) -> Tensor:
        return spectrograms(samples, self._spec.rate) if self.as_spectrograms else samples

    def discriminator_extras(
        self,
        networks: Networks,
        real: DiscriminatorOutput,
        fake: DiscriminatorOutput,
        batch: Batch,
        fakes: Fakes,
        context: StepContext[Settings],
    ) -> dict[str, Tensor]:
        """Adds no term; observes the loudness of generated sounds: their RMS relative to that of real ones."""
        heard = [self._loudness(sounds) for sounds in (fakes.images, batch["real"])]
        context.observe("loudness", (heard[0] / heard[1].clamp(min=1e-6)).reshape(1))
        return {}

    def _loudness(self, sounds: Tensor) -> Tensor:
        powers = 10 ** (sounds.detach() * (TOP - FLOOR)) if self.as_spectrograms else sounds.detach().square()
        return powers.mean().sqrt()


def widths(spec: DataSpec) -> tuple[int, int]:
    """The numbers of classes and speakers."""
    return spec.classes, next(iter(spec.attributes.values()), 0)


def of_batch(batch: Mapping[str, Tensor], spec: DataSpec) -> Tensor:
    """Word and speaker of a batch's sounds, (B, classes + speakers)."""
    classes, speakers = widths(spec)
    parts = [one_hot(batch["label"], classes)] if classes else []
    parts += [one_hot(batch["attributes"][:, 0], speakers)] if speakers else []
    return torch.cat(parts, 1).float() if parts else torch.zeros(len(batch["label"]), 0)


def weights_of(labels: Tensor | None, count: int, spec_widths: tuple[int, int], like: Tensor) -> Tensor:
    """Rows for a generator (B, classes + speakers): from such rows, classes (B,), or shares of classes (B, classes).
    Without a speaker all speakers are equally likely, and without labels all classes.
    """
    classes, speakers = spec_widths
    if labels is not None and labels.is_floating_point() and labels.shape[1] == classes + speakers:
        return labels.to(like)
    anyone = like.new_full((count, speakers), 1 / max(1, speakers))
    if labels is None:
        return torch.cat([like.new_full((count, classes), 1 / max(1, classes)), anyone], 1)
    said = labels if labels.is_floating_point() else one_hot(labels, classes)
    return torch.cat([said.to(like), anyone], 1)


def asked_for(spec: DataSpec, count: int, asked: Any) -> Tensor:
    """The label of `Sampler.sample` as rows of weights: None (all in turn), a class by index or name ("3"), a speaker
    ("theo"), both ("3 theo"), or shares of these, as in {"3 theo": 0.5, "8 lucas": 0.5} or in a text of them, "3
    theo:0.5,8 lucas:0.5".

    Raises BadValue, which lists what is valid, for others.
    """
    if isinstance(asked, str) and ":" in asked and asked not in spec.class_names:
        asked = _shares(asked)
    if not isinstance(asked, Mapping):
        return _rows(spec, count, asked)
    if not all(isinstance(share, (int, float)) for share in asked.values()):
        raise BadValue("The weights of a blend must be non-negative numbers, not all 0.")
    total = sum(asked.values())
    if not 0 < total < math.inf or min(asked.values()) < 0:
        raise BadValue("The weights of a blend must be non-negative numbers, not all 0.")
    return torch.stack([_rows(spec, count, one) * (share / total) for one, share in asked.items()]).sum(0)


def _shares(text: str) -> dict[str, float]:
    parts = [part.rpartition(":") for part in text.split(",")]
    try:
        return {name.strip(): float(share) for name, _, share in parts}
    except ValueError:
        raise BadValue(
            "'{text}' is not a valid blend. Write it like this: 3 theo:0.5,8 lucas:0.5.", text=text
        ) from None


def _rows(spec: DataSpec, count: int, asked: Any) -> Tensor:
    classes, speakers = widths(spec)
    said, by = _parts(spec, asked)
    number = torch.arange(count)
    turn = number // max(1, classes)
    rows = []
    if classes:
        rows.append(one_hot(number % classes if said is None else torch.full((count,), said), classes))
    if speakers:
        rows.append(
            one_hot((number % max(1, classes) + turn) % speakers if by is None else torch.full((count,), by), speakers)
        )
    return torch.cat(rows, 1).float() if rows else torch.zeros(count, 0)


def _parts(spec: DataSpec, asked: Any) -> tuple[int | None, int | None]:
    """Indices of class and speaker; None if not given."""
    if asked is None:
        return None, None
    names = speaker_names(spec)
    if not isinstance(asked, str):
        return place_of(asked, spec.class_names, spec.classes), None
    if asked in names:
        return None, names.index(asked)
    said, _, by = asked.rpartition(" ")
    if not said:
        said, by = by, ""
    if by and by not in names:
        if asked in spec.class_names:  # a class whose name contains a space
            said, by = asked, ""
        else:
            raise BadValue("There is no speaker '{name}'. Valid: {names}.", name=by, names=listed(names))
    return place_of(said, spec.class_names, spec.classes), names.index(by) if by else None


def speaker_names(spec: DataSpec) -> tuple[str, ...]:
    """The names of the first attribute's values; numbers if they aren't known."""
    name = next(iter(spec.attributes), "")
    return tuple(spec.attribute_names.get(name, ())) or tuple(map(str, range(widths(spec)[1])))
