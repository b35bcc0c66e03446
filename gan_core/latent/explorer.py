"""The latent spaces of every generator behind one interface.

    z, and the classes' shares c  ->  w = f(z, c)  ->  w+ = (w, ..., w), one for each layer  ->  picture

| space   | models                        | a point                                                         |
| ------- | ----------------------------- | --------------------------------------------------------------- |
| `z`     | all                           | (latent_size,), normally distributed                            |
| `class` | with classes                  | (classes,) shares; they blend the rows of the class embedding   |
| `codes` | InfoGAN                       | categories as whole numbers, then values in [-1, 1]             |
| `w`     | style-based (1812.04948)      | (w_size,)                                                       |
| `w+`    | style-based (1904.03189)      | (layers, w_size)                                                |

`read` and `write` access points through any of them. Pictures are drawn with constant noise, so that a point always
gives the same picture. Edits are made in `home`: w+ if there is one, else z.
"""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from gan_core.checkpoint import fingerprint
from gan_core.errors import BadValue, UnknownName
from gan_core.latent.codes import read_codes, write_codes
from gan_core.latent.points import Points
from gan_core.layers.classes import Classes
from gan_core.layers.style_generator import NoiseMode, StyleGenerator
from gan_core.models.sampler import Sampler

TASKS = ("images", "views")  # whose pictures need nothing but latents; a view's pose is given by chance
CHUNK = 64  # pictures drawn at once
SHOWN = 16  # digits of a fingerprint


@dataclass(frozen=True)
class Space:
    """One latent space of a model."""

    name: str  # "z", "class", "codes", "w", "w+"
    shape: tuple[int, ...]  # of one point


