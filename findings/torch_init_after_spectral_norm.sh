#!/usr/bin/env bash
# guess: `network.apply(weights_init)`, DCGAN's start N(0, .02) as in PyTorch's own tutorial, sets the weights of
#   layers with spectral norm, too; it did so with torch.nn.utils.spectral_norm, which torch.nn.utils.parametrizations
#   replaces.
# what happens: torch 2.15.0. `layer.weight` of a parametrised layer is computed anew at each access, so that nn.init
#   fills a temporary tensor: no error, no warning, and the layer keeps torch's default start, for `layer.weight` as
#   well as for `layer.weight.data`. Biases are set, so the network looks initialised. Initialise before the norm is
#   applied, or set `layer.parametrizations.weight.original`.
# source: https://github.com/pytorch/pytorch/issues/180968 (open; seen there with weight_norm);
#   https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.spectral_norm.html (names the parametrised form as the
#   newer one); https://docs.pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html (weights_init)
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" torch==2.15.0 numpy==2.4.6
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python - <<'PYTHON'
import warnings

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

print("torch", torch.__version__)


def spread(norm, by_data):
    """The standard deviations of the stored weight and of the bias after N(0, .02) was asked for both."""
    torch.manual_seed(0)
    network = nn.Sequential(norm(nn.Conv2d(16, 16, 4)), nn.LeakyReLU(0.2))

    def start(layer):
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight.data if by_data else layer.weight, 0.0, 0.02)
            nn.init.normal_(layer.bias, 0.0, 0.02)

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        network.apply(start)
    state = network.state_dict()
    weight = state["0.weight_orig"] if "0.weight_orig" in state else state["0.parametrizations.weight.original"]
    return round(float(weight.std()), 3), round(float(state["0.bias"].std()), 3)


for by_data in (True, False):
    older, newer = spread(nn.utils.spectral_norm, by_data), spread(spectral_norm, by_data)
    print("layer.weight.data:" if by_data else "layer.weight:", "hook", older, "parametrised", newer)
    assert older[0] == 0.02
    assert newer[0] == 0.036, "torch's default: uniform, 1 / sqrt(3 * 16 * 4 * 4)"
    assert older[1] < 0.03 > newer[1]
layer = spectral_norm(nn.Conv2d(16, 16, 4))
nn.init.normal_(layer.parametrizations.weight.original, 0.0, 0.02)
assert round(float(layer.parametrizations.weight.original.detach().std()), 3) == 0.02
print("parametrizations.weight.original takes it")
PYTHON
