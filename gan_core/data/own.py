"""The user's own images by reference: what lies where, and how each picture becomes a square.

    folder:/home/me/pictures        zip+pad:/home/me/pictures.zip        paired+stretch:/home/me/facades
    upload:pictures-0123456789ab.zip        paired-upload:facades-0123456789ab.zip

No torch and no data are needed to read a reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gan_core.errors import BadValue

TASKS = {  # kind -> key of base.FIELDS
    "folder": "images", "zip": "images", "upload": "images", "paired": "paired", "paired-upload": "paired",
    "unpaired": "unpaired", "unpaired-upload": "unpaired",
}  # fmt: skip
UPLOADS = {TASKS[kind]: kind for kind in TASKS if kind.endswith("upload")}  # by task
SIZE = 64  # pixels, where none is asked for
CROP, STRETCH, PAD = FITS = ("crop", "stretch", "pad")


@dataclass(frozen=True)
class Own:
    """A folder or zip, and its `fit`: the centre square of each picture ("crop"), all of it made square ("stretch"),
    or all of it with mirrored borders ("pad"). Raises BadValue for another fit.
    """

    kind: str  # a key of TASKS
    path: str  # of an upload its file's name alone, so that no link reaches another folder
    fit: str = CROP

    def __post_init__(self) -> None:
        check_fit(self.fit)

    def __str__(self) -> str:
        return f"{self.kind if self.fit == CROP else f'{self.kind}+{self.fit}'}:{self.path}"

    @property
    def task(self) -> str:
        return TASKS[self.kind]

    @property
    def is_upload(self) -> bool:
        return self.kind in UPLOADS.values()


def own(reference: str) -> Own | None:
    """What `KIND:PATH` or `KIND+FIT:PATH` refers to; None for anything else, such as a data set's name.

    Raises BadValue for a way to fit that there isn't.
    """
    described, _, path = reference.partition(":")
    kind, plus, fit = described.replace(" ", "+").partition("+")  # a plus that stands in a link is read as a space
    if kind not in TASKS or not path:
        return None
    if kind in UPLOADS.values():
        path = re.split(r"[\\/:]", path)[-1]
    return Own(kind, path, fit if plus else CROP)


def of_images(reference: str) -> bool:
    """Whether it refers to the user's own images, and not to pairs or domains; raises BadValue as `own`."""
    mine = own(reference)
    return mine is not None and mine.task == "images"


def check_fit(fit: str) -> None:
    """Raises BadValue for a way to fit that there isn't."""
    if fit not in FITS:
        raise BadValue("Pictures can't be fitted by '{fit}'. Valid: {valid}.", fit=fit, valid=", ".join(FITS))
