#!/usr/bin/env bash
# guess: MiFID (arXiv:2106.03062, section 3) averages, over the generated images, the cosine distance to the closest
#   real one; so does torchmetrics.
# what happens: torchmetrics 1.9.0 averages over the real images the distance to the closest generated one. Where every
#   generated image is a copy of one training image, the paper's mean is 0 (and MiFID huge), torchmetrics' isn't.
# source: torchmetrics/image/mifid.py, `compute` calls _mifid_compute(mean_real, cov_real, real_features, mean_fake,
#   ...)
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" torch==2.15.0 torchmetrics==1.9.0 \
  scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import torch
from torchmetrics.image.mifid import MemorizationInformedFrechetInceptionDistance, _compute_cosine_distance

warnings.simplefilter("ignore")


class Flat(torch.nn.Module):
    num_features = 12

    def forward(self, images):
        return images.flatten(1).float()


torch.manual_seed(0)
real = torch.randint(0, 256, (40, 3, 2, 2), dtype=torch.uint8)
fake = real[:1].repeat(40, 1, 1, 1)  # every generated image is a copy of the first real one
score = MemorizationInformedFrechetInceptionDistance(feature=Flat(), cosine_distance_eps=0.99)
score.update(real, real=True)
score.update(fake, real=False)
rows = [images.flatten(1).double() for images in (real, fake)]
over_real, over_fake = _compute_cosine_distance(rows[0], rows[1], 0.99), _compute_cosine_distance(rows[1], rows[0], 0.99)
ratio = float(score.compute())
from torchmetrics.image.fid import _compute_fid

moments = [part for side in rows for part in (side.mean(0), torch.cov(side.T))]
distance = float(_compute_fid(*moments))
print(f"mean over real {over_real:.4f}, over generated {over_fake:.4f}; torchmetrics divides by {distance / ratio:.4f}")
assert float(over_fake) < 1e-9, "copies have no distance"
assert abs(distance / ratio - float(over_real)) < 0.02 * float(over_real), "torchmetrics now averages over generated"
PYTHON
