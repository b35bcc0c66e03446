"""gan_core: the GAN library that GANscope stands on. It imports no front end."""

__version__ = "0.1.0"
