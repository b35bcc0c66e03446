"""Descriptions of forks: which networks keep their weights, which are reinitialised, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gan_core.knobs import HParams, Knob, knobs
from gan_core.runs.store import Run
from ui.classroom.shell.i18n import N_, _
from ui.texts import number, plain

if TYPE_CHECKING:
    from gan_core.training.forking import Start

STEPS = Knob(N_("Planned steps"), N_("Step at which the fork ends. 0 trains until you stop it."), 0, 100_000_000)
NETWORKS = {  # name -> label
    "generator": N_("Generator"), "discriminator": N_("Discriminator"), "encoder": N_("Encoder"),
    "decoder": N_("Decoder"), "classifier": N_("Classifier"), "features": N_("Feature net"),
    "recogniser": N_("Recognition network"), "mapping": N_("Mapping"), "heads": N_("Projection heads"),
    "generator_a": N_("Generator of a"), "generator_b": N_("Generator of b"),
    "generator_ab": N_("Generator a to b"), "generator_ba": N_("Generator b to a"),
    "discriminator_a": N_("Discriminator of a"), "discriminator_b": N_("Discriminator of b"),
    "discriminator_encoded": N_("Discriminator, encoded latents"),
    "discriminator_random": N_("Discriminator, random latents"),
    "clip": N_("Image and text encoders"), "domain": N_("Domain classifier"), "reward": N_("Reward network"),
    "value": N_("Value network"),
}  # fmt: skip


def network_words(names: Iterable[str]) -> str:
    return _(", ").join(_(NETWORKS.get(name, name)) for name in names)


def origin(described: Mapping[str, Any]) -> str:
    """Describes what an existing fork has kept, from the event that records it."""
    words = {
        "run": plain(described.get("run", "")), "step": number(described.get("step", 0)),
        "kept": network_words(described.get("kept", ())), "fresh": network_words(described.get("fresh", ())),
    }  # fmt: skip
    if not described.get("kept"):
        return _("Forked from {run}; restarted at step 0 with random weights.").format(**words)
    if not described.get("fresh"):
        return _("Forked from {run} at step {step}; all networks kept their weights.").format(**words)
    return _("Forked from {run} at step {step}. Weights kept: {kept}. Reinitialised: {fresh}.").format(**words)


def too_short(start: Start, steps: int | str) -> str:
    """Returns a message if the fork would end before it starts, else ""."""
    if isinstance(steps, str) or not steps or steps > start.step:
        return ""
    return _("The fork starts at step {step}: plan more steps than that.").format(step=number(start.step))


def starts(start: Start, hparams: HParams, run: Run) -> str:
    """Describes what a fork starts with. An active run is saved when it is forked."""
    because = _(", ").join(_(knobs(hparams)[name].label) for name in start.because)
    step = number(max(start.step, run.step) if run.is_active else start.step)
    if start.checkpoint is None and start.because:
        return _(
            "The fork starts at step 0 with random weights, because changing {settings} needs different networks."
        ).format(settings=because)
    if start.checkpoint is None:
        return _("The fork starts at step 0 with random weights, because this run has no checkpoint yet.")
    if start.fresh:
        return _(
            "The fork continues from step {step}. Weights kept: {kept}. Reinitialised, because {settings} change "
            "how they are built: {fresh}."
        ).format(
            step=step, kept=network_words(start.kept), fresh=network_words(start.fresh), settings=because
        )  # fmt: skip
    return _(
        "The fork continues from step {step}: all networks keep their weights, and the optimisers their state."
    ).format(step=step)
