"""References to the user's own data: kind and path, and how each picture becomes a square.

    folder:/home/me/pictures        zip+pad:/home/me/pictures.zip        paired+stretch:/home/me/facades
    folder+12bit:/home/me/slides    zip+pad+16bit:/home/me/dark.zip
    upload:pictures-0123456789ab.zip        paired-upload:facades-0123456789ab.zip
    smiles:/home/me/mine.smi
    sounds:/home/me/voices        sounds-upload:voices-0123456789ab.zip

References to pictures in shards (shards.py) are similar, but with a pattern: shards:/home/me/faces-{000..099}.tar.
No torch and no data are needed to read a reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gan_core.errors import BadValue
from gan_core.pictures.depth import DEPTHS, check_depth
from gan_core.pictures.fits import CROP, check_fit

TASKS = {  # kind -> key of base.FIELDS
    "folder": "images", "zip": "images", "upload": "images", "paired": "paired", "paired-upload": "paired",
    "unpaired": "unpaired", "unpaired-upload": "unpaired", "smiles": "graph", "sounds": "audio",
    "sounds-upload": "audio",
}  # fmt: skip
UPLOADS = {TASKS[kind]: kind for kind in TASKS if kind.endswith("upload")}  # by task
SIZE = 64  # default, pixels
BITS = "bit"  # suffix of a depth
SHARDS = "shards:"  # prefix of a pattern
TEXT = "text:"  # prefix of a text file


@dataclass(frozen=True)
class UserImages:
    """A folder or zip, and its `fit`: the centre square of each picture ("crop"), all of it made square ("stretch"),
    or all of it with mirrored borders ("pad"). `depth` is the number of bits that 16-bit files use; 0: as many as their
    levels need. Raises BadValue for another fit or depth.
    """

    kind: str  # a key of TASKS
    path: str  # for an upload only its file's name, so that no link reaches another folder
    fit: str = CROP
    depth: int = 0

    def __post_init__(self) -> None:
        check_fit(self.fit)
        check_depth(self.depth)

    def __str__(self) -> str:
        ways = [self.fit] * (self.fit != CROP) + [f"{self.depth}{BITS}"] * (self.depth != 0)
        return "+".join([self.kind, *ways]) + f":{self.path}"

    @property
    def task(self) -> str:
        return TASKS[self.kind]

    @property
    def is_upload(self) -> bool:
        return self.kind in UPLOADS.values()


def user_images(reference: str) -> UserImages | None:
    """Parses `KIND:PATH`, `KIND+FIT:PATH` or `KIND+12bit:PATH`; None for anything else, such as a data set's name.

    Raises BadValue for an unknown fit or depth.
    """
    described, _, path = reference.partition(":")
    kind, *ways = described.replace(" ", "+").split("+")  # a plus in a link is decoded as a space
    if kind not in TASKS or not path:
        return None
    if kind in UPLOADS.values():
        path = re.split(r"[\\/:]", path)[-1]
    depths = [way for way in ways if way.endswith(BITS)]
    fits = [way for way in ways if way not in depths] or [CROP]
    return UserImages(kind, path, "+".join(fits), _depth("+".join(depths)) if depths else 0)


def _depth(text: str) -> int:
    number = text.removesuffix(BITS)
    if not number.isdecimal() or int(number) not in DEPTHS:
        valid = ", ".join(f"{depth}{BITS}" for depth in DEPTHS)
        raise BadValue("Pictures can't be taken as '{text}'. Valid: {valid}.", text=text[:80], valid=valid)
    return int(number)


def of_images(reference: str) -> bool:
    """Whether it refers to the user's own images, and not to pairs or domains; raises BadValue."""
    mine = user_images(reference)
    return mine is not None and mine.task == "images"


def is_shards(reference: str) -> bool:
    """Whether it refers to the user's pictures in streamed shards."""
    return reference.startswith(SHARDS)


def is_address(pattern: str) -> bool:
    """Whether shards are fetched over HTTP."""
    return pattern.startswith(("http://", "https://"))


def shown(shard: str) -> str:
    """A shard, or a pattern of them, for messages: without passwords or keys in an address."""
    if not is_address(shard):
        return shard
    scheme, _, rest = shard.partition("://")
    host, slash, path = re.split(r"[?#]", rest)[0].partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
