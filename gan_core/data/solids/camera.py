"""Where the camera is: on a sphere around the origin and turned towards it.

A pose is (yaw, pitch) in degrees: yaw turns around the vertical axis, y, and is 0 on the axis z; pitch is the height
above the plane of x and z. Distances are in units in which a scene fits into a ball of radius 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import BadValue

YAW, PITCH = (-180.0, 180.0), (-10.0, 50.0)  # degrees, of the views that are rendered and can be asked for
DISTANCE = 2.7
FIELD_OF_VIEW = 35.0  # degrees, of the whole picture
NEAR, FAR = DISTANCE - 1.0, DISTANCE + 1.0  # between which a scene lies
BACKGROUND = 237  # of 255, grey

Floats = NDArray[np.float64]


def check_pose(yaw: float, pitch: float) -> tuple[float, float]:
    """The pose itself; raises BadValue where it is out of range or no number."""
    for name, value, (low, high) in (("yaw", yaw, YAW), ("pitch", pitch, PITCH)):
        if not low <= value <= high:
            raise BadValue(
                "The {angle} must be between {low} and {high} degrees, got {value}.",
                angle=name, low=f"{low:g}", high=f"{high:g}", value=f"{value:g}",
            )  # fmt: skip
    return float(yaw), float(pitch)


def camera(yaw: float, pitch: float, size: int) -> tuple[Floats, Floats]:
    """The camera's place (3,), and unit directions through the middles of all pixels, (size, size, 3)."""
    turn, height = np.radians(yaw), np.radians(pitch)
    outwards = np.array([np.cos(height) * np.sin(turn), np.sin(height), np.cos(height) * np.cos(turn)])
    right = np.array([np.cos(turn), 0.0, -np.sin(turn)])
    up = np.cross(outwards, right)
    places = ((np.arange(size) + 0.5) / size * 2 - 1) * np.tan(np.radians(FIELD_OF_VIEW / 2))
    across = places[None, :, None] * right - places[:, None, None] * up - outwards
    return DISTANCE * outwards, across / np.linalg.norm(across, axis=-1, keepdims=True)
