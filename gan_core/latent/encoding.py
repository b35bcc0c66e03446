"""Encoders: the starting point of an inversion, for models that have one."""

from __future__ import annotations

from gan_core.gans.encoder import ImageEncoder
from gan_core.latent.explorer import Explorer
from gan_core.latent.inversion import Encode
from gan_core.models import listing, loading


def encode_of(explorer: Explorer) -> Encode | None:
    """The encoder for the model's w+; None if none was trained for its weights.

    Raises BadCheckpoint if it is damaged.
    """
    for name, card in listing.survey()[0].items():
        if card.generator == explorer.fingerprint:
            encoder = loading.load(name).networks["encoder"].to(explorer.device)
            assert isinstance(encoder, ImageEncoder)
            return lambda pictures: encoder.ws(encoder(pictures))
    return None
