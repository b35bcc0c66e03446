#!/usr/bin/env bash
# guess: from_pretrained of a generator class with huggingface_hub's PyTorchModelHubMixin raises if the weights don't
#   fit the class, as load_state_dict does, or names what is missing, as transformers does.
# what happens: huggingface_hub 2.4.0 has `strict=False` there. If a layer has been renamed since the upload, its
#   weights are left out and the new layer keeps its random start, without an error or a warning: the model draws noise,
#   and differs at every load. from_pretrained(..., strict=True) raises.
# source: https://huggingface.co/docs/huggingface_hub/package_reference/mixins (from_pretrained);
#   src/huggingface_hub/hub_mixin.py (`PyTorchModelHubMixin._from_pretrained`) of
#   https://github.com/huggingface/huggingface_hub/tree/v2.4.0
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" \
  torch==2.15.0 huggingface_hub==2.4.0 safetensors==0.8.0 numpy==2.4.6
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python - <<'PYTHON'
import logging
import tempfile
import warnings

import huggingface_hub
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn

records = []
handler = logging.Handler()
handler.emit = records.append
logging.getLogger("huggingface_hub").addHandler(handler)


class Uploaded(nn.Module, PyTorchModelHubMixin):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(width, width), nn.Linear(width, width)


class Renamed(nn.Module, PyTorchModelHubMixin):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.first, self.to_rgb = nn.Linear(width, width), nn.Linear(width, width)


print("huggingface_hub", huggingface_hub.__version__)
model = Uploaded()
with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        first, second = Renamed.from_pretrained(folder), Renamed.from_pretrained(folder)
    kept = torch.equal(first.first.weight, model.first.weight)
    lost = not torch.equal(first.to_rgb.weight, model.last.weight)
    drawn = not torch.equal(first.to_rgb.weight, second.to_rgb.weight)
    print(f"`first` is loaded: {kept}; the last layer is lost: {lost}, and drawn anew at each load: {drawn}; "
          f"{len(said)} warnings, {len(records)} log records")
    assert kept and lost and drawn and not said and not records
    try:
        Renamed.from_pretrained(folder, strict=True)
    except RuntimeError as error:
        print("strict=True:", " ".join(str(error).split())[:90])
    else:
        raise AssertionError("strict=True no longer raises")
PYTHON
