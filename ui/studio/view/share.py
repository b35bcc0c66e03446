"""A card to share: the picture, what was changed, its link, and the note that it is generated, as one PNG.

Its size is that of link previews (Open Graph's 1.91 : 1). Its words are English in every language, because the font
that comes with Pillow has no Chinese characters. The settings are in the file too, so the Studio can open it again.
"""

from __future__ import annotations

import textwrap

from PIL import Image, ImageDraw, ImageFont

from ui.languages import using
from ui.studio.models.opened import opened
from ui.studio.view.pictures import MARK, SMALL, marked, picture
from ui.studio.view.view import View
from ui.studio.view.words import class_choices, direction_words

WIDTH, HEIGHT = 1200, 630  # pixels
MARGIN = 44
INK, QUIET, PAPER = (28, 30, 38), (96, 100, 114), (250, 250, 252)
TITLE, BODY, SMALLEST = 46, 28, 20  # font sizes in pixels
MOST_EDITS = 6
LINE, MOST_LINES = 44, 4  # characters and lines of the link


def share_card(view: View, address: str) -> bytes:
    """Returns the card of a view as PNG, WIDTH x HEIGHT pixels; `address` is the Studio's, without a query."""
    face = picture(view, HEIGHT).convert("RGB")
    resample = Image.Resampling.NEAREST if face.width <= SMALL else Image.Resampling.LANCZOS
    card = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    card.paste(face.resize((HEIGHT, HEIGHT), resample))
    draw = ImageDraw.Draw(card)
    left, y = HEIGHT + MARGIN, MARGIN
    for text, size, ink, gap in _lines(view):
        draw.text((left, y), text, fill=ink, font=ImageFont.load_default(size))
        y += size + gap
    link = textwrap.wrap(f"{address}?{view.query()}", LINE, break_on_hyphens=False)
    if len(link) > MOST_LINES:
        link = [address]  # a point of its own has thousands of characters; the file holds it all the same
    y = HEIGHT - MARGIN - (len(link) + 1) * (SMALLEST + 8)
    for text in (*link, MARK):
        draw.text((left, y), text, fill=QUIET, font=ImageFont.load_default(SMALLEST))
        y += SMALLEST + 8
    return marked(card, view.query())


def _lines(view: View) -> list[tuple[str, int, tuple[int, int, int], int]]:
    """Returns text, font size, colour and the gap below of each line next to the picture."""
    model = opened(view.model)
    with using("en"):
        facts = [] if view.point else [f"Seed {view.seed}"]
        if view.label is not None:
            facts.append(f"Class {class_choices(model)[view.label][0]}")
        if model.truncates and view.psi != 1:
            facts.append(f"Truncation {view.psi:g}")
        changes = [f"{direction_words(change.direction)} {change.strength:+g}" for change in view.changes]
    if len(changes) > MOST_EDITS:
        changes = [*changes[: MOST_EDITS - 1], f"and {len(changes) - MOST_EDITS + 1} more"]
    short = model.card.title.partition(" (")[0]  # without the method, which has no room
    title = textwrap.wrap(short, 20, max_lines=2, placeholder=" ...")
    return [
        *((line, TITLE, INK, 8) for line in title[:-1]),
        (title[-1], TITLE, INK, 24),
        (", ".join(facts), BODY, QUIET, 24),
        *((change, BODY, INK, 10) for change in changes),
    ]
