"""Data sets: sources by name, decoded and resized once. Importing this package fills the catalogue `sources`."""

from gan_core.data import catalogue as catalogue  # fills the registry
from gan_core.data.base import DataSet, DataSpec, Source, load, source, sources

__all__ = ["DataSet", "DataSpec", "Source", "load", "source", "sources"]
