"""The data flow of a step in words and numbers: which parts of it are active one after the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gan_core.runs.store import Run, RunState
from ui.classroom.live.feed import Feed
from ui.classroom.shell.i18n import _

SLOW = 0.3  # steps per second


def of_run(watched: Feed) -> dict[str, Any]:
    """For the browser: figures of the newest step, and while the run is paused the parts of that step in order."""
    figures = {name: watched.newest(metric) for name, metric in METRICS.items()}
    hparams = watched.hparams
    run = watched.run()
    return {
        "title": _("What one step does"),
        "names": {
            "z": "z", "G": "G", "fake": "G(z)", "real": "x", "D": "D", "lossD": _("loss of D"), "lossG": _("loss of G"),
            "all": _("The data flow of a training step"),
        },
        "figures": {
            "z": f"{hparams.get('latent_size', '')} × {hparams.get('batch_size', '')}",
            "G": _("makes points"),
            "fake": f"D: {_short(figures['fake'])}",
            "real": f"D: {_short(figures['real'])}",
            "D": _("judges"),
            "lossD": _short(figures["lossD"]),
            "lossG": _short(figures["lossG"]),
            "gradientD": f"∇ {_short(figures['gradientD'])}",
            "gradientG": f"∇ {_short(figures['gradientG'])}",
        },
        "phases": phases(watched) if run.step and (run.state is RunState.PAUSED or _slow(run, hparams)) else [],
    }  # fmt: skip


def _slow(run: Run, hparams: Mapping[str, Any]) -> bool:
    """Whether a step takes long enough to show its parts one after the other."""
    rate = run.images_per_second / max(1, int(hparams.get("batch_size", 1)))
    return run.state is RunState.RUNNING and 0 < rate < SLOW


METRICS = {
    "real": "score/real", "fake": "score/fake_before", "after": "score/fake_after", "lossD": "discriminator/loss",
    "lossG": "generator/loss", "gradientD": "gradient_norm/discriminator", "gradientG": "gradient_norm/generator",
}  # fmt: skip


def phases(watched: Feed) -> list[dict[str, Any]]:
    """The parts of the newest step, and a sentence for each."""
    last = {name: _last(watched, metric) for name, metric in METRICS.items()}
    batch = int(watched.hparams.get("batch_size", 0))
    words = {name: _short(value) for name, value in last.items()} | {"count": str(batch)}
    found = [(["z", "z-G", "G", "G-fake", "fake"], _("G turns {count} noise vectors into points."))]
    if last["lossD"] is not None:
        found += [
            (["fake", "fake-D", "real", "real-D", "D"],
             _("D judges {count} real points, on average at {real}, and the generated ones, at {fake}.")),
            (["D-lossD", "lossD", "lossD-D", "D"],
             _("The loss of D is {lossD}. Its gradient, of length {gradientD}, changes the weights of D; G stays as it "
               "is.")),
        ]  # fmt: skip
    if last["lossG"] is not None:
        found += [
            (["fake", "fake-D", "D", "D-lossG", "lossG"],
             _("D now judges the generated points at {after}: the loss of G is {lossG}.")),
            (["lossG", "lossG-D", "D", "D-G", "G"],
             _("The gradient, of length {gradientG}, passes through D and changes the weights of G; D stays as it "
               "is.")),
        ]  # fmt: skip
    return [{"parts": parts, "text": text.format(**words)} for parts, text in found]


def _last(watched: Feed, metric: str) -> float | None:
    """The value at the last step; None if it has none, as when only one network was trained."""
    recent = watched.history.recent
    if not len(recent) or metric not in recent.columns or not recent.measured(metric)[-1]:
        return None
    return float(recent.columns[metric][-1])


def _short(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3g}"
