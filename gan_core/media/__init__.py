"""Samples other than pictures and points: sound, text, music, molecules, films, played games.

A medium defines how samples of a task are shown as pictures (previews, history, comparisons, cards), which files
`ganscope sample` writes, and what a page plays. Pages and the command line depend on the medium of a recipe's task,
never on the recipe's name. A medium is one file here and one import.
"""

from gan_core.media import audio as audio
from gan_core.media import control as control
from gan_core.media import molecules as molecules
from gan_core.media import music as music
from gan_core.media import text as text
from gan_core.media import video as video
from gan_core.media.base import Medium, Piece, media, medium_of

__all__ = ["Medium", "Piece", "media", "medium_of"]
