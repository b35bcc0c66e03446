"""gan_core: the GAN library of GANscope. It imports no front end.

gan_core.load("stylegan2.avatars").sample(16, seed=0)     # (16, 3, 64, 64) in [-1, 1]
gan_core.load("hf://owner/name")                          # from the Hugging Face Hub
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gan_core.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from gan_core.models.sampler import Sampler

__all__ = ["__version__", "load"]


def load(name: str | Path) -> Sampler:
    """Loads a model of the shelf by name, a model from a folder, or `hf://owner/name` from the Hub.

    Raises UnknownName, which lists the shelf, BadCheckpoint or HubError.
    """
    from gan_core.models import loading  # imports torch

    return loading.load(str(name))
