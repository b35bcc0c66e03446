#!/usr/bin/env bash
# guess: torchmetrics' VisualInformationFidelity takes pictures in [0, 1], as its example does (torch.rand), and as its
#   neighbours LPIPS and FID (normalize=True) and PSNR or SSIM (data_range=1) do; where a range mattered, it would have
#   an argument for it. And PeakSignalNoiseRatio gives the mean of the pictures' PSNR, as its SSIM does.
# what happens: torchmetrics 1.9.0. VIF has a noise of variance 2 (sigma_n_sq) that belongs to levels of 0 to 255 and is
#   not scaled: in [0, 1] it hides all differences. A picture with noise of .05 scores .99 instead of .48 (piq 0.8.0,
#   which scales by its data_range, says .52), with .2 still .83 instead of .18. Multiply by 255. And PSNR averages the
#   squared errors of all pictures before the logarithm: nine pictures of 60 dB and one of 10.4 dB give 20.4, where the
#   mean that papers report is 55.0 (`dim=(1, 2, 3)` gives it).
# source: https://lightning.ai/docs/torchmetrics/stable/image/visual_information_fidelity.html;
#   https://lightning.ai/docs/torchmetrics/stable/image/peak_signal_noise_ratio.html; src/torchmetrics/functional/image/
#   vif.py of https://github.com/Lightning-AI/torchmetrics/tree/v1.9.0; VIF: Sheikh and Bovik, 2006
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" torchmetrics==1.9.0 piq==0.8.0 torch==2.15.0 \
  torchvision==0.29.2 numpy==2.4.6
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import piq
import torch
import torchmetrics
from torch.nn import functional
from torchmetrics.image import PeakSignalNoiseRatio, VisualInformationFidelity

print("torchmetrics", torchmetrics.__version__, "piq", piq.__version__)
random = torch.Generator().manual_seed(0)
coarse = torch.rand(4, 3, 16, 16, generator=random)
real = functional.interpolate(coarse, size=(128, 128), mode="bicubic").clamp(0, 1)
noise = torch.randn(real.shape, generator=random)
for strength, unit, bytes_ in ((0.05, 0.98, 0.47), (0.2, 0.83, 0.18)):
    fake = (real + strength * noise).clamp(0, 1)
    found = float(VisualInformationFidelity()(fake, real)), float(VisualInformationFidelity()(255 * fake, 255 * real))
    other = float(piq.vif_p(fake, real, data_range=1.0))
    print(f"noise {strength}: VIF in [0, 1] {found[0]:.3f}, in [0, 255] {found[1]:.3f}; piq {other:.3f}")
    assert abs(found[0] - unit) < 0.02 and abs(found[1] - bytes_) < 0.03 and abs(other - bytes_) < 0.06
real = torch.rand(10, 3, 64, 64, generator=random)
errors = torch.tensor([0.001] * 9 + [0.3]).view(-1, 1, 1, 1)
fake = real + errors * torch.randn(real.shape, generator=random)
pooled = float(PeakSignalNoiseRatio(data_range=1.0)(fake, real))
each = [float(PeakSignalNoiseRatio(data_range=1.0)(fake[one : one + 1], real[one : one + 1])) for one in range(10)]
by_dim = float(PeakSignalNoiseRatio(data_range=1.0, dim=(1, 2, 3))(fake, real))
print("PSNR of each picture:", [round(one, 1) for one in each])
print(f"of all: {pooled:.1f}; their mean: {sum(each) / 10:.1f}; with dim=(1, 2, 3): {by_dim:.1f}")
assert abs(pooled - 20.5) < 0.3 and abs(sum(each) / 10 - 55) < 0.3 and abs(by_dim - sum(each) / 10) < 0.01
PYTHON
