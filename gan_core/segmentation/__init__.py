"""Segmenters from ten labelled pictures: a generator's features label as many pictures as one wants (2104.06490)."""
