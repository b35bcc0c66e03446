"""GANscope's Studio, hosted as a Space: `python gradio_app.py`. Contains only the list of tabs."""

from __future__ import annotations

from tabs import (
    drag,
    draw,
    editing,
    enlarge,
    inpaint,
    inside,
    interpolation,
    marks,
    mixing,
    models,
    my_picture,
    translate,
    words,
)
from ui.studio import server

TABS = (
    editing, mixing, marks, interpolation, my_picture, words, translate, draw, enlarge, inpaint, inside, drag, models
)  # fmt: skip

if __name__ == "__main__":
    server.serve(TABS)
