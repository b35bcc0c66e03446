"""Labels of the arms of a study."""

from __future__ import annotations

from ui.classroom.shell.i18n import N_

ARM_NAMES = {
    "real": N_("Real only"),
    "classical": N_("Augmented"),
    "gan": N_("With GAN images"),
    "both": N_("Both"),
}
