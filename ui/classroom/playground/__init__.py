"""The playground: GANs in the plane, with visualisations of their networks, samples and gradients."""
