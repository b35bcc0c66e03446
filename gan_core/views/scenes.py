"""One scene of a model, seen from any side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from gan_core.data.solids.camera import FAR, NEAR, check_pose
from gan_core.errors import BadValue
from gan_core.models.sampler import Sampler
from gan_core.pictures.grids import to_uint8

SIZES = (8, 128)  # pixels of a view
SEEN = 0.5  # opacity above which a ray counts as a hit


@dataclass(frozen=True)
class View:
    """A scene from one pose: the picture uint8 (H, W, C), distances float32 (H, W), FAR for the background, and a mask
    (H, W) of the pixels that show the scene."""

    picture: np.ndarray
    depth: np.ndarray
    seen: np.ndarray
    yaw: float  # degrees
    pitch: float

    @property
    def image(self) -> Image.Image:
        return Image.fromarray(self.picture[:, :, 0] if self.picture.shape[2] == 1 else self.picture)

    @property
    def depth_image(self) -> Image.Image:
        """The depth as an image: near is bright; the background is black."""
        near = np.clip((FAR - self.depth) / (FAR - NEAR), 0, 1)
        return Image.fromarray(np.rint(np.where(self.seen, 55 + 200 * near, 0)).astype(np.uint8))


class Scene:
    """The scene of one seed. Its planes are computed once; every view only renders them.

    Raises BadValue if the model doesn't generate scenes.
    """

    def __init__(self, sampler: Sampler, seed: int = 0) -> None:
        if sampler.recipe.task != "views":
            raise BadValue(
                "{recipe} doesn't make scenes that can be seen from any side. Choose a model of views with poses.",
                recipe=sampler.recipe.title,
            )
        generator: Any = sampler.networks["generator"]
        self.generator = generator
        latents, _poses = sampler.latents(1, seed)
        self._device = next(sampler.networks["generator"].parameters()).device
        with torch.no_grad():
            self._planes = generator.planes(latents.to(self._device))

    @torch.no_grad()
    def view(self, yaw: float, pitch: float, size: int = 0, samples: int = 0) -> View:
        """The scene from a pose in degrees; raises BadValue for a pose or size out of range.

        `size` in pixels and `samples` per ray; 0 uses the value from training.
        """
        if size and not SIZES[0] <= size <= SIZES[1]:
            raise BadValue(
                "The size must be between {low} and {high} pixels, got {value}.",
                low=SIZES[0], high=SIZES[1], value=size,
            )  # fmt: skip
        pose = torch.tensor([check_pose(yaw, pitch)], device=self._device)
        rendered = self.generator.render(self._planes, pose, size, samples)
        opacity = rendered.opacity[0]
        # only for the share of the ray that hit something
        depth = (rendered.depth[0] - (1 - opacity) * FAR) / opacity.clamp(min=1e-3)
        seen = (opacity > SEEN).cpu().numpy()
        near = np.where(seen, depth.float().cpu().numpy(), FAR).astype(np.float32)
        return View(to_uint8(rendered.images.clamp(-1, 1).cpu())[0], near, seen, yaw, pitch)

    @torch.no_grad()
    def densities(self, cells: int) -> np.ndarray:
        """Densities in the cube [-1, 1]^3, float32 (cells, cells, cells) along x, y and z."""
        line = torch.linspace(-1, 1, cells, device=self._device)
        points = torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1).reshape(1, -1, 3)
        found: np.ndarray = self.generator.field(self._planes, points)[1].reshape(cells, cells, cells).cpu().numpy()
        return found

    @torch.no_grad()
    def colours(self, points: np.ndarray) -> np.ndarray:
        """RGB in [0, 1], (N, 3), at points (N, 3)."""
        places = torch.from_numpy(np.ascontiguousarray(points, np.float32))[None].to(self._device)
        found: np.ndarray = self.generator.field(self._planes, places)[0][0].cpu().numpy()
        return np.clip((found + 1) / 2, 0, 1).repeat(3 // found.shape[1], 1)
