"""Every data set, one file each. Importing this package fills the catalogue `sources`.

Lists show images first, then points, then pairs and domains; the sets of each kind in the order of these imports.
"""

# isort: off
from gan_core.data.base import FIELDS, Source, sources

from gan_core.data.sets import digits as digits
from gan_core.data.sets import avatars as avatars
from gan_core.data.sets import mnist as mnist
from gan_core.data.sets import fashion_mnist as fashion_mnist
from gan_core.data.sets import cifar10 as cifar10
from gan_core.data.sets import celeba as celeba
from gan_core.data.sets import emoji as emoji
from gan_core.data.sets import tinyhero as tinyhero
from gan_core.data.sets import pneumonia as pneumonia
from gan_core.data.sets import bccd as bccd
from gan_core.data.sets import bsds500 as bsds500
from gan_core.data.sets import points as points
from gan_core.data.sets import digits_coloured as digits_coloured
from gan_core.data.sets import cyclegan_sets as cyclegan_sets
from gan_core.data.sets import mnist_m as mnist_m
from gan_core.data.sets import fashion_mnist_m as fashion_mnist_m
from gan_core.data.sets import avatars_captions as avatars_captions
from gan_core.data.sets import emoji_captions as emoji_captions
from gan_core.data.sets import spoken_digits as spoken_digits
from gan_core.data.sets import solids as solids
from gan_core.data.sets import rendered_heads as rendered_heads
from gan_core.data.sets import molecules as molecules
from gan_core.data.sets import moving_digits as moving_digits
from gan_core.data.sets import paddle_game as paddle_game
from gan_core.data.sets import demonstrations as demonstrations
from gan_core.data.sets import arithmetic as arithmetic
from gan_core.data.sets import shakespeare as shakespeare
from gan_core.data.sets import oracle as oracle
from gan_core.data.sets import chorales as chorales
from gan_core.data.sets import spoken_digits_pictures as spoken_digits_pictures

# isort: on

TASKS = tuple(FIELDS)


def _place(source: Source) -> tuple[int, bool, int]:
    """Pairs and domains follow one another; within each kind, sets of `ganscope data get` come last."""
    task = TASKS.index(source.task)
    kind = TASKS.index("paired") if source.task == "unpaired" else task
    return kind, bool(source.published), task


sources.sort(_place)
