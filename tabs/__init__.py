"""The Studio's tabs: one module = one tab = one build function. Callbacks are plain functions."""
