"""The Studio's tabs: one module per tab, each with a function `build`. Callbacks are plain functions."""
