"""Tools for trained generators: directions, edits, style mixing, films, inversion, inspection, dragging.

`explorer` is the single interface to the latent spaces of every model; all other files build on it.
"""
