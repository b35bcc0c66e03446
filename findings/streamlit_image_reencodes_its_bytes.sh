#!/usr/bin/env bash
# guess: st.image given the bytes of a PNG or WebP file sends that file to the browser: a sample grid arrives pixel for
#   pixel, an animated WebP plays. `output_format`, "the format to use when transferring the image data", is for arrays,
#   which have no format yet.
# what happens: streamlit 1.67.0 decodes every picture without alpha that isn't a GIF and sends it as JPEG: bytes and
#   files at quality 90 with halved colour resolution, arrays at quality 100. On 32 x 32 pixels of colour noise the
#   levels are up to 217 of 255 off, and blocks of 8 pixels appear that look like a generator's artefact. Of an animated
#   WebP only the first frame is left, as JPEG or, with output_format="PNG", as PNG; GIF alone plays. PNG is lossless
#   with output_format="PNG"; a URL, such as data:image/webp;base64,..., is passed on as it is.
# source: https://docs.streamlit.io/develop/api-reference/media/st.image (output_format);
#   https://github.com/streamlit/streamlit/issues/1137 (bytes were meant to be sent as they are);
#   lib/streamlit/elements/lib/image_utils.py (_ensure_image_size_and_format) of
#   https://github.com/streamlit/streamlit/tree/1.67.0
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" streamlit==1.67.0 pillow==12.3.0 numpy==2.4.6
cd "$folder"
cat > sent.py <<'PYTHON'  # a file: AppTest reads the source of `page`
import io

import numpy as np
import streamlit
from PIL import Image
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.testing.v1 import AppTest

sent = []
add = MediaFileManager.add


def recorded(self, data, mimetype, *others, **named):
    sent.append((mimetype, data))
    return add(self, data, mimetype, *others, **named)


MediaFileManager.add = recorded  # what the browser gets


def page():
    import io

    import numpy as np
    import streamlit as st
    from PIL import Image

    def file(format, **options):
        kept = io.BytesIO()
        frames[0].save(kept, format, **options)
        return kept.getvalue()

    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    frames = [Image.fromarray(np.roll(noise, row, 0)) for row in range(5)]
    film = {"save_all": True, "append_images": frames[1:], "duration": 100, "loop": 0}
    st.image(file("PNG"))
    st.image(noise)
    st.image(file("PNG"), output_format="PNG")
    st.image(file("WEBP", lossless=True, **film))
    st.image(file("WEBP", lossless=True, **film), output_format="PNG")
    st.image(file("GIF", **film))


shown = AppTest.from_function(page, default_timeout=60).run()
assert not shown.exception
noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
print("streamlit", streamlit.__version__)
found = []
given = ("PNG", "array", "PNG, as PNG", "5 frames of WebP", "5 frames of WebP, as PNG", "5 frames of GIF")
for name, (mimetype, data) in zip(given, sent, strict=True):
    picture = Image.open(io.BytesIO(data))
    frames = getattr(picture, "n_frames", 1)
    wrong = int(np.abs(np.asarray(picture.convert("RGB")).astype(int) - noise).max())
    print(f"{name}: sent as {mimetype}, {frames} frame(s), the first up to {wrong} levels off")
    found.append((mimetype, frames, wrong > 100))
assert found[:2] == [("image/jpeg", 1, True)] * 2
assert found[2] == ("image/png", 1, False)
assert found[3:5] == [("image/jpeg", 1, True), ("image/png", 1, False)]
assert found[5][:2] == ("image/gif", 5)
PYTHON
venv/bin/python sent.py 2> errors.txt || { cat errors.txt; exit 1; }
