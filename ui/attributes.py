"""Labels of picture attributes, keyed by their names in the data sets."""

from __future__ import annotations

from ui.languages import N_

ATTRIBUTES = {
    "skin": N_("Skin"), "face": N_("Face"), "hair": N_("Hair"), "hair_colour": N_("Hair colour"), "eyes": N_("Eyes"),
    "eye_colour": N_("Eye colour"), "gaze": N_("Gaze"), "brows": N_("Brows"), "cheeks": N_("Cheeks"),
    "mouth": N_("Mouth"), "beard": N_("Beard"), "glasses": N_("Glasses"), "hat": N_("Hat"),
    "earrings": N_("Earrings"), "clothes": N_("Clothes"), "shirt": N_("Shirt"), "background": N_("Background"),
}  # fmt: skip
