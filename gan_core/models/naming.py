"""The names of the user's own models. Needs no torch."""

from __future__ import annotations

import re
from pathlib import Path

from gan_core import paths
from gan_core.errors import BadValue
from gan_core.models import listing

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def place_of(name: str) -> Path:
    """The folder of a new model of the user's own; raises BadValue for a name that is invalid or taken."""
    if not NAME.fullmatch(name):
        raise BadValue(
            "'{name}' is not a valid model name. Use up to 64 letters, digits, dots, hyphens and underscores.",
            name=name[:80],
        )
    place = paths.home() / "models" / name
    if name in listing.names() or place.exists():
        raise BadValue("A model named {name} already exists. Choose another name.", name=name)
    return place
