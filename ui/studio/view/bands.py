"""Three ranges of w layers and what each usually controls (1812.04948, section 3.1)."""

from __future__ import annotations

from gan_core.latent import bands
from ui.languages import N_, _

BANDS = {"coarse": N_("Coarse"), "middle": N_("Middle"), "fine": N_("Fine"), "from": N_("From a given layer on")}
WORDS = {
    "coarse": N_("Coarse layers control 4 to 8 pixels: pose, face shape and hair shape."),
    "middle": N_("Middle layers control 16 to 32 pixels: eyes, mouth, glasses and finer hair shape."),
    "fine": N_("Fine layers control all larger sizes: mostly colours and fine texture."),
    "from": N_("All layers from the chosen one on come from B."),
}


def band_layers(layers: int, band: str, first: int) -> range:
    """Returns the layers of a range in a model with this many; `first` belongs to "from"."""
    return range(max(0, min(first, layers)), layers) if band == "from" else bands.band_layers(layers, band)


def band_choices() -> list[tuple[str, str]]:
    return [(_(words), name) for name, words in BANDS.items()]
