"""Layers of w in three bands, and what each usually decides (1812.04948, section 3.1)."""

from __future__ import annotations

from gan_core.latent import bands
from ui.languages import N_, _

BANDS = {"coarse": N_("Coarse"), "middle": N_("Middle"), "fine": N_("Fine"), "from": N_("From a layer on")}
WORDS = {
    "coarse": N_("Coarse layers draw 4 to 8 pixels: pose, the shape of the face and of the hair."),
    "middle": N_("Middle layers draw 16 to 32 pixels: eyes, mouth, glasses, the finer shape of the hair."),
    "fine": N_("Fine layers draw all larger sizes: mostly colours and small texture."),
    "from": N_("All layers from the chosen one on come from B."),
}


def band_layers(layers: int, band: str, first: int) -> range:
    """The layers of a band in a model with so many; `first` is that of "from"."""
    return range(max(0, min(first, layers)), layers) if band == "from" else bands.band_layers(layers, band)


def band_choices() -> list[tuple[str, str]]:
    return [(_(words), name) for name, words in BANDS.items()]
