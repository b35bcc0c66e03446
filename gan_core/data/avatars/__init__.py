"""Cartoon portraits drawn from attribute vectors: a data set of any count and size whose factors are known exactly.

`sample_attributes` draws rows of value indices and `draw_avatars` turns them into uint8 pictures, (N, 3, size, size) in
RGB. A picture is a pure function of (values, size), so a latent direction can be learnt from the attributes and
measured against them. Every part of a face is a function of (pen, palette, look).
"""

from gan_core.data.avatars.attributes import ATTRIBUTES, COLUMN, Attribute, sample_attributes, visible
from gan_core.data.avatars.drawing import SIZES, draw_avatar, draw_avatars

__all__ = ["ATTRIBUTES", "COLUMN", "SIZES", "Attribute", "draw_avatar", "draw_avatars", "sample_attributes", "visible"]
