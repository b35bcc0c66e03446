"""What can be done with a trained generator: directions, edits, mixing, films, inversion, a look inside, dragging.

`explorer` is the door: one interface to the latent spaces of every model, on which all other files stand.
"""
