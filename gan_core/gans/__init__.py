"""Every GAN, one file each. Importing this package fills the catalogue `recipes`."""

from gan_core.gans import (
    acgan,
    biggan,
    cgan,
    dcgan,
    feature_net,
    infogan,
    lightweight_gan,
    mlp_gan,
    points,
    progan,
    sagan,
    sngan,
    stylegan,
    stylegan2,
    variants,
)
from gan_core.gans.recipe import Preset, Recipe, recipes

__all__ = [
    "Preset",
    "Recipe",
    "acgan",
    "biggan",
    "cgan",
    "dcgan",
    "feature_net",
    "infogan",
    "lightweight_gan",
    "mlp_gan",
    "points",
    "progan",
    "recipes",
    "sagan",
    "sngan",
    "stylegan",
    "stylegan2",
    "variants",
]
