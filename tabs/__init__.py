"""The Studio's tabs: one module per tab, each with a function `build`. Callbacks are plain functions."""

import ui.studio  # noqa: F401  before Gradio is imported
