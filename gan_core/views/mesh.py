"""The surface of a scene as triangles, by marching cubes of scikit-image (the extra `space`), and as an OBJ file.

For values that decrease outwards scikit-image needs `gradient_direction="ascent"`, without which faces wind inwards; a
margin of empty cells closes the surface where the scene touches the cube (scikit-image 0.26 leaves holes there).
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_core.errors import BadData, BadValue
from gan_core.views.scenes import Scene

CELLS = (16, 128)  # along each side of the cube
LEVEL = 6.0  # density at the surface: a ray becomes half opaque within 0.12
MISSING = "Meshes need scikit-image, which isn't installed. Install it: pip install 'ganscope[space]'"


@dataclass(frozen=True)
class Mesh:
    """A surface: points float32 (V, 3), their colours RGB in [0, 1] (V, 3), and triangles int (F, 3), anticlockwise
    seen from outside."""

    points: np.ndarray
    colours: np.ndarray
    faces: np.ndarray

    @property
    def volume(self) -> float:
        """The volume; positive if faces wind outwards."""
        a, b, c = (self.points[self.faces[:, corner]].astype(np.float64) for corner in range(3))
        return float(np.einsum("fi,fi->f", a, np.cross(b, c)).sum() / 6)


def available() -> bool:
    """Whether the extra `space` is installed."""
    return importlib.util.find_spec("skimage") is not None


def surface(values: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Points (V, 3) in [-1, 1]^3 and triangles (F, 3) where values (n, n, n), larger inside, cross `level`.

    Raises BadData if they never do, BadValue without scikit-image.
    """
    if not available():
        raise BadValue(MISSING)
    measure: Any = importlib.import_module("skimage.measure")
    padded = np.pad(values, 1, constant_values=min(0.0, float(values.min())))
    if not padded.min() < level < padded.max():
        raise BadData("This scene has no surface: its density nowhere reaches {level}.", level=f"{level:g}")
    points, faces, _normals, _values = measure.marching_cubes(padded, level, gradient_direction="ascent")
    return (points - 1) / (len(values) - 1) * 2 - 1, faces


def mesh(scene: Scene, cells: int = 64, level: float = LEVEL) -> Mesh:
    """The surface of a scene; raises the errors of `surface`, and BadValue for a number of cells out of range."""
    if not CELLS[0] <= cells <= CELLS[1]:
        raise BadValue(
            "The number of cells must be between {low} and {high}, got {value}.",
            low=CELLS[0], high=CELLS[1], value=cells,
        )  # fmt: skip
    if not available():
        raise BadValue(MISSING)
    points, faces = surface(scene.densities(cells), level)
    return Mesh(points.astype(np.float32), scene.colours(points), faces)


def obj(shape: Mesh) -> str:
    """The text of an OBJ file, with colours after the points, as most programs read them; indices start at 1."""
    lines = ["# made by GANscope"]
    lines += [
        f"v {x:.5f} {y:.5f} {z:.5f} {r:.3f} {g:.3f} {b:.3f}"
        for (x, y, z), (r, g, b) in zip(shape.points.tolist(), shape.colours.tolist(), strict=True)
    ]
    lines += [f"f {a} {b} {c}" for a, b, c in (shape.faces + 1).tolist()]
    return "\n".join(lines) + "\n"
