"""Data sets: sources by name, decoded and resized once. Importing this package fills the catalogue `sources`."""

from gan_core.data import sets
from gan_core.data.base import DataSet, DataSpec, Source, sources
from gan_core.data.catalogue import is_points, load, modes_of, size_of, size_word, source, task_of

__all__ = [
    "DataSet",
    "DataSpec",
    "Source",
    "is_points",
    "load",
    "modes_of",
    "sets",
    "size_of",
    "size_word",
    "source",
    "sources",
    "task_of",
]
