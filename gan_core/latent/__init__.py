"""Tools for trained generators: directions, edits, style mixing, films, inversion, inspection, dragging.

`explorer` is the door: one interface to the latent spaces of every model, on which all other files stand.
"""
