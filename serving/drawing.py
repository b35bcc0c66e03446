"""Draws a batch of requests at once: through an ONNX session if there is one, else through PyTorch.

    w = mapping(z)  ->  w' = mean + psi (w - mean), psi of each wish  ->  w+ for each layer  ->  one batch of pictures

Styled models are drawn from w+, so that seeds, truncations of any strength, edits and mixtures fit into the same batch.
All others are drawn from z and class.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from gan_core.errors import GanscopeError
from gan_core.latent.explorer import Explorer
from gan_core.latent.points import Points, joined
from gan_core.latent.truncation import Truncation, truncated
from gan_core.layers.classes import Name
from gan_core.models import listing, loading
from gan_core.models.card import read_card
from gan_core.pictures.grids import to_uint8
from serving import exports
from serving.sampling import ONNX, TORCH, SampleDrawer, rows_of
from ui.studio.models.opened import Opened, draws_pictures
from ui.studio.requests.right_of_way import right_of_way

_exporting = threading.Lock()
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wish:
    """Pictures of one request: their points, and how they are truncated. Points with `ws` are drawn as they are."""

    points: Points
    psi: float | None = None

    def __len__(self) -> int:
        return len(self.points)


def loaded(name: str) -> Opened:
    """A model of the shelf by its name, never by a path; raises UnknownName or BadCheckpoint."""
    folder = listing.standing(name)
    return Opened(name, read_card(folder), Explorer(loading.load(str(folder))), folder)


def drawer_of(name: str) -> Drawer | SampleDrawer:
    """The drawer for a model of the shelf; raises UnknownName or BadCheckpoint."""
    folder = listing.standing(name)
    card = read_card(folder)
    return Drawer(loaded(name)) if draws_pictures(card) else SampleDrawer(card, loading.load(str(folder)), folder)


class Drawer:
    """Draws for one model."""

    pictured = True

    def __init__(self, model: Opened) -> None:
        self.model = model
        self.explorer = model.explorer
        self.card, self.sampler = model.card, model.explorer.sampler
        self._session: Any = None

    @property
    def engine(self) -> str:
        return TORCH if self._session is None else ONNX

    def prepare(self) -> None:
        """Exports the model, or opens its export, and draws through it from then on. Failures go into the log."""
        try:
            part = "w" if self.explorer.styled else ""
            self._session = exports.session_of(self.model.folder, self.model.card.sha256, part)
        except GanscopeError as error:
            logger.warning("%s is drawn by PyTorch: %s", self.model.name, error)

    def wish(
        self, count: int, seed: int, label: Name | None = None, latents: Sequence[Sequence[float]] | None = None,
        psi: float | None = None,
    ) -> Wish:  # fmt: skip
        """Pictures by their seed, or from a client's `latents`; raises BadValue."""
        if latents is not None:
            points = given_points(self.explorer, latents, label)
        else:
            points = bare_points(self.explorer, count, seed, label)
        return wish_of(self.explorer, points, psi)

    @torch.inference_mode()
    def draw(self, wishes: Sequence[Wish]) -> list[np.ndarray]:
        """Levels uint8 (count, H, W, C) of each wish."""
        with right_of_way.first():  # long jobs of the same process pause meanwhile
            points = self._placed(wishes)
            levels = self._through_session(points) if self._session is not None else None
            if levels is None:
                levels = to_uint8(self.explorer.draw(points))
        ends = np.cumsum([len(wish.points) for wish in wishes])[:-1]
        return np.split(levels, ends)

    def _placed(self, wishes: Sequence[Wish]) -> Points:
        """All points as one batch; of styled models w+, mapped together."""
        styled = self.explorer.styled
        if styled is None:
            return joined([wish.points for wish in wishes])
        bare = [wish for wish in wishes if wish.points.ws is None]
        placed: list[Tensor] = []
        if bare:
            mapped = self.explorer.placed(joined([wish.points for wish in bare])).ws
            assert mapped is not None
            counts = [len(wish.points) for wish in bare]
            each = torch.tensor([1.0 if wish.psi is None else wish.psi for wish in bare])
            psi = each.repeat_interleave(torch.tensor(counts))[:, None, None]  # (B,) -> (B, 1, 1)
            pulled = styled.w_mean.lerp(mapped, psi)  # (w_size,) and (B, layers, w_size)
            placed = list(pulled.tensor_split(np.cumsum(counts)[:-1].tolist()))
        parts = [wish.points.ws if wish.points.ws is not None else placed.pop(0) for wish in wishes]
        return Points(ws=torch.cat(parts))

    def _through_session(self, points: Points) -> np.ndarray | None:
        """None if the network's inputs can't express the request: a blend of classes."""
        if points.ws is not None:
            inputs = {"w": points.ws.numpy()}
        else:
            assert points.latents is not None
            inputs = {"z": points.latents.numpy()}
            if points.classes is not None:
                places = points.classes.argmax(1)
                if not torch.equal(points.classes, one_hot(places, points.classes.shape[1]).float()):
                    return None
                inputs["class"] = places.numpy()
        levels: np.ndarray = self._session.run(None, inputs)[0]
        return levels


def bare_points(explorer: Explorer, count: int, seed: int, label: Name | None) -> Points:
    """As `Explorer.sample`, without w: a whole batch is mapped at once. Raises BadValue."""
    latents, labels = explorer.sampler.latents(count, seed, explorer.sampler.asked_for(label))
    return Points(latents, _shares(explorer, labels))


def given_points(explorer: Explorer, latents: Sequence[Sequence[float]], label: Name | None) -> Points:
    """Latents that the client chose, (count, latent_size); raises BadValue."""
    drawn, labels = explorer.sampler.latents(len(latents), 0, explorer.sampler.asked_for(label))
    return Points(rows_of(latents, drawn.shape[1]), _shares(explorer, labels))


def _shares(explorer: Explorer, labels: Tensor | None) -> Tensor | None:
    """Shares of the classes, (count, classes), from labels (count,) or shares."""
    if labels is None or labels.is_floating_point():
        return labels
    return one_hot(labels, explorer.sampler.spec.classes).float()


def wish_of(explorer: Explorer, points: Points, psi: float | None) -> Wish:
    """Raises BadValue for a model that can't be truncated."""
    if psi is None:
        return Wish(points)
    explorer.sampler.check_truncation(psi)
    if explorer.styled is not None and points.ws is None:
        return Wish(points, psi)
    return Wish(truncated(explorer, points, Truncation(psi)))


def prepare_later(drawer: Drawer | SampleDrawer) -> threading.Thread:
    """Prepares a drawer in a thread of its own; several are prepared one after the other."""
    thread = threading.Thread(target=_prepare, args=(drawer,), name="export", daemon=True)
    thread.start()
    return thread


def _prepare(drawer: Drawer | SampleDrawer) -> None:
    with _exporting:
        drawer.prepare()
