#!/usr/bin/env bash
# guess: WGAN-GP's penalty averages (|gradient| - 1)^2 over the samples of a batch, each with a norm of its own
#   (1704.00028, equation 3), so that a critic whose slope is 1 everywhere pays nothing at any batch size.
# what happens: torchgan 0.1.0 takes one norm over the whole batch. A critic of slope 1 pays (sqrt(64) - 1)^2 = 49 at 64
#   samples, and nothing at a slope of 1 / sqrt(64): the larger the batch, the flatter the critic is made. DRAGAN's
#   penalty does the same. The losses stay finite, and no message says so.
# source: torchgan/losses/functional.py (wasserstein_gradient_penalty, dragan_gradient_penalty) of
#   https://github.com/torchgan/torchgan/tree/v0.1.0; 1704.00028, equation 3; DRAGAN: 1705.07215
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" \
  torch==2.15.0 torchvision==0.29.2 torchgan==0.1.0 numpy==2.4.6
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python - <<'PYTHON'
from importlib.metadata import version

import torch
from torchgan.losses import dragan_gradient_penalty, wasserstein_gradient_penalty

print("torchgan", version("torchgan"), "torch", torch.__version__)
torch.manual_seed(0)
for count in (1, 4, 64):
    points = torch.randn(count, 10, requires_grad=True)
    for slope in (1.0, count**-0.5):
        logits = slope * points.sum(1) / 10**0.5  # the gradient of each has this norm
        (gradient,) = torch.autograd.grad(logits.sum(), points, retain_graph=True)
        paper = float((gradient.norm(dim=1) - 1).square().mean())
        for penalty in (wasserstein_gradient_penalty, dragan_gradient_penalty):
            found = float(penalty(points, logits))
            print(f"{penalty.__name__}, {count} samples, slope {slope:.3f}: {found:.3f}, by the paper {paper:.3f}")
            assert abs(paper - (slope - 1) ** 2) < 1e-4
            assert abs(found - (slope * count**0.5 - 1) ** 2) < 1e-3, "no longer one norm for the batch"
PYTHON
