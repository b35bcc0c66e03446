"""Attributes of a face: a row of value indices, one per entry of `ATTRIBUTES`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_core.errors import BadValue

Look = dict[str, str]  # attribute name -> value name


@dataclass(frozen=True)
class Attribute:
    name: str
    label: str
    values: tuple[str, ...]
    weights: tuple[float, ...] = ()  # relative frequency of each value; empty = uniform

    @property
    def probabilities(self) -> NDArray[np.float64]:
        weights = np.array(self.weights or (1.0,) * len(self.values))
        probabilities: NDArray[np.float64] = weights / weights.sum()
        return probabilities


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("skin", "Skin tone", ("porcelain", "fair", "peach", "honey", "olive", "caramel", "brown", "ebony")),
    Attribute("face", "Face shape", ("oval", "round", "square", "heart")),
    Attribute(
        "hair",
        "Hair style",
        ("bald", "crop", "side part", "spiky", "curly", "afro", "bun", "puffs", "bob", "long", "wavy"),
        (6, 10, 11, 9, 10, 9, 9, 8, 9, 10, 9),
    ),
    Attribute(
        "hair_colour",
        "Hair colour",
        ("black", "dark brown", "chestnut", "copper", "blonde", "silver", "pink", "blue"),
        (17, 17, 15, 13, 13, 9, 8, 8),
    ),
    Attribute("eyes", "Eyes", ("round", "lashes", "relaxed", "happy", "wink"), (34, 26, 20, 11, 9)),
    Attribute("eye_colour", "Eye colour", ("brown", "hazel", "green", "blue", "grey"), (32, 17, 17, 20, 14)),
    Attribute("gaze", "Gaze", ("ahead", "left", "right"), (60, 20, 20)),
    Attribute("brows", "Brows", ("arched", "straight", "raised", "worried", "bold"), (32, 20, 18, 12, 18)),
    Attribute("cheeks", "Cheeks", ("soft", "rosy", "freckles"), (50, 30, 20)),
    Attribute("mouth", "Mouth", ("smile", "laugh", "smirk", "neutral", "surprised", "frown"), (32, 24, 13, 13, 9, 9)),
    Attribute("beard", "Beard", ("none", "stubble", "moustache", "goatee", "full"), (68, 8, 8, 7, 9)),
    Attribute("glasses", "Glasses", ("none", "round", "square", "sun"), (64, 14, 12, 10)),
    Attribute("hat", "Hat", ("none", "beanie", "cap", "straw hat", "flowers"), (68, 9, 8, 7, 8)),
    Attribute("earrings", "Earrings", ("none", "studs", "hoops"), (66, 16, 18)),
    Attribute("clothes", "Clothes", ("t-shirt", "v-neck", "collar", "hoodie", "stripes")),
    Attribute("shirt", "Shirt colour", ("coral", "mustard", "sage", "teal", "denim", "plum", "cream", "charcoal")),
    Attribute("background", "Background", ("sky", "mint", "butter", "peach", "rose", "lilac", "sand", "mist")),
)
COLUMN = {attribute.name: column for column, attribute in enumerate(ATTRIBUTES)}

COVERING_HATS = ("beanie", "cap", "straw hat")
TUCKED_STYLES = ("crop", "side part", "spiky", "bun", "puffs")  # indistinguishable under a covering hat
EAR_COVERING_STYLES = ("bob", "long", "wavy")


def sample_attributes(count: int, seed: int) -> NDArray[np.int64]:
    """(count, len(ATTRIBUTES)) value indices, each attribute independent of the others."""
    generator = np.random.default_rng(seed)
    columns = [generator.choice(len(a.values), size=count, p=a.probabilities) for a in ATTRIBUTES]
    return np.stack(columns, axis=1).astype(np.int64)


def visible(values: ArrayLike) -> NDArray[np.bool_]:
    """Which attributes are visible in the image, with the shape of `values`; hidden ones affect no pixel."""
    rows = checked(values)
    seen = np.ones(rows.shape, dtype=bool)
    eyes_shut = is_value(rows, "eyes", "happy")
    sunglasses = is_value(rows, "glasses", "sun")
    bare = is_value(rows, "hair", "bald") & is_value(rows, "beard", "none")
    seen[..., COLUMN["hair"]] = ~(is_value(rows, "hat", *COVERING_HATS) & is_value(rows, "hair", *TUCKED_STYLES))
    seen[..., COLUMN["hair_colour"]] = ~bare
    seen[..., COLUMN["eyes"]] = ~sunglasses
    seen[..., COLUMN["eye_colour"]] = seen[..., COLUMN["gaze"]] = ~(sunglasses | eyes_shut)
    seen[..., COLUMN["earrings"]] = ~is_value(rows, "hair", *EAR_COVERING_STYLES)
    return seen


def checked(values: ArrayLike) -> NDArray[np.int64]:
    rows = np.asarray(values)
    if rows.ndim > 2 or rows.shape[-1:] != (len(ATTRIBUTES),) or rows.dtype.kind not in "iu":
        raise BadValue(
            "A face needs {count} whole numbers, one per attribute; got shape {shape} of {dtype}.",
            count=len(ATTRIBUTES),
            shape=rows.shape,
            dtype=rows.dtype,
        )
    for attribute, column in zip(ATTRIBUTES, np.moveaxis(rows, -1, 0), strict=True):
        wrong = column[(column < 0) | (column >= len(attribute.values))]
        if wrong.size:
            raise BadValue(
                "Unknown value {value} for {attribute}. Valid: 0 to {last} ({names}).",
                value=int(wrong.flat[0]),
                attribute=attribute.name,
                last=len(attribute.values) - 1,
                names=", ".join(attribute.values),
            )
    return rows.astype(np.int64, copy=False)


def is_value(rows: NDArray[np.int64], name: str, *values: str) -> NDArray[np.bool_]:
    attribute = ATTRIBUTES[COLUMN[name]]
    return np.isin(rows[..., COLUMN[name]], [attribute.values.index(value) for value in values])
