"""The table of the shelf's models: recipe, data, settings, and what they took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gan_core.errors import UnknownName


@dataclass(frozen=True)
class Plan:
    """How one model is made. Hours are what it took: on 2 CPU cores, and on one GPU (0: not made there).

    `start` names the model of the same networks whose weights it begins from; "" begins anew.
    """

    recipe: str
    data: str
    size: int
    steps: int
    hours_cpu: float
    hours_gpu: float
    title: str
    limits: str
    hparams: Mapping[str, Any] = field(default_factory=dict)
    half: bool = False
    start: str = ""


_DCGAN = {
    "channels": 32, "latent_size": 64, "stem": "linear", "beta1": 0.0, "schedule": "linear", "penalty": "r1",
    "penalty_every": 8,
}  # fmt: skip

_CRITIC = {
    "channels": 32, "max_channels": 128, "dense": 512, "stem": "linear", "loss": "wasserstein",
    "penalty": "gradient_penalty", "beta1": 0.0, "beta2": 0.9, "discriminator_steps": 2, "generator_rate": 1e-3,
    "discriminator_rate": 1e-3, "schedule": "linear", "ema": 0.999,
}  # fmt: skip

plans: dict[str, Plan] = {
    "dcgan.digits": Plan(
        "dcgan", "digits", 16, 10_000, 0.1, 0.0, "Digits",
        "Low resolution; about one digit in five is hard to read.",
        _DCGAN | {"generator_rate": 1e-3, "discriminator_rate": 1e-3, "decay_steps": 10_000, "penalty_weight": 0.3,
                  "ema": 0.999},
    ),
    "dcgan.fashion_mnist": Plan(
        "dcgan", "fashion_mnist", 28, 12_000, 0.4, 0.0, "Clothes",
        "Patterns and prints are blurred; sandals lack straps.",
        _DCGAN | {"max_channels": 128, "dense": 512, "generator_rate": 1e-3, "discriminator_rate": 1e-3,
                  "decay_steps": 12_000, "penalty_weight": 0.3, "ema": 0.999},
        half=True,
    ),
    "cgan.mnist": Plan(
        "cgan", "mnist", 28, 4_000, 0.3, 0.0, "Digits by class",
        "Strokes are occasionally broken; the crossbar of the 7 appears at random.",
        _DCGAN | {"body": "dcgan", "batch_norm": True, "channels": 48, "max_channels": 128, "generator_rate": 1e-3,
                  "discriminator_rate": 1e-3, "decay_steps": 4_000, "penalty_weight": 0.3, "ema": 0.999},
        half=True,
    ),
    "cgan.pneumonia": Plan(
        "cgan", "pneumonia", 28, 5_000, 0.2, 0.0, "Chest X-rays by class",
        "Not for diagnosis. Adding such images to real X-rays did not improve a classifier. Some images are torn.",
        _CRITIC | {"body": "dcgan", "latent_size": 64, "decay_steps": 5_000},
        half=True,
    ),
    "infogan.mnist": Plan(
        "infogan", "mnist", 28, 10_000, 0.5, 0.0, "Digits with unsupervised codes",
        "A categorical code is a style of writing, not always one digit: two codes may show the same digit.",
        _CRITIC | {"latent_size": 65, "decay_steps": 10_000},
        half=True,
    ),
    "wgan_gp.mnist": Plan(
        "wgan_gp", "mnist", 28, 24_000, 1.1, 0.0, "Digits (WGAN-GP)",
        "Strokes are occasionally broken.",
        _CRITIC | {"latent_size": 64, "decay_steps": 24_000},
        half=True,
    ),
    "mlp_gan.mnist": Plan(
        "mlp_gan", "mnist", 28, 50_000, 0.2, 0.0, "Digits without convolutions",
        "Noisy pixels around the strokes, because each pixel is learned independently.",
        {"generator_widths": (256, 512, 512), "discriminator_widths": (512, 256), "latent_size": 64,
         "batch_norm": True, "beta1": 0.0, "generator_rate": 1e-3, "discriminator_rate": 1e-3,
         "penalty": "r1", "penalty_weight": 0.1, "penalty_every": 8, "ema": 0.999, "schedule": "linear",
         "decay_steps": 50_000},
        half=True,
    ),
    "biggan.fashion_mnist": Plan(
        "biggan", "fashion_mnist", 28, 6_000, 0.3, 0.0, "Clothes by class",
        "Patterns and prints are blurred; sandals lack straps.",
        {"channels": 24, "max_channels": 96, "latent_size": 64, "embedding": 32, "generator_rate": 5e-4,
         "discriminator_rate": 1e-3, "ema": 0.998, "schedule": "linear", "decay_steps": 6_000},
        half=True,
    ),
    "stylegan2.avatars": Plan(
        "stylegan2", "avatars", 64, 9_000, 1.1, 0.0, "Drawn faces",
        "Limited to this drawing style. Small details, such as eyes and glasses, are rarely symmetric.",
        {"channels": 16, "max_channels": 96, "latent_size": 64, "w_size": 96, "noise": False, "style_mixing": 0.5,
         "path_weight": 0.0, "penalty_weight": 1.0, "generator_rate": 1e-2, "discriminator_rate": 1e-2, "ema": 0.998,
         "schedule": "linear", "decay_steps": 9_000},
        half=True,
    ),
    "progan.avatars": Plan(
        "progan", "avatars", 64, 14_000, 0.6, 0.0, "Drawn faces (ProGAN)",
        "Limited to this drawing style. Hats and glasses have ragged edges.",
        {"channels": 16, "max_channels": 96, "latent_size": 64, "loss": "non_saturating", "penalty": "r1",
         "penalty_weight": 1.0, "penalty_every": 16, "drift": 0.0, "hold_kimg": 8.0, "fade_kimg": 8.0,
         "generator_rate": 3e-3, "discriminator_rate": 3e-3, "ema": 0.998, "schedule": "linear",
         "decay_steps": 14_000},
        half=True,
    ),
    "projected_gan.avatars": Plan(
        "projected_gan", "avatars", 64, 6_500, 0.7, 0.0, "Drawn faces (Projected GAN with emoji features)",
        "Limited to this drawing style. Small details, such as eyes and glasses, are rarely symmetric.",
        {"style_mixing": 0.5, "generator_rate": 2.5e-3, "discriminator_rate": 5e-4, "ema": 0.999, "schedule": "linear",
         "decay_steps": 6_500},
        half=True,
    ),
    "pix2pix.edges2avatars": Plan(
        "pix2pix", "edges2avatars", 64, 8_000, 0.4, 0.0, "Line drawings to faces",
        "Limited to line drawings of these faces: anything else is coloured like part of a face.",
        {"channels": 24, "discriminator_channels": 24, "batch_size": 8, "generator_rate": 1e-3,
         "discriminator_rate": 4e-4, "ema": 0.998, "schedule": "linear", "decay_steps": 8_000},
        half=True,
    ),
    "srresnet.bsds_x4": Plan(
        "srgan", "bsds500", 160, 2_500, 0.5, 0.0, "Upscaling photos ×4",
        "Trained on 200 photos: edges are clean, fine texture stays soft.",
        {"channels": 32, "blocks": 8, "batch_norm": False, "from_bicubic": True, "crop": 64, "batch_size": 16,
         "content": "l1", "adversarial_weight": 0.0, "generator_rate": 1e-3, "warmup_steps": 100, "ema": 0.995,
         "schedule": "cosine", "decay_steps": 2_500},
    ),
    "srgan.bsds_x4": Plan(
        "srgan", "bsds500", 160, 600, 0.3, 0.0, "Upscaling photos ×4 with texture",
        "Trained on 200 photos: grass and hair are hallucinated, and letters may change.",
        {"channels": 32, "blocks": 8, "batch_norm": False, "from_bicubic": True, "crop": 64, "batch_size": 16,
         "content": "features", "features_weight": 2.0, "adversarial_weight": 2e-3, "warm_up": 0.0,
         "generator_rate": 2e-4, "discriminator_rate": 2e-4, "ema": 0.99, "schedule": "linear", "decay_steps": 600},
        half=True, start="srresnet.bsds_x4",
    ),
    "srresnet.damaged_x4": Plan(
        "srgan", "bsds500", 160, 2_000, 0.2, 0.0, "Upscaling damaged photos ×4",
        "Trained on 200 photos: removes JPEG blocks and noise, and some fine texture with them.",
        {"channels": 32, "blocks": 8, "batch_norm": False, "from_bicubic": True, "crop": 96, "batch_size": 16,
         "content": "l1", "adversarial_weight": 0.0, "generator_rate": 1e-3, "warmup_steps": 100, "ema": 0.995,
         "schedule": "cosine", "decay_steps": 2_000, "damaged": 0.8, "mirror": True},
    ),
    "context_encoder.avatars": Plan(
        "context_encoder", "avatars", 64, 3_000, 0.3, 0.0, "Face inpainting",
        "Limited to drawn faces: a hole in any other image is filled with part of a face.",
        {"channels": 24, "discriminator_channels": 24, "code_size": 128, "holes": "random", "skips": True,
         "generator_rate": 1e-3, "discriminator_rate": 5e-4, "ema": 0.998, "schedule": "linear", "decay_steps": 3_000},
        half=True,
    ),
    "encoder.avatars": Plan(
        "encoder", "avatars", 64, 1_200, 0.1, 0.0, "Encoder for the avatar generator",
        "Limited to this drawing style; what the generator cannot draw, the encoder cannot find.",
        {"generator": "stylegan2.avatars", "schedule": "cosine", "decay_steps": 1_200},
        half=True,
    ),
    "encoder.projected_avatars": Plan(
        "encoder", "avatars", 64, 1_200, 0.1, 0.0, "Encoder for the avatar generator (Projected GAN)",
        "Limited to this drawing style; what the generator cannot draw, the encoder cannot find.",
        {"generator": "projected_gan.avatars", "schedule": "cosine", "decay_steps": 1_200},
        half=True,
    ),
    "cyclegan.avatars": Plan(
        "cyclegan", "avatars_pencil_unpaired", 64, 7_000, 0.6, 0.0, "Pencil and colour, trained without pairs",
        "Limited to drawn faces. Colours that the pencil drawing does not determine are guessed.",
        {"channels": 16, "discriminator_channels": 24, "blocks": 4, "batch_size": 4, "identity_weight": 0.0,
         "generator_rate": 1e-3, "discriminator_rate": 5e-4, "ema": 0.995, "schedule": "linear",
         "decay_steps": 7_000},
    ),
    "cyclegan.emoji": Plan(
        "cyclegan", "emoji_styles_unpaired", 64, 8_000, 1.1, 0.0, "Noto and Twemoji styles, trained without pairs",
        "Limited to emoji. Colours, shading and size change; shapes stay. Small eyes and mouths may smear.",
        {"channels": 24, "discriminator_channels": 32, "blocks": 4, "patch_layers": 2, "batch_size": 4,
         "upsampling": "bilinear", "framing": True, "strength": 0.7, "adversarial_weight": 0.5,
         "generator_rate": 5e-4, "discriminator_rate": 2.5e-4, "ema": 0.998, "schedule": "linear",
         "decay_steps": 8_000},
        half=True,
    ),
    "pix2pix.tinyhero": Plan(
        "pix2pix", "heroes_turned", 64, 6_000, 0.3, 0.0, "Turning heroes to their left",
        "Limited to these pixel-art characters seen from the front. What the front view hides is guessed.",
        {"channels": 24, "discriminator_channels": 24, "batch_size": 8, "generator_rate": 1e-3,
         "discriminator_rate": 4e-4, "ema": 0.998, "schedule": "linear", "decay_steps": 6_000},
        half=True,
    ),
    "esrgan.bsds_x4": Plan(
        "esrgan", "bsds500", 160, 3_800, 0.2, 0.0, "Upscaling photos ×4 with dense blocks",
        "Trained on 200 photos: grass and hair are hallucinated, and letters may change.",
        {"crop": 64, "batch_size": 16, "content": "features", "features_weight": 2.0, "adversarial_weight": 2e-3,
         "warm_up": 54.4, "generator_rate": 1e-3, "discriminator_rate": 1e-4, "warmup_steps": 100, "ema": 0.99,
         "schedule": "linear", "decay_steps": 3_800},
        half=True,
    ),
    "features.mnist": Plan(
        "feature_net", "mnist", 28, 3_000, 0.1, 0.0, "MNIST classifier (feature net)",
        "Classifies any image as a white-on-black digit; it cannot reject other images.",
        {"schedule": "cosine", "decay_steps": 3_000},
    ),
    "features.fashion_mnist": Plan(
        "feature_net", "fashion_mnist", 28, 3_000, 0.3, 0.0, "Fashion-MNIST classifier (feature net)",
        "Classifies any image as one of ten kinds of clothing; confuses shirts, T-shirts, pullovers and coats.",
        {"channels": 24, "augment": 0.2, "schedule": "cosine", "decay_steps": 3_000},
    ),
    "features.pneumonia": Plan(
        "feature_net", "pneumonia", 28, 2_000, 0.1, 0.0, "Chest X-ray classifier (feature net)",
        "For comparing sets of images, never for diagnosis. Far more confident on its training images than on those "
        "of other hospitals.",
        {"augment": 0.2, "dropout": 0.1, "schedule": "cosine", "decay_steps": 2_000},
        half=True,
    ),
    "features.digits": Plan(
        "feature_net", "train:digits", 16, 1_500, 0.1, 0.0, "Small digit classifier (feature net)",
        "Classifies any image as a white-on-black digit; one in ten of the 1,797 images was held out for evaluation.",
        {"schedule": "cosine", "decay_steps": 1_500},
    ),
    "features.emoji": Plan(
        "feature_net", "train:emoji", 64, 1_500, 0.1, 0.0, "Emoji classifier (feature net)",
        "For distances between sets of emoji: the predicted group of an unseen emoji is often wrong. One emoji in ten "
        "was held out, and skin tones were not used.",
        {"channels": 12, "augment": 0.7, "batch_size": 64, "schedule": "cosine", "decay_steps": 1_500},
        half=True,
    ),
    "features.avatars": Plan(
        "feature_net", "avatars", 64, 4_000, 0.3, 0.0, "Drawn-face attribute classifier (feature net)",
        "Limited to this drawing style. What a hat, sunglasses or long hair hides is guessed.",
        {"channels": 12, "augment": 0.2, "batch_size": 64, "features": 96, "dropout": 0.1, "schedule": "cosine",
         "decay_steps": 4_000},
        half=True,
    ),
}  # fmt: skip


def plan(name: str) -> Plan:
    """The plan of a model; raises UnknownName."""
    if name not in plans:
        raise UnknownName("plan of a model", name, plans)
    return plans[name]
