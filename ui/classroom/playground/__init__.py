"""The playground: GANs in the plane, with everything that can be seen of them."""
