"""Pictures as files and arrays: decoding, depth, damage, grids, video. No torch but in `grids`."""
