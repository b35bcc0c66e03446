"""What can be made of a model of scenes: pictures and depth from any side, films of a turn, meshes, and how well its
views agree with one another."""

from gan_core.views.scenes import Scene, View

__all__ = ["Scene", "View"]
