"""Simple coloured solids and their pictures: a ray renderer in NumPy, so that shape, light and camera are known.

A scene is a box with a roof (cone, sphere or box) and a smaller solid beside it. `render` returns its picture and its
depth from a camera on a sphere around it.
"""

from gan_core.data.solids.camera import BACKGROUND, DISTANCE, FIELD_OF_VIEW, PITCH, YAW, camera, check_pose
from gan_core.data.solids.rendering import Solid, render
from gan_core.data.solids.scenes import sample_scene

__all__ = [
    "BACKGROUND",
    "DISTANCE",
    "FIELD_OF_VIEW",
    "PITCH",
    "YAW",
    "Solid",
    "camera",
    "check_pose",
    "render",
    "sample_scene",
]
