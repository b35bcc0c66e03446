#!/usr/bin/env bash
# guess: nn.init.kaiming_normal_(layer.weight) keeps the variance of the signal in a transposed convolution as it does
#   in a convolution, and the default start of both layers is the same but for the direction.
# what happens: torch 2.15.0 takes the second axis of any weight as the inputs. In a ConvTranspose2d it holds the
#   outputs, and the stride, which leaves only 1 / stride^2 of the kernel to each pixel, isn't counted. So the "fan in"
#   is outputs x kernel instead of inputs x kernel / stride^2. From 64 to 512 channels (kernel 4, stride 2) the standard
#   deviation shrinks to .18 instead of 1, from 512 to 64 it grows to 1.4, and torch's own default start gives .10 and
#   .82 where convolutions have .58. `mode="fan_out"`, times the stride, keeps it at 1.
# source: https://docs.pytorch.org/docs/stable/nn.init.html (kaiming_normal_: `fan_in` preserves the magnitude of the
#   variance in the forward pass; its note on transposed weights is about nn.Linear alone)
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" torch==2.15.0 numpy==2.4.6
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python - <<'PYTHON'
import torch
from torch import nn

STRIDE, KERNEL = 2, 4


@torch.no_grad()
def spread(layer, start, inputs, outputs):
    """The standard deviation of a layer's outputs, away from the borders, for inputs of 1."""
    torch.manual_seed(0)
    made = layer(inputs, outputs, KERNEL, STRIDE, 1, bias=False)
    if start == "fan_in":
        nn.init.kaiming_normal_(made.weight, nonlinearity="linear")
    elif start == "fan_out":
        nn.init.kaiming_normal_(made.weight, mode="fan_out", nonlinearity="linear")
        made.weight *= STRIDE
    return float(made(torch.randn(8, inputs, 12, 12))[..., 2:-2, 2:-2].std())


print("torch", torch.__version__)
found = {}
for inputs, outputs in ((64, 512), (512, 64)):
    for start in ("default", "fan_in"):
        for layer in (nn.Conv2d, nn.ConvTranspose2d):
            found[layer.__name__, start, inputs] = spread(layer, start, inputs, outputs)
            print(f"{inputs} -> {outputs}, {start}: {layer.__name__} {found[layer.__name__, start, inputs]:.2f}")
    found["fan_out", inputs] = spread(nn.ConvTranspose2d, "fan_out", inputs, outputs)
    print(f"{inputs} -> {outputs}, fan_out times the stride: ConvTranspose2d {found['fan_out', inputs]:.2f}")
    assert abs(found["Conv2d", "default", inputs] - 0.58) < 0.04
    assert abs(found["Conv2d", "fan_in", inputs] - 1) < 0.05
    assert abs(found["fan_out", inputs] - 1) < 0.05
assert abs(found["ConvTranspose2d", "fan_in", 64] - 0.18) < 0.02
assert abs(found["ConvTranspose2d", "fan_in", 512] - 1.41) < 0.08
assert abs(found["ConvTranspose2d", "default", 64] - 0.10) < 0.02
assert abs(found["ConvTranspose2d", "default", 512] - 0.82) < 0.05
PYTHON
