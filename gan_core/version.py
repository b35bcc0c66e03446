"""The version, where the package and its parts can read it."""

__version__ = "0.2.0"
