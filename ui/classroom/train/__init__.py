"""The page Train before a run: presets, settings, the data and where they come from."""
