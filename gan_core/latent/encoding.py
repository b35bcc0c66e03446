"""Encoders: the starting point of an inversion, for models that have one."""

from __future__ import annotations

from gan_core.gans.encoder import PictureEncoder
from gan_core.latent.explorer import Explorer
from gan_core.latent.inversion import Encode
from gan_core.models import listing, loading


def encode_of(explorer: Explorer) -> Encode | None:
    """What the shelf's encoder finds in the model's w+; None where there is none that was made for its weights.

    Raises BadCheckpoint where it is damaged.
    """
    for name, card in listing.survey()[0].items():
        if card.generator == explorer.fingerprint:
            encoder = loading.load(name).networks["encoder"].to(explorer.device)
            assert isinstance(encoder, PictureEncoder)
            return lambda pictures: encoder.ws(encoder(pictures))
    return None
