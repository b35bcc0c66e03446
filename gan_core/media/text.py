"""Text: sequences of tokens (N, T), indices into `DataSpec.vocabulary`, whose first entry "" ends a text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gan_core.data.base import DataSpec
from gan_core.data.tokens import decode
from gan_core.disk import replacing
from gan_core.media.base import Medium, Piece, register

WIDTH, LINE, LINES, MARGIN = 256, 14, 3, 4  # pixels of a picture: its width, the height of a line; lines; the border


def words(tokens: np.ndarray, spec: DataSpec) -> str:
    """Tokens (T,) as text. Single-character tokens are joined directly, others with spaces."""
    return decode(tokens, spec.vocabulary)


def pictures(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Texts written on paper, uint8 (N, LINES * LINE + 2 * MARGIN, WIDTH, 3); texts that are too long are cut."""
    return np.stack([_written(words(tokens, spec)) for tokens in samples])


def _written(text: str) -> np.ndarray:
    page = Image.new("RGB", (WIDTH, LINES * LINE + 2 * MARGIN), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    lines = [""]
    for character in " ".join(text.split()):
        if draw.textlength(lines[-1] + character, font) > WIDTH - 2 * MARGIN:
            lines.append("")
        lines[-1] += character
    for number, line in enumerate(lines[:LINES]):
        draw.text((MARGIN, MARGIN + number * LINE), line, (40, 30, 70), font)
    return np.asarray(page)


def describe(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Frequencies of each token, and of neighbouring pairs in 64 buckets: (N, V + 64)."""
    found = np.zeros((len(samples), len(spec.vocabulary) + 64), np.float32)
    for row, tokens in enumerate(samples):
        np.add.at(found[row], tokens, 1)
        np.add.at(found[row], len(spec.vocabulary) + (tokens[:-1] * 31 + tokens[1:]) % 64, 1)
    return found


def texts(samples: np.ndarray, spec: DataSpec) -> list[str]:
    return [words(tokens, spec) for tokens in samples]


def write(samples: np.ndarray, spec: DataSpec, path: Path) -> None:
    """Writes one text per line, UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{text}\n" for text in texts(samples, spec)), encoding="utf-8")


def pieces(samples: np.ndarray, spec: DataSpec) -> list[Piece]:
    return [Piece("text", text) for text in texts(samples, spec)]


TEXT = register(
    Medium(
        task="sequence", words="texts", types={".txt": "text/plain"}, pictures=pictures, write=write, pieces=pieces,
        describe=describe, texts=texts, columns=2,
    )
)  # fmt: skip
