"""Every GAN, one file each. Importing this package fills the catalogue `recipes`."""

from gan_core.gans import cgan, dcgan, feature_net, mlp_gan, points
from gan_core.gans.recipe import Preset, Recipe, recipes

__all__ = ["Preset", "Recipe", "cgan", "dcgan", "feature_net", "mlp_gan", "points", "recipes"]
