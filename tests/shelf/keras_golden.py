"""Makes the Keras files of tests/shelf/keras, and golden.npz with what Keras itself generates with them.

    pip install keras==3.15.1                     # in an environment with PyTorch; no test needs Keras
    KERAS_BACKEND=torch python -m tests.shelf.keras_golden

The weights are random, also the statistics of batch normalisation. golden.npz holds latents and images (B, H, W, C) in
[-1, 1] by the name of each file.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers

HERE = Path(__file__).parent / "keras"
LATENT = 6


def tutorial() -> keras.Model:
    """TensorFlow's DCGAN tutorial, smaller: odd kernels with stride 2."""
    return keras.Sequential([
        keras.Input((LATENT,)), layers.Dense(7 * 7 * 4, use_bias=False), layers.BatchNormalization(),
        layers.LeakyReLU(), layers.Reshape((7, 7, 4)),
        layers.Conv2DTranspose(4, (5, 5), strides=(1, 1), padding="same", use_bias=False), layers.BatchNormalization(),
        layers.LeakyReLU(), layers.Conv2DTranspose(3, (5, 5), strides=(2, 2), padding="same", use_bias=False),
        layers.BatchNormalization(scale=False), layers.LeakyReLU(),
        layers.Conv2DTranspose(1, (5, 5), strides=(2, 2), padding="same", use_bias=False, activation="tanh"),
    ])  # fmt: skip


def upsampling() -> keras.Model:
    """Keras-GAN's generator: a Sequential within a functional model."""
    inner = keras.Sequential([
        keras.Input((LATENT,)), layers.Dense(4 * 4 * 8, activation="relu"), layers.Reshape((4, 4, 8)),
        layers.UpSampling2D(), layers.Conv2D(6, 3, padding="same"), layers.BatchNormalization(momentum=0.8),
        layers.Activation("relu"), layers.UpSampling2D(interpolation="bilinear"),
        layers.Conv2D(4, 4, padding="same", activation=layers.LeakyReLU(0.1)), layers.BatchNormalization(momentum=0.8),
        layers.Conv2D(3, 3, padding="same"), layers.Activation("tanh"),
    ])  # fmt: skip
    noise = keras.Input((LATENT,))
    return keras.Model(noise, inner(noise))


def perceptron() -> keras.Model:
    """A flat image in [0, 1]."""
    return keras.Sequential([
        keras.Input((LATENT,)), layers.Dense(16), layers.LeakyReLU(negative_slope=0.2),
        layers.BatchNormalization(momentum=0.8, center=False), layers.Reshape((2, 2, 4)), layers.Flatten(),
        layers.Dropout(0.4), layers.Dense(64, activation="sigmoid"),
    ])  # fmt: skip


def kernels() -> keras.Model:
    """Even and odd kernels, smaller and larger than their stride, padded and not."""
    return keras.Sequential([
        keras.Input((LATENT,)), layers.Dense(2 * 2 * 3), layers.Reshape((2, 2, 3)),
        layers.Conv2DTranspose(3, 2, strides=3, padding="same"), layers.ReLU(),  # 6
        layers.Conv2DTranspose(3, 3, strides=2, padding="valid"), layers.Activation("elu"),  # 13
        layers.Conv2D(4, 3, strides=2, padding="same"), layers.Activation("swish"),  # 7
        layers.Conv2DTranspose(3, 1, strides=2, padding="valid"), layers.ReLU(negative_slope=0.3),  # 14
        layers.Conv2D(3, 4, strides=2, padding="same"), layers.Activation("selu"),  # 7
        layers.Conv2DTranspose(3, 4, strides=2, padding="same"),  # 14
        layers.Conv2DTranspose(3, 3, strides=2, padding="same"), layers.Activation("gelu"),  # 28
        layers.Conv2D(1, 5, padding="valid", activation="tanh"),  # 24
    ])  # fmt: skip


FILES = {
    "tutorial.keras": tutorial, "tutorial.h5": tutorial, "upsampling.keras": upsampling, "upsampling.h5": upsampling,
    "perceptron.h5": perceptron, "kernels.keras": kernels,
}  # fmt: skip


def main() -> None:
    HERE.mkdir(exist_ok=True)
    golden = {}
    for name, build in FILES.items():
        random = np.random.default_rng(len(name))
        model = build()
        for weight in model.weights:
            spread = random.normal(0, 0.4, weight.shape)
            weight.assign(np.abs(spread) + 0.5 if "variance" in weight.path else spread + ("gamma" in weight.path))
        model.save(HERE / name)
        latents = random.standard_normal((4, LATENT)).astype(np.float32)
        images = np.asarray(model.predict(latents, verbose=0))
        if "perceptron" in name:
            images = images.reshape(-1, 8, 8, 1) * 2 - 1
        golden[f"{name}/latents"], golden[f"{name}/images"] = latents, images
    np.savez_compressed(HERE / "golden.npz", **golden)


if __name__ == "__main__":
    main()
