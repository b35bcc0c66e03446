#!/usr/bin/env bash
# guess: a PNG in colour with 16 bits a channel opens either as 16 bits, like a grey one ("I;16"), or with its levels
#   rounded to 8 bits, and a warning reports the loss of precision.
# what happens: Pillow 12.3.0 opens it as "RGB" and keeps the upper byte of each level: no rounding, no warning, and
#   nothing in `info` or `mode` distinguishes it from a file of 8 bits. Medical and microscopy pictures that use 12 of
#   the 16 bits come out nearly black (level 4095 of 4095 becomes 15 of 255). A grey file with alpha opens as "RGBA" in
#   the same way.
# source: https://pillow.readthedocs.io/en/stable/handbook/image-file-formats.html#png (lists modes, not this loss)
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pillow==12.3.0 pypng==0.20220715.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import warnings

import PIL
import png
from PIL import Image

warnings.simplefilter("error")  # a warning would fail this script
levels = [4095, 255, 65535]  # red: all of 12 bits; green: below one level of 8 bits; blue: white
with open("colour.png", "wb") as file:
    png.Writer(1, 1, greyscale=False, bitdepth=16).write(file, [levels])
with open("grey.png", "wb") as file:
    png.Writer(1, 1, greyscale=True, bitdepth=16).write(file, [[4095]])
with open("alpha.png", "wb") as file:
    png.Writer(1, 1, greyscale=True, alpha=True, bitdepth=16).write(file, [[4095, 65535]])

colour, grey, alpha = (Image.open(f"{name}.png") for name in ("colour", "grey", "alpha"))
print("Pillow", PIL.__version__)
print("colour:", colour.mode, colour.getpixel((0, 0)), colour.info, "| rounded it would be", tuple(round(x / 257) for x in levels))
print("grey:", grey.mode, grey.getpixel((0, 0)))
print("grey with alpha:", alpha.mode, alpha.getpixel((0, 0)))
assert (colour.mode, colour.getpixel((0, 0)), colour.info) == ("RGB", (15, 0, 255), {})
assert (grey.mode, grey.getpixel((0, 0))) == ("I;16", 4095)
assert (alpha.mode, alpha.getpixel((0, 0))[0]) == ("RGBA", 15)
PYTHON
