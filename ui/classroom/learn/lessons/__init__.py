"""The lessons. To add one: a file that registers it, and its name here."""

from ui.classroom.learn.lessons import (
    forger_and_detective,
    lipschitz,
    mlp_to_dcgan,
    mode_collapse,
    models_beside,
    nash_and_cycles,
    optimal_discriminator,
    reading_curves,
    saturation,
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
    reading_curves,
    models_beside,
)
