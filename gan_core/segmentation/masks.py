"""The part of each pixel of a drawn face, from the code that draws it, and pictures with such masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from gan_core.data.avatars import accessories, face, hair
from gan_core.data.avatars.attributes import ATTRIBUTES, checked
from gan_core.data.avatars.drawing import PARTS as DRAWN
from gan_core.data.avatars.palette import palette_of
from gan_core.data.avatars.pen import Colour, Pen, Shape
from gan_core.errors import BadData

PARTS = ("background", "skin", "hair", "eyes", "glasses", "hat", "clothes")
COLOURS = np.array(  # RGB, for showing masks
    [(238, 238, 240), (244, 190, 150), (92, 62, 48), (58, 143, 219), (172, 63, 77), (239, 176, 63), (120, 90, 165)],
    np.uint8,
)
OF_PART = {
    face.draw_background: "background", hair.draw_hair_back: "hair", face.draw_neck: "skin",
    face.draw_clothes: "clothes", face.draw_head: "skin", face.draw_cheeks: "skin", face.draw_beard: "hair",
    face.draw_nose: "skin", face.draw_mouth: "skin", face.draw_eyes: "eyes", hair.draw_hair_front: "hair",
    face.draw_brows: "hair", accessories.draw_hat: "hat", accessories.draw_glasses: "glasses",
    accessories.draw_earrings: "skin",
}  # fmt: skip


class MaskPen(Pen):
    """Writes the number of the drawn part instead of a colour; shadows on the skin count as skin, and translucent
    shapes count as the part below."""

    def __init__(self, size: int, skin: tuple[Colour, ...]) -> None:
        super().__init__(size)
        self.part = 0
        self._skin = skin
        self._mask = Image.new("L", self.image.size)
        self._draw = ImageDraw.Draw(self._mask)

    def fill(self, shape: Shape, colour: Colour) -> None:
        if len(colour) == 3:
            skin = colour in self._skin and self.part != PARTS.index("background")
            self._draw.polygon(shape.pixels(self.scale), fill=PARTS.index("skin") if skin else self.part)

    def mask(self) -> np.ndarray:
        """uint8 (size, size): the part that covers most of each pixel."""
        fine = np.asarray(self._mask)
        size = len(fine) // self.factor
        blocks = fine.reshape(size, self.factor, size, self.factor).swapaxes(1, 2).reshape(size, size, -1)
        counts = np.stack([(blocks == part).sum(2) for part in range(len(PARTS))])
        found: np.ndarray = counts.argmax(0)
        return found.astype(np.uint8)


def draw_masks(values: ArrayLike, size: int) -> np.ndarray:
    """(N, len(ATTRIBUTES)) value indices -> uint8 (N, size, size), numbers of PARTS; sizes as `draw_avatars`."""
    return np.stack([_mask(row, size) for row in np.atleast_2d(checked(values))])


def _mask(row: np.ndarray, size: int) -> np.ndarray:
    look = {a.name: a.values[index] for a, index in zip(ATTRIBUTES, row.tolist(), strict=True)}
    palette = palette_of(look)
    pen = MaskPen(size, (palette.skin, palette.skin_shade))
    for draw_part in DRAWN:
        name = OF_PART[draw_part]
        pen.part = PARTS.index(name)
        draw_part(pen, palette, look)
    return pen.mask()


@dataclass(frozen=True, eq=False)
class Labelled:
    """Pictures uint8 (N, 3, H, W) and the part of each pixel, (N, H, W), numbers of PARTS.

    Raises BadData if the two don't match.
    """

    pictures: np.ndarray
    masks: np.ndarray

    def __post_init__(self) -> None:
        if len(self.pictures) != len(self.masks):
            raise BadData("There are {pictures} pictures, but {masks} masks.", pictures=len(self.pictures),
                          masks=len(self.masks))  # fmt: skip
        shapes = tuple("x".join(map(str, shape[-2:][::-1])) for shape in (self.pictures.shape, self.masks.shape))
        if shapes[0] != shapes[1]:
            raise BadData(
                "The masks have {mask} pixels, but the pictures have {picture}. A mask is as large as its picture.",
                mask=shapes[1], picture=shapes[0],
            )  # fmt: skip
        if self.masks.size and not 0 <= self.masks.min() <= self.masks.max() < len(PARTS):
            raise BadData(
                "The masks hold the number {number}. Valid: 0 to {most} ({parts}).",
                number=int(max(self.masks.max(), -int(self.masks.min()))), most=len(PARTS) - 1, parts=", ".join(PARTS),
            )  # fmt: skip

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, places: slice | np.ndarray) -> Labelled:
        return Labelled(self.pictures[places], self.masks[places])


def mean_iou(said: np.ndarray, true: np.ndarray) -> tuple[float, np.ndarray]:
    """Intersection over union, over all pixels of all masks: the mean over parts, and each part's, NaN if absent."""
    both = np.bincount(true.ravel().astype(int) * len(PARTS) + said.ravel(), minlength=len(PARTS) ** 2)
    counts = both.reshape(len(PARTS), len(PARTS)).astype(float)  # (true, predicted)
    union = counts.sum(0) + counts.sum(1) - counts.diagonal()
    with np.errstate(invalid="ignore"):
        shares = np.where(union > 0, counts.diagonal() / union, np.nan)
    return float(np.nanmean(shares)), shares


def shown(masks: np.ndarray) -> np.ndarray:
    """Masks (N, H, W) in colours, uint8 (N, H, W, 3)."""
    coloured: np.ndarray = COLOURS[masks]
    return coloured
