"""The version, readable by the package and its parts."""

__version__ = "0.2.0"
