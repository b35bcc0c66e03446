"""Outputs of a model of scenes: pictures and depth from any side, films of a turn, meshes, agreement of views."""

from gan_core.views.scenes import Scene, View

__all__ = ["Scene", "View"]
