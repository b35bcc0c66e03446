#!/usr/bin/env bash
# guess: MelSpectrogram and AmplitudeToDB(top_db=80), given a batch of mono sounds (batch, samples), treat each sound by
#   itself, so that a sound has the same spectrogram alone and in a batch.
# what happens: torchaudio 2.11.1 reads three axes as one sound of several channels and cuts 80 dB below the loudest of
#   all: of a quiet sound next to a loud one only the upper part is left (here its peak: 56 dB are cut off). So what a
#   discriminator is shown depends on the other sounds of the batch, and spectrograms that were computed one by one
#   differ from those of a training loop. With an axis for the channel (batch, 1, samples) each has its own floor.
# source: https://docs.pytorch.org/audio/stable/generated/torchaudio.transforms.AmplitudeToDB.html (names no shapes);
#   https://docs.pytorch.org/audio/stable/generated/torchaudio.functional.amplitude_to_DB.html (the function's page
#   does: one cut-off for two or three axes)
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" \
  torch==2.15.0 torchaudio==2.11.1 numpy==2.4.6
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python - <<'PYTHON'
import torch
import torchaudio

print("torchaudio", torchaudio.__version__, "torch", torch.__version__)
torch.manual_seed(0)
tone = torch.sin(2 * torch.pi * 440 * torch.arange(4000) / 16000)
quiet, loud = 1e-4 * tone + 1e-7 * torch.randn(4000), tone
spectrogram = torch.nn.Sequential(
    torchaudio.transforms.MelSpectrogram(16000, n_fft=256, n_mels=16), torchaudio.transforms.AmplitudeToDB(top_db=80)
)
alone = spectrogram(quiet[None])[0]
batch = spectrogram(torch.stack([quiet, loud]))[0]
channel = spectrogram(torch.stack([quiet, loud])[:, None])[0, 0]
for name, one in (("alone", alone), ("in a batch", batch), ("in a batch with an axis for the channel", channel)):
    print(f"quiet sound {name}: {float(one.min()):.1f} to {float(one.max()):.1f} dB")
assert abs(float(alone.max() - batch.max())) < 0.1
assert float(batch.min() - alone.min()) > 40, "each sound has its own floor now"
torch.testing.assert_close(channel, alone, atol=0.1, rtol=0)
PYTHON
