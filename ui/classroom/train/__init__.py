"""The page Train before a run: presets, settings and data."""
