"""Segmenters from ten labelled pictures: a generator's features label any number of pictures (2104.06490)."""
