"""MNIST: 60,000 handwritten digits to train on and 10,000 to test on (LeCun, Bottou, Bengio, Haffner, 1998)."""

from __future__ import annotations

from gan_core.data.base import register
from gan_core.data.files import Layout, from_files
from gan_core.data.formats import idx_pictures
from gan_core.data.published.by_torchvision import Download

register(
    from_files(
        name="mnist",
        title="MNIST",
        about="60,000 handwritten digits, white on black.",
        licence="CC BY-SA 3.0 (Y. LeCun, C. Cortes)",
        size=28,
        channels=1,
        items=60_000,
        class_names=tuple("0123456789"),
        train=Layout(("MNIST/raw/train-images-idx3-ubyte.gz", "MNIST/raw/train-labels-idx1-ubyte.gz"), idx_pictures),
        test=Layout(("MNIST/raw/t10k-images-idx3-ubyte.gz", "MNIST/raw/t10k-labels-idx1-ubyte.gz"), idx_pictures),
        download=Download.of("MNIST", 66_500_000),
        hub="ylecun/mnist",
    )
)
