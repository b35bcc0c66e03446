"""Blocks of networks that several GANs share."""
