"""How the models on the shelf are trained: recipe, data, settings, and the text of their cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gan_core.errors import UnknownName


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How one model on the shelf is trained."""

    recipe: str
    data: str  # a data set, as the command line names it
    size: int  # pixels
    steps: int
    title: str
    limits: str  # where the model fails, for its card
    hparams: Mapping[str, Any] = field(default_factory=dict)  # the settings that differ from the recipe's defaults
    half: bool = False  # whether weights are stored in half precision
    start: str = ""  # the model with the same networks whose weights training starts from; "" for random weights


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
        recipe="dcgan", data="digits", size=16, steps=10_000,
        title="Digits",
        limits="Low resolution; about one digit in five is hard to read.",
        hparams=_DCGAN | {"generator_rate": 1e-3, "discriminator_rate": 1e-3, "decay_steps": 10_000,
                          "penalty_weight": 0.3, "ema": 0.999},
    ),
    "dcgan.fashion_mnist": Plan(
        recipe="dcgan", data="fashion_mnist", size=28, steps=12_000,
        title="Clothes",
        limits="Patterns and prints are blurred; sandals lack straps.",
        hparams=_DCGAN | {"max_channels": 128, "dense": 512, "generator_rate": 1e-3, "discriminator_rate": 1e-3,
                  "decay_steps": 12_000, "penalty_weight": 0.3, "ema": 0.999},
        half=True,
    ),
    "cgan.mnist": Plan(
        recipe="cgan", data="mnist", size=28, steps=4_000,
        title="Digits by class",
        limits="Strokes are occasionally broken; the crossbar of the 7 appears at random.",
        hparams=_DCGAN | {"body": "dcgan", "batch_norm": True, "channels": 48, "max_channels": 128,
                          "generator_rate": 1e-3, "discriminator_rate": 1e-3, "decay_steps": 4_000,
                          "penalty_weight": 0.3, "ema": 0.999},
        half=True,
    ),
    "cgan.pneumonia": Plan(
        recipe="cgan", data="pneumonia", size=28, steps=5_000,
        title="Chest X-rays by class",
        limits="Not for diagnosis. Adding such images to real X-rays did not improve a classifier. Some images are "
        "torn.",
        hparams=_CRITIC | {"body": "dcgan", "latent_size": 64, "decay_steps": 5_000},
        half=True,
    ),
    "infogan.mnist": Plan(
        recipe="infogan", data="mnist", size=28, steps=10_000,
        title="Digits with unsupervised codes",
        limits="A categorical code is a style of writing, not always one digit: two codes may show the same digit.",
        hparams=_CRITIC | {"latent_size": 65, "decay_steps": 10_000},
        half=True,
    ),
    "wgan_gp.mnist": Plan(
        recipe="wgan_gp", data="mnist", size=28, steps=24_000,
        title="Digits (WGAN-GP)",
        limits="Strokes are occasionally broken.",
        hparams=_CRITIC | {"latent_size": 64, "decay_steps": 24_000},
        half=True,
    ),
    "mlp_gan.mnist": Plan(
        recipe="mlp_gan", data="mnist", size=28, steps=50_000,
        title="Digits without convolutions",
        limits="Noisy pixels around the strokes, because each pixel is learned independently.",
        hparams={"generator_widths": (256, 512, 512), "discriminator_widths": (512, 256), "latent_size": 64,
         "batch_norm": True, "beta1": 0.0, "generator_rate": 1e-3, "discriminator_rate": 1e-3,
         "penalty": "r1", "penalty_weight": 0.1, "penalty_every": 8, "ema": 0.999, "schedule": "linear",
         "decay_steps": 50_000},
        half=True,
    ),
    "molgan.molecules": Plan(
        recipe="molgan", data="molecules", size=9, steps=400,
        title="Small molecules",
        limits="Samples are corrected: surplus bonds are removed, and only the largest fragment is kept. Many have "
        "small, strained rings that are rare in the data.",
        hparams={"correction": True, "schedule": "linear", "decay_steps": 400},
    ),
    "biggan.fashion_mnist": Plan(
        recipe="biggan", data="fashion_mnist", size=28, steps=6_000,
        title="Clothes by class",
        limits="Patterns and prints are blurred; sandals lack straps.",
        hparams={"channels": 24, "max_channels": 96, "latent_size": 64, "embedding": 32, "generator_rate": 5e-4,
         "discriminator_rate": 1e-3, "ema": 0.998, "schedule": "linear", "decay_steps": 6_000},
        half=True,
    ),
    "stylegan2.avatars": Plan(
        recipe="stylegan2", data="avatars", size=64, steps=9_000,
        title="Drawn faces",
        limits="Limited to this drawing style. Small details, such as eyes and glasses, are rarely symmetric.",
        hparams={"channels": 16, "max_channels": 96, "latent_size": 64, "w_size": 96, "noise": False,
                 "style_mixing": 0.5, "path_weight": 0.0, "penalty_weight": 1.0, "generator_rate": 1e-2,
                 "discriminator_rate": 1e-2, "ema": 0.998, "schedule": "linear", "decay_steps": 9_000},
        half=True,
    ),
    "progan.avatars": Plan(
        recipe="progan", data="avatars", size=64, steps=14_000,
        title="Drawn faces (ProGAN)",
        limits="Limited to this drawing style. Hats and glasses have ragged edges.",
        hparams={"channels": 16, "max_channels": 96, "latent_size": 64, "loss": "non_saturating", "penalty": "r1",
         "penalty_weight": 1.0, "penalty_every": 16, "drift": 0.0, "hold_kimg": 8.0, "fade_kimg": 8.0,
         "generator_rate": 3e-3, "discriminator_rate": 3e-3, "ema": 0.998, "schedule": "linear",
         "decay_steps": 14_000},
        half=True,
    ),
    "projected_gan.avatars": Plan(
        recipe="projected_gan", data="avatars_20k", size=64, steps=11_500,
        title="Drawn faces (Projected GAN with emoji features)",
        limits="Limited to this drawing style. Small details, such as eyes and glasses, are rarely symmetric.",
        hparams={"palette": 24, "binary_latents": 48, "style_mixing": 0.5, "positions": 16, "generator_rate": 2.5e-3,
                 "discriminator_rate": 5e-4, "ema": 0.999, "schedule": "linear", "decay_steps": 11_500},
        half=True,
    ),
    "triplane.solids": Plan(
        recipe="triplane", data="solids", size=32, steps=4_000,
        title="Solids that can be turned",
        limits="Coloured blobs rather than clean solids, without sharp edges. Views of a scene agree in depth.",
        hparams={"plane_channels": 8, "ray_samples": 12, "schedule": "linear", "decay_steps": 4_000},
        half=True,
    ),
    "pix2pix.edges2avatars": Plan(
        recipe="pix2pix", data="edges2avatars", size=64, steps=8_000,
        title="Line drawings to faces",
        limits="Limited to line drawings of these faces: anything else is coloured like part of a face.",
        hparams={"channels": 24, "discriminator_channels": 24, "batch_size": 8, "generator_rate": 1e-3,
         "discriminator_rate": 4e-4, "ema": 0.998, "schedule": "linear", "decay_steps": 8_000},
        half=True,
    ),
    "musegan.chorales": Plan(
        recipe="musegan", data="chorales", size=32, steps=1_500,
        title="Two bars for four voices",
        limits="Harmonies are mostly plain; voices cross and move in parallel fifths more often than Bach's.",
        hparams={"schedule": "linear", "decay_steps": 1_500},
        half=True,
    ),
    "text_mle.arithmetic": Plan(
        recipe="text_mle", data="arithmetic", size=8, steps=2_200,
        title="Sums and differences by maximum likelihood",
        limits="About four results in ten are wrong.",
        half=True,
    ),
    "gumbel_gan.arithmetic": Plan(
        recipe="gumbel_gan", data="arithmetic", size=8, steps=2_200,
        title="Sums and differences",
        limits="Nine results in ten are wrong: what an equation looks like is learnt, how to calculate isn't.",
        hparams={"pretraining": 128.0, "generator_rate": 3e-3, "rate_ratio": 0.33},
        half=True,
    ),
    "srresnet.bsds_x4": Plan(
        recipe="srgan", data="bsds500", size=160, steps=2_500,
        title="Upscaling photos ×4 without texture",
        limits="Trained on 199 photos: edges are clean, fine texture stays soft.",
        hparams={"channels": 32, "blocks": 8, "batch_norm": False, "from_bicubic": True, "crop": 64, "batch_size": 16,
         "content": "l1", "adversarial_weight": 0.0, "generator_rate": 1e-3, "warmup_steps": 100, "ema": 0.995,
         "schedule": "cosine", "decay_steps": 2_500},
    ),
    "srgan.bsds_x4": Plan(
        recipe="srgan", data="bsds500", size=160, steps=600,
        title="Upscaling photos ×4 with texture",
        limits="Trained on 199 photos: grass and hair are hallucinated, and letters may change.",
        hparams={"channels": 32, "blocks": 8, "batch_norm": False, "from_bicubic": True, "crop": 64, "batch_size": 16,
         "content": "features", "features_weight": 2.0, "adversarial_weight": 2e-3, "warm_up": 0.0,
         "generator_rate": 2e-4, "discriminator_rate": 2e-4, "ema": 0.99, "schedule": "linear", "decay_steps": 600},
        half=True, start="srresnet.bsds_x4",
    ),
    "srresnet.damaged_x4": Plan(
        recipe="srgan", data="bsds500", size=160, steps=2_000,
        title="Upscaling damaged photos ×4",
        limits="Trained on 199 photos: removes JPEG blocks and noise, and some fine texture with them.",
        hparams={"channels": 32, "blocks": 8, "batch_norm": False, "from_bicubic": True, "crop": 96, "batch_size": 16,
         "content": "l1", "adversarial_weight": 0.0, "generator_rate": 1e-3, "warmup_steps": 100, "ema": 0.995,
         "schedule": "cosine", "decay_steps": 2_000, "damaged": 0.8, "mirror": True},
    ),
    "context_encoder.avatars": Plan(
        recipe="context_encoder", data="avatars", size=64, steps=3_000,
        title="Face inpainting",
        limits="Limited to drawn faces: a hole in any other image is filled with part of a face.",
        hparams={"channels": 24, "discriminator_channels": 24, "code_size": 128, "holes": "random", "skips": True,
         "generator_rate": 1e-3, "discriminator_rate": 5e-4, "ema": 0.998, "schedule": "linear", "decay_steps": 3_000},
        half=True,
    ),
    "encoder.avatars": Plan(
        recipe="encoder", data="avatars", size=64, steps=1_200,
        title="Encoder for the avatar generator (StyleGAN2)",
        limits="Limited to this drawing style; what the generator cannot draw, the encoder cannot find.",
        hparams={"generator": "stylegan2.avatars", "schedule": "cosine", "decay_steps": 1_200},
        half=True,
    ),
    "encoder.projected_avatars": Plan(
        recipe="encoder", data="avatars", size=64, steps=1_200,
        title="Encoder for the avatar generator (Projected GAN)",
        limits="Limited to this drawing style; what the generator cannot draw, the encoder cannot find.",
        hparams={"generator": "projected_gan.avatars", "schedule": "cosine", "decay_steps": 1_200},
        half=True,
    ),
    "cyclegan.avatars": Plan(
        recipe="cyclegan", data="avatars_pencil_unpaired", size=64, steps=7_000,
        title="Pencil and colour, trained without pairs",
        limits="Limited to drawn faces. Colours that the pencil drawing does not determine are guessed.",
        hparams={"channels": 16, "discriminator_channels": 24, "blocks": 4, "batch_size": 4, "identity_weight": 0.0,
         "generator_rate": 1e-3, "discriminator_rate": 5e-4, "ema": 0.995, "schedule": "linear",
         "decay_steps": 7_000},
    ),
    "cyclegan.emoji": Plan(
        recipe="cyclegan", data="emoji_styles_unpaired", size=64, steps=8_000,
        title="Noto and Twemoji styles, trained without pairs",
        limits="Limited to emoji. Colours, shading and size change; shapes stay. Small eyes and mouths may smear.",
        hparams={"channels": 24, "discriminator_channels": 32, "blocks": 4, "patch_layers": 2, "batch_size": 4,
         "upsampling": "bilinear", "framing": True, "strength": 0.7, "adversarial_weight": 0.5,
         "generator_rate": 5e-4, "discriminator_rate": 2.5e-4, "ema": 0.998, "schedule": "linear",
         "decay_steps": 8_000},
        half=True,
    ),
    "pix2pix.tinyhero": Plan(
        recipe="pix2pix", data="heroes_turned", size=64, steps=6_000,
        title="Turning heroes to their left",
        limits="Limited to these pixel-art characters seen from the front. What the front view hides is guessed.",
        hparams={"channels": 24, "discriminator_channels": 24, "batch_size": 8, "generator_rate": 1e-3,
         "discriminator_rate": 4e-4, "ema": 0.998, "schedule": "linear", "decay_steps": 6_000},
        half=True,
    ),
    "esrgan.bsds_x4": Plan(
        recipe="esrgan", data="bsds500", size=160, steps=3_800,
        title="Upscaling photos ×4 with dense blocks",
        limits="Trained on 199 photos: grass and hair are hallucinated, and letters may change.",
        hparams={"crop": 64, "batch_size": 16, "content": "features", "features_weight": 2.0,
                 "adversarial_weight": 2e-3, "warm_up": 54.4, "generator_rate": 1e-3, "discriminator_rate": 1e-4,
                 "warmup_steps": 100, "ema": 0.99, "schedule": "linear", "decay_steps": 3_800},
        half=True,
    ),
    "features.spoken_digits": Plan(
        recipe="feature_net", data="spoken_digits_pictures", size=64, steps=600,
        title="Spoken digits and their speakers (feature net)",
        limits="Takes any sound for a digit of one of six speakers; it cannot reject other sounds.",
        hparams={"channels": 8, "max_channels": 64, "batch_size": 32, "augment": 0.3, "schedule": "cosine",
                 "decay_steps": 600},
        half=True,
    ),
    "specgan.spoken_digits": Plan(
        recipe="specgan", data="spoken_digits", size=8192, steps=4_000,
        title="Spoken digits by class and speaker",
        limits="One second at 8 kHz, six English-speaking men. Some digits are mumbled.",
        half=True,
    ),
    "features.mnist": Plan(
        recipe="feature_net", data="mnist", size=28, steps=3_000,
        title="MNIST classifier (feature net)",
        limits="Classifies any image as a white-on-black digit; it cannot reject other images.",
        hparams={"schedule": "cosine", "decay_steps": 3_000},
    ),
    "mocogan.moving_digits": Plan(
        recipe="mocogan", data="moving_digits", size=32, steps=8_000,
        title="Moving digits",
        limits="Low resolution, one digit at a time; some digits are unreadable, and motion is less steady than the "
        "data's.",
        hparams={"layer": True, "max_channels": 128, "batch_size": 32, "beta1": 0.0, "generator_rate": 1e-3,
                 "discriminator_rate": 1e-3, "penalty": "r1", "penalty_weight": 0.5, "penalty_every": 8, "ema": 0.998,
                 "schedule": "linear", "decay_steps": 8_000},
        half=True,
    ),
    "worldgan.paddle_game": Plan(
        recipe="worldgan", data="paddle_game", size=32, steps=4_000,
        title="Paddle game, simulated",
        limits="Knows only this game. Small errors add up: sooner or later, the ball leaves the path of the true one.",
        hparams={"schedule": "linear", "decay_steps": 4_000, "ema": 0.998},
        half=True,
    ),
    "gail.cartpole": Plan(
        recipe="gail", data="cartpole_expert", size=4, steps=300,
        title="Balances a pole",
        limits="Learned from an expert that pushes from side to side; from starts far from upright it may fail.",
        hparams={"schedule": "linear", "decay_steps": 300},
    ),
    "features.fashion_mnist": Plan(
        recipe="feature_net", data="fashion_mnist", size=28, steps=3_000,
        title="Fashion-MNIST classifier (feature net)",
        limits="Classifies any image as one of ten kinds of clothing; confuses shirts, T-shirts, pullovers and coats.",
        hparams={"channels": 24, "augment": 0.2, "schedule": "cosine", "decay_steps": 3_000},
    ),
    "features.pneumonia": Plan(
        recipe="feature_net", data="pneumonia", size=28, steps=2_000,
        title="Chest X-ray classifier (feature net)",
        limits="For comparing sets of images, never for diagnosis. Far more confident on its training images than on "
        "those of other hospitals.",
        hparams={"augment": 0.2, "dropout": 0.1, "schedule": "cosine", "decay_steps": 2_000},
        half=True,
    ),
    "features.digits": Plan(
        recipe="feature_net", data="train:digits", size=16, steps=1_500,
        title="Small digit classifier (feature net)",
        limits="Classifies any image as a white-on-black digit; one in ten of the 1,797 images was held out for "
        "evaluation.",
        hparams={"schedule": "cosine", "decay_steps": 1_500},
    ),
    "features.emoji": Plan(
        recipe="feature_net", data="train:emoji", size=64, steps=1_500,
        title="Emoji classifier (feature net)",
        limits="For distances between sets of emoji: the predicted group of an unseen emoji is often wrong. One emoji "
        "in ten was held out, and skin tones were not used.",
        hparams={"channels": 12, "augment": 0.7, "batch_size": 64, "schedule": "cosine", "decay_steps": 1_500},
        half=True,
    ),
    "clip.avatars": Plan(
        recipe="clip", data="avatars_20k_captions", size=64, steps=3_000,
        title="Faces and sentences (CLIP)",
        limits="Limited to this drawing style and to about 250 words. Different mouths and earrings are poorly "
        "distinguished.",
        hparams={"sentences": 8, "sight": 0, "max_channels": 96, "embedding": 128, "schedule": "cosine",
                 "decay_steps": 3_000},
        half=True,
    ),
    "clip.emoji": Plan(
        recipe="clip", data="emoji_captions", size=64, steps=1_000,
        title="Emoji and their names (CLIP)",
        limits="English words of emoji only, about 1,400 of them. Tells kinds of emoji apart, such as animals, hands "
        "and clocks, rather than one emoji from another of its kind.",
        hparams={"schedule": "cosine", "decay_steps": 1_000, "augment": 0.4},
        half=True,
    ),
    "stackgan.avatars": Plan(
        recipe="stackgan", data="avatars_20k_captions", size=64, steps=4_500,
        title="Drawn faces from words (StackGAN)",
        limits="Limited to this drawing style and to about 250 words. Small things, such as earrings and mouths, "
        "follow the words less than hair, clothes and background.",
        hparams={"palette": 24, "condition": 96, "latent_size": 160, "max_channels": 128, "kl_weight": 0.1,
                 "words_weight": 0.2, "wrong_weight": 1.0, "first_kimg": 20.0, "generator_rate": 2e-3,
                 "discriminator_rate": 2e-3, "schedule": "linear", "decay_steps": 4_500},
        half=True,
    ),
    "features.avatars": Plan(
        recipe="feature_net", data="avatars", size=64, steps=4_000,
        title="Drawn-face attribute classifier (feature net)",
        limits="Limited to this drawing style. What a hat, sunglasses or long hair hides is guessed.",
        hparams={"channels": 12, "augment": 0.2, "batch_size": 64, "features": 96, "dropout": 0.1, "schedule": "cosine",
         "decay_steps": 4_000},
        half=True,
    ),
}  # fmt: skip


def plan(name: str) -> Plan:
    """The plan of a model; raises UnknownName."""
    if name not in plans:
        raise UnknownName("plan of a model", name, plans)
    return plans[name]
