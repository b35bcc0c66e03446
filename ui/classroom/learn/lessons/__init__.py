"""The lessons. To add one: a file that registers it, and its name here."""

from ui.classroom.learn.lessons import (
    conditioning,
    forger_and_detective,
    harm_and_honesty,
    how_good,
    lipschitz,
    mlp_to_dcgan,
    mode_collapse,
    models_beside,
    nash_and_cycles,
    optimal_discriminator,
    reading_curves,
    saturation,
    super_resolution,
    translation,
    wasserstein,
)

ORDER = (
    forger_and_detective,
    optimal_discriminator,
    saturation,
    wasserstein,
    lipschitz,
    mode_collapse,
    nash_and_cycles,
    mlp_to_dcgan,
    conditioning,
    reading_curves,
    how_good,
    translation,
    super_resolution,
    models_beside,
    harm_and_honesty,
)
