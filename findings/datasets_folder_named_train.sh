#!/usr/bin/env bash
# guess: load_dataset("imagefolder", data_dir=...) on the folders bus/, car/ and train/ gives all pictures, with the three
#   folders as labels, as torchvision's ImageFolder does.
# what happens: datasets 5.2.0 first looks for names of splits in the paths. A folder "train" (also "bullet-train" or
#   "test") makes those pictures the only split, so the pictures of the other folders are left out, and as one folder
#   remains there is no label either, all without a warning. "dev" and "valid" become one validation split, and the rest
#   is lost. CIFAR-100 has a class "train". `data_files={"train": "**"}` reads them all, with the labels.
# source: https://huggingface.co/docs/datasets/repository_structure (names of splits in folders and files);
#   https://huggingface.co/docs/datasets/image_dataset#imagefolder; src/datasets/data_files.py of
#   https://github.com/huggingface/datasets/tree/5.2.0
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" datasets==5.2.0 pillow==12.3.0 numpy==2.4.6
cd "$folder"
HF_HOME="$folder/home" HF_HUB_OFFLINE=1 venv/bin/python - <<'PYTHON'
import warnings
from pathlib import Path

import datasets
from PIL import Image

warnings.simplefilter("error", UserWarning)  # a warning about what is left out would fail this script
datasets.disable_progress_bars()
print("datasets", datasets.__version__)


def read(*classes, **options):
    """Pictures and labels of each split of a folder with three pictures for each class."""
    root = Path("-".join(classes))
    for name in classes:
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(3):
            Image.new("RGB", (4, 4), (80 * number, 0, 0)).save(root / name / f"{number}.png")
    read = datasets.load_dataset("imagefolder", data_dir=str(root), **options)
    label = {name: part.features.get("label") for name, part in read.items()}
    found = {name: (len(part), label[name].names if label[name] else None) for name, part in read.items()}
    print(f"{', '.join(classes)}: {found}")
    return found


assert read("bus", "car", "tram") == {"train": (9, ["bus", "car", "tram"])}
assert read("bus", "car", "train") == {"train": (3, None)}
assert read("bus", "car", "bullet-train") == {"train": (3, None)}
assert read("bus", "car", "test") == {"test": (3, None)}
assert read("bus", "car", "dev", "valid") == {"validation": (6, ["dev", "valid"])}
print("the same with data_files:")
assert read("bus", "car", "train", data_files={"train": "**"}) == {"train": (9, ["bus", "car", "train"])}
PYTHON
