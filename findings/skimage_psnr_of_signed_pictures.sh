#!/usr/bin/env bash
# guess: without a `data_range`, scikit-image's PSNR of float pictures, which lie in [-1, 1], raises as its SSIM does,
#   or has one range for all: 2, or always 1.
# what happens: scikit-image 0.26.0 looks at the darkest pixel of the first picture: at 0 or above the range is 1, below
#   it is 2. Of two pictures in [-1, 1] with the same error, the bright one gets 6.02 dB less, only the first of the
#   pair counts, and exchanging the pair can change the result. A mean over a set mixes both, without a warning.
#   data_range=2 gives one number.
# source: https://scikit-image.org/docs/0.26.x/api/skimage.metrics.html (peak_signal_noise_ratio: "the distance between
#   minimum and maximum possible values"); skimage/metrics/simple_metrics.py of
#   https://github.com/scikit-image/scikit-image/tree/v0.26.0
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" \
  scikit-image==0.26.0 numpy==2.4.6 scipy==1.17.1
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python - <<'PYTHON'
import warnings

import numpy as np
import skimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

print("scikit-image", skimage.__version__)
noise = np.random.default_rng(0).normal(0, 0.05, (16, 16)).astype(np.float32)
ramp = np.linspace(0.2, 0.8, 256, dtype=np.float32).reshape(16, 16)
pictures = {"bright": ramp, "dark": ramp - 0.5}
found = {}
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    for name, picture in pictures.items():
        found[name] = peak_signal_noise_ratio(picture, picture + noise)
        fixed = peak_signal_noise_ratio(picture, picture + noise, data_range=2)
        print(f"{name}, from {picture.min():.1f} to {picture.max():.1f}: {found[name]:.2f} dB; "
              f"at a range of 2 {fixed:.2f}")
        assert abs(fixed - found["bright"] - 20 * np.log10(2)) < 0.01
    edge = np.zeros((16, 16), np.float32)
    exchanged = peak_signal_noise_ratio(edge, edge - 0.1), peak_signal_noise_ratio(edge - 0.1, edge)
    print(f"black on grey: {exchanged[0]:.2f} dB, exchanged: {exchanged[1]:.2f}")
assert not said
assert abs(found["dark"] - found["bright"] - 20 * np.log10(2)) < 0.01, "one range for both now"
assert abs(exchanged[1] - exchanged[0] - 20 * np.log10(2)) < 0.01
try:
    structural_similarity(pictures["dark"], pictures["dark"] + noise)
except ValueError as error:
    print("SSIM raises:", str(error)[:60])
else:
    raise AssertionError("SSIM no longer asks for a range")
PYTHON
