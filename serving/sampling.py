"""Draws samples that aren't pictures of a latent space: sound, text, music, molecules, films, episodes, points, and
pictures of a sentence or a pose.

Pictures of words are drawn through an ONNX session if there is one. PyTorch draws all others, so that a request alone
gives the same file as `ganscope sample`; in a batch with others, sums are rounded differently.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_core.errors import BadValue, GanscopeError
from gan_core.layers.classes import Name
from gan_core.media import media
from gan_core.models.card import Card
from gan_core.models.sampler import Sampler
from gan_core.pictures.grids import to_uint8
from serving import exports
from ui.studio.requests.right_of_way import right_of_way

PICTURED = ("captions", "views")  # tasks whose samples are pictures
SAMPLED = (*PICTURED, "points", *(medium.task for medium in media))  # tasks of models that are drawn here
EXPORTED = ("captions",)  # tasks that onnxruntime draws faster; of views it takes almost twice as long as PyTorch
ONNX, TORCH = "onnx", "torch"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Draft:
    """Samples of one request: their latents, what they depend on besides, and how they are truncated."""

    latents: Tensor  # (count, latent_size)
    conditions: Tensor | None = None  # (count, ...), as `Sampler.latents` gives them
    psi: float | None = None

    def __len__(self) -> int:
        return len(self.latents)


class SampleDrawer:
    """Draws for one model."""

    def __init__(self, card: Card, sampler: Sampler, folder: Path) -> None:
        self.card, self.sampler, self.folder = card, sampler, folder
        self.pictured = card.task in PICTURED
        self._session: Any = None

    @property
    def engine(self) -> str:
        return TORCH if self._session is None else ONNX

    def prepare(self) -> None:
        """Exports a model of EXPORTED, and draws through its export from then on. Failures go into the log."""
        if self.card.task not in EXPORTED:
            return
        try:
            self._session = exports.session_of(self.folder, self.card.sha256)
        except GanscopeError as error:
            logger.warning("%s is drawn by PyTorch: %s", self.card.name, error)

    def wish(
        self, count: int, seed: int, label: Name | None = None, latents: Sequence[Sequence[float]] | None = None,
        psi: float | None = None,
    ) -> Draft:  # fmt: skip
        """Samples by their seed, or from a client's `latents`; raises BadValue."""
        self.sampler.check_truncation(psi)
        asked = self.sampler.asked_for(label)
        drawn, conditions = self.sampler.latents(count if latents is None else len(latents), seed, asked)
        return Draft(drawn if latents is None else rows_of(latents, drawn.shape[1]), conditions, psi)

    def draw(self, drafts: Sequence[Draft]) -> list[np.ndarray]:
        """Samples (count, ...) of each draft; pictures as levels uint8 (count, H, W, C)."""
        made: dict[int, np.ndarray] = {}
        with right_of_way.first():  # long jobs of the same process pause meanwhile
            for psi in dict.fromkeys(draft.psi for draft in drafts):
                alike = [place for place, draft in enumerate(drafts) if draft.psi == psi]
                made |= zip(alike, self._drawn([drafts[place] for place in alike]), strict=True)
        return [made[place] for place in range(len(drafts))]

    def _drawn(self, drafts: Sequence[Draft]) -> list[np.ndarray]:
        """Drafts of the same truncation, as one batch."""
        asked = [draft.conditions for draft in drafts if draft.conditions is not None]
        latents, conditions = torch.cat([draft.latents for draft in drafts]), torch.cat(asked) if asked else None
        psi = drafts[0].psi
        if self._session is not None and psi is None and conditions is not None:
            (arrays,) = self._session.run(None, {"z": latents.numpy(), "condition": conditions.numpy()})
        else:
            samples = self.sampler.draw(latents, conditions, psi)
            arrays = to_uint8(samples) if self.pictured else samples.numpy()
        return np.split(arrays, np.cumsum([len(draft) for draft in drafts])[:-1])


def rows_of(latents: Sequence[Sequence[float]], size: int) -> Tensor:
    """Latents that a client chose, (count, latent_size); raises BadValue."""
    if any(len(row) != size for row in latents):
        raise BadValue("latents must be rows of {size} finite numbers.", size=size)
    return torch.tensor(latents, dtype=torch.float32)
