"""How a picture of any shape becomes a square."""

from __future__ import annotations

from gan_core.errors import BadValue

CROP, STRETCH, PAD = FITS = ("crop", "stretch", "pad")  # the centre square, all of it distorted, all of it with borders


def check_fit(fit: str) -> None:
    """Raises BadValue for an unknown fit."""
    if fit not in FITS:
        raise BadValue("Unknown fit '{fit}'. Valid: {valid}.", fit=fit, valid=", ".join(FITS))
