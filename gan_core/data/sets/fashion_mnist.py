"""Fashion-MNIST: 60,000 pictures of clothes to train on and 10,000 to test on, in the format of MNIST (1708.07747)."""

from __future__ import annotations

from gan_core.data.base import register
from gan_core.data.files import Layout, from_files
from gan_core.data.formats import idx_pictures
from gan_core.data.published.by_torchvision import Download

FOLDER = "FashionMNIST/raw"

register(
    from_files(
        name="fashion_mnist",
        title="Fashion-MNIST",
        about="60,000 pictures of clothes, shoes and bags, grey on black.",
        licence="MIT (Zalando SE)",
        size=28,
        channels=1,
        items=60_000,
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        train=Layout((f"{FOLDER}/train-images-idx3-ubyte.gz", f"{FOLDER}/train-labels-idx1-ubyte.gz"), idx_pictures),
        test=Layout((f"{FOLDER}/t10k-images-idx3-ubyte.gz", f"{FOLDER}/t10k-labels-idx1-ubyte.gz"), idx_pictures),
        download=Download.of("FashionMNIST", 85_800_000),
        hub="zalando-datasets/fashion_mnist",
    )
)
