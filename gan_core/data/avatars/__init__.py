"""Cartoon portraits drawn from attribute vectors: synthetic data with known factors of variation.

`sample_attributes` samples rows of value indices and `draw_avatars` renders them as uint8 images, (N, 3, size, size) in
RGB. An image is a pure function of (values, size), so that latent directions can be learned from the attributes and
evaluated against them. Every part of a face is a function of (pen, palette, look).
"""

from gan_core.data.avatars.attributes import ATTRIBUTES, COLUMN, Attribute, sample_attributes, visible
from gan_core.data.avatars.drawing import SIZES, draw_avatar, draw_avatars

__all__ = ["ATTRIBUTES", "COLUMN", "SIZES", "Attribute", "draw_avatar", "draw_avatars", "sample_attributes", "visible"]
