"""CelebA: 202,599 photos of faces, aligned and of 178x218 pixels (Liu, Luo, Wang, Tang, 1411.7766). No attributes."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from gan_core.data.base import register
from gan_core.data.files import Layout, from_files
from gan_core.data.prepared import Pictures
from gan_core.data.published.by_torchvision import Download
from gan_core.data.user.archives import seen
from gan_core.pictures.decoding import in_threads

TRAIN = 162_770  # the train part has the first ones of the numbered files


def _photos(files: list[Path]) -> Pictures:
    """The photos beside the first one; the centre square of each is taken."""
    names = seen(files[0].parent.glob("*.jpg"))[:TRAIN]
    return Pictures(len(names), in_threads(_opened, names))


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


register(
    from_files(
        name="celeba",
        title="CelebA",
        about="162,770 photos of faces, aligned. torchvision needs `pip install gdown` to download it.",
        licence="non-commercial research (Liu, Luo, Wang, Tang, 2015)",
        size=64,
        channels=3,
        items=TRAIN,
        train=Layout(("celeba/img_align_celeba/000001.jpg",), _photos),
        download=Download.of("CelebA", 2_900_000_000),
    )
)