class Explorer:
    """A model and its latent spaces. `lock` guards the networks while hooks are attached."""

    def __init__(self, sampler: Sampler) -> None:
        """Raises BadValue for a model that doesn't generate pictures from latents alone."""
        generator = sampler.networks.get("generator")
        recipe = sampler.recipe
        drawn = recipe.draws and recipe.task in TASKS and len(sampler.spec.fields.get("real", ())) == 3
        if generator is None or not drawn or not hasattr(sampler.hparams, "latent_size"):
            raise BadValue(
                "{recipe} has no latent space of images. Choose a model that generates images from latents alone.",
                recipe=recipe.title,
            )
        self.sampler = sampler
        self.generator: nn.Module = generator
        self.styled = generator if isinstance(generator, StyleGenerator) else None
        self.lock = threading.RLock()

    def apart(self) -> Explorer:
        """The same model with a separate lock and hooks, so that users don't wait for each other; shares weights."""
        networks = dict(self.sampler.networks)
        weights = [one for network in networks.values() for one in (*network.parameters(), *network.buffers())]
        with self.lock:  # or the copy would keep hooks that another thread has attached
            copies = copy.deepcopy(networks, {id(one): one for one in weights})
        return Explorer(Sampler(self.sampler.recipe, self.sampler.hparams, self.sampler.spec, copies))

    @property
    def device(self) -> torch.device:
        return next(self.generator.parameters()).device

    @property
    def layers(self) -> int:
        """The number of layers with a w of their own; 0 if the model isn't style-based."""
        return self.styled.num_ws if self.styled else 0

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(C, H, W) of a picture."""
        return self.sampler.spec.fields["real"]

    @property
    def magnifies(self) -> bool:
        """Whether the model draws larger pictures with outlines as crisp as those of its own size."""
        return self.styled is not None and self.styled.magnifies

    @property
    def home(self) -> str:
        """The space of edits: w+ if there is one, else z."""
        return "w+" if self.styled else "z"

    @cached_property
    def spaces(self) -> dict[str, Space]:
        """All spaces of this model by name."""
        hparams: Any = self.sampler.hparams
        shapes: dict[str, tuple[int, ...]] = {"z": (hparams.latent_size,)}
        if self.sampler.recipe.conditional:
            shapes["class"] = (self.sampler.spec.classes,)
        if "codes" in self.sampler.recipe.capabilities:
            shapes["codes"] = (hparams.categorical_codes + hparams.continuous_codes,)
        if self.styled:
            shapes |= {"w": (hparams.w_size,), "w+": (self.layers, hparams.w_size)}
        return {name: Space(name, shape) for name, shape in shapes.items()}

    def space(self, name: str) -> Space:
        """Raises UnknownName if this model has no such space."""
        if name not in self.spaces:
            raise UnknownName("latent space", name, self.spaces)
        return self.spaces[name]

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the generator's learnt weights in order: equal for a run, its checkpoint and its model."""
        return fingerprint(self.generator)

    # --- points ------------------------------------------------------------------------------------------------------

    def sample(self, count: int, seed: int = 0, label: Classes | None = None) -> Points:
        """Random points, of one class, of a blend, or of all classes in turn; the same seed gives the same pictures.

        Raises BadValue for an invalid count or class.
        """
        latents, labels = self.sampler.latents(count, seed, label)
        classes = labels
        if labels is not None and not labels.is_floating_point():
            classes = one_hot(labels, self.sampler.spec.classes).float()
        return self.placed(Points(latents.to(self.device), None if classes is None else classes.to(self.device)))

    @torch.no_grad()
    def placed(self, points: Points) -> Points:
        """Points with w computed from latents and classes, if the model has one."""
        if self.styled is None or points.latents is None:
            return points
        w = self.styled.mapping(points.latents, points.classes)
        return replace(points, ws=self.styled.repeated(w).contiguous())

    @torch.no_grad()
    def mean(self, label: Classes | None = None) -> Points:
        """The average point: the mean of w, or latents of 0 (of the first class by default)."""
        if self.styled is None:
            chosen = 0 if label is None and self.sampler.recipe.conditional else label
            template = self.sample(1, 0, chosen)
            return self.write(template, "z", torch.zeros_like(self.read(template, "z")))
        return Points(ws=self.styled.repeated(self.styled.w_mean[None]).contiguous())

    def read(self, points: Points, space: str) -> Tensor:
        """The points' values in a space, (B, *shape). In w: the mean over the layers, if they differ.

        Raises UnknownName, or BadValue if the points have no values there (an inverted picture has no z).
        """
        self.space(space)
        if space in ("w", "w+"):
            ws = points.ws if points.ws is not None else self.placed(points).ws
            assert ws is not None
            return ws if space == "w+" else ws.mean(1)
        values = points.classes if space == "class" else points.latents
        if values is None:
            raise BadValue("These points have no coordinates in {space}.", space=space)
        return read_codes(values, self.sampler.hparams) if space == "codes" else values

    def write(self, points: Points, space: str, values: Tensor) -> Points:
        """The points moved to other values (B, *shape) in a space.

        Earlier spaces of the chain stay unchanged; w is computed again if latents, classes or codes change, without
        truncation or edits. Raises UnknownName, or BadValue for values of another shape or a code out of range.
        """
        shape = self.space(space).shape
        if tuple(values.shape) != (len(points), *shape):
            raise BadValue(
                "Values in {space} must have shape {wanted}, got {given}.",
                space=space, wanted=(len(points), *shape), given=tuple(values.shape),
            )  # fmt: skip
        if space in ("w", "w+"):
            ws = values if space == "w+" else values[:, None].expand(-1, self.layers, -1)
            return replace(points, ws=ws.contiguous())
        if space == "class":
            return self.placed(replace(points, classes=values))
        if points.latents is None:
            raise BadValue("These points have no coordinates in {space}.", space=space)
        latents = write_codes(points.latents, self.sampler.hparams, values) if space == "codes" else values
        return self.placed(replace(points, latents=latents))

    # --- pictures ----------------------------------------------------------------------------------------------------

    def images(self, points: Points, noise: NoiseMode = "constant", factor: int = 1) -> Tensor:
        """Differentiable pictures (B, C, H, W); those of style-based models may slightly exceed [-1, 1].

        A `factor` above 1 gives a model that `magnifies` more pixels. Waits while another thread has hooks attached.
        """
        with self.lock:
            if self.styled is not None:
                ws = self.read(points, "w+")
                if factor > 1 and self.magnifies:
                    return self.styled.magnified(ws, factor, noise)
                return self.styled.synthesis(ws, noise)
            sampler = self.sampler
            return sampler.recipe.draw(sampler.networks, sampler.hparams, self.read(points, "z"), points.classes)

    @torch.no_grad()
    def draw(self, points: Points, noise: NoiseMode = "constant", least: int = 0) -> Tensor:
        """Pictures (B, C, H, W) in [-1, 1] on the CPU. `noise` "none" turns the model's noise off, if it has any.

        A model that `magnifies` draws them at least `least` pixels wide, at a whole multiple of its size.
        """
        factor = max(1, -(-least // self.image_shape[-1])) if self.magnifies else 1
        with self.lock:
            parts = [
                self.images(part.mapped(lambda values: values.to(self.device)), noise, factor).cpu()
                for part in points.parts(max(1, CHUNK // factor**2))
            ]
        return torch.cat(parts).clamp(-1, 1)
