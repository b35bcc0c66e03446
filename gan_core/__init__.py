"""gan_core: the GAN library of GANscope. It imports no front end.

gan_core.list_models("images")                            # ["biggan.fashion_mnist", "cgan.mnist", ...]
gan_core.card("stylegan2.avatars").licence                # what the model is, without its weights
gan_core.load("stylegan2.avatars").sample(16, seed=0)     # (16, 3, 64, 64) in [-1, 1]
gan_core.load("hf://owner/name")                          # from the Hugging Face Hub
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gan_core.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from gan_core.models.card import Card
    from gan_core.models.sampler import Sampler

__all__ = ["__version__", "card", "list_models", "load"]


def list_models(task: str = "") -> list[str]:
    """The names of the models of the shelf that can be loaded, the bundled ones first; with `task`, those of that task.

    Needs no torch. Raises UnknownName for a task that no model has.
    """
    from gan_core.errors import UnknownName
    from gan_core.models import listing

    cards = listing.survey()[0]
    if task and task not in (tasks := {found.task for found in cards.values()}):
        raise UnknownName("task", task, tasks)
    return [name for name, found in cards.items() if task in ("", found.task)]


def card(name: str | Path) -> Card:
    """The card of a model, by the same names as `load`: its title, recipe, data, licence, limits and metrics.

    Needs no torch and no weights. Raises UnknownName, which lists the shelf, BadCheckpoint or HubError.
    """
    from gan_core.models import listing

    return listing.card(str(name))


def load(name: str | Path) -> Sampler:
    """Loads a model of the shelf by name, a model from a folder, or `hf://owner/name` from the Hub.

    Raises UnknownName, which lists the shelf, BadCheckpoint or HubError.
    """
    from gan_core.models import loading  # imports torch

    return loading.load(str(name))
