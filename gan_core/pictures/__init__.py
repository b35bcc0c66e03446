"""Images as files and arrays: decoding, bit depth, damage, grids, video. Only `grids` imports torch."""
