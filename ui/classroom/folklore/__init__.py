"""Folklore: claims of tutorials, each measured with and without the recommended setting."""
