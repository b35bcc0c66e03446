"""Defines which curves of a run are shown, in which chart and with which labels. Doesn't depend on recipe names."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gan_core.doctor.finding import Finding
from gan_core.doctor.rules.exploding_gradients import EXPLODING
from gan_core.metrics.figures import PIXELS, parsed
from gan_core.runs.store import Event
from ui.classroom.live.curves import COLOURS, RUN_COLOURS, Mark, Panel, Series
from ui.classroom.live.history import History
from ui.classroom.live.metric_colours import colour_of
from ui.classroom.shell.i18n import N_, _
from ui.classroom.shell.knob_widgets import label_of, value_word
from ui.metric_names import SPEED, metric_name, metric_phrase
from ui.texts import joined

RATIO = "loss_ratio"
QUALITY = "quality/"  # before the names of figures that are measured while a run trains
ENDS = ("_low", "_high", "_floor")
EPSILON = 1e-8


def panels(
    history: History, probability: bool, points: bool = False, modes: int = 0, critic: bool = False
) -> list[Panel]:
    """Returns the charts of one run, most informative first; charts without data are left out.

    `probability`: D's scores are probabilities. `points`: the run trains on points, not images, with this many `modes`.
    `critic`: the discriminator estimates a Wasserstein distance.
    """
    names = history.names
    score_unit = _("probability of being real") if probability else _("score (not a probability)")
    wanted = [
        Panel(
            _("Losses"), _("loss (no unit)"), _series(history, [n for n in names if n.endswith("/loss")]), file="losses"
        ),
        *([_wasserstein(history)] if critic else []),
        *_terms(history),
        Panel(
            "D(x), D(G(z))" if probability else _("Discriminator scores"),
            score_unit,
            _series(history, [name for name in names if name.startswith("score/")], points=points),
            low=0.0 if probability else None,
            high=1.0 if probability else None,
            line=(0.5, _("undecided")) if probability else None,
            file="scores",
        ),
        Panel(
            _("Discriminator accuracy"),
            _("share classified correctly"),
            _series(history, ["accuracy"]),
            low=0.0,
            high=1.0,
            line=(0.5, _("chance level")),
            file="accuracy",
        ),
        *_measured(history),
        *_of_samples(history, modes),
        *_special(history),
        Panel(
            _("Gradient norms"),
            _("norm (no unit, log scale)"),
            _series(history, [name for name in names if name.startswith("gradient_norm/")]),
            log=True,
            line=(EXPLODING, _("warning threshold")),
            file="gradient-norms",
        ),
        Panel(_("Loss ratio"), _("|G loss| / |D loss|, log scale"), _ratio(history), log=True, file="loss-ratio"),
        Panel(
            _("Learning rates"),
            _("rate (log scale)"),
            _series(history, [name for name in names if name.startswith("rate/")], smooth=False),
            log=True,
            file="learning-rates",
        ),
        Panel(
            _("Speed"),
            _("points per second") if points else _("images per second"),
            _series(history, [SPEED], smooth=False, points=points),
            low=0.0,
            file="speed",
        ),
    ]  # fmt: skip
    return [panel for panel in wanted if panel.series]


def _measured(history: History) -> list[Panel]:
    """Returns a chart for each distance to real images that was measured, with its interval and its floor.

    Distances in other nets, or of other numbers of samples, can't share an axis.
    """
    found = []
    for name in history.names:
        figure = name.removeprefix(QUALITY)
        if figure == name or name.endswith(ENDS) or not np.isfinite(history.raw(name)).any():
            continue
        kind, count, net, *_rest = parsed(figure)
        low, high = (history.raw(f"{name}{end}") for end in ENDS[:2])
        curve = Series(
            _("samples, with 95 % interval"),
            COLOURS["generator"],
            history.steps,
            history.raw(name),
            band=(history.steps, low, high),
        )
        floor = Series(_("other real images (floor)"), COLOURS["quiet"], history.steps, history.raw(f"{name}_floor"),
                       dash=True)  # fmt: skip
        compared = _("pixels") if net == PIXELS else _("net {net}").format(net=net)
        unit = joined(_("{count} samples").format(count=count), compared)
        title = _("Distance to the real images")
        found.append(Panel(title, unit, [curve, floor], low=0.0, file=kind))
    return found


def _wasserstein(history: History) -> Panel:
    """Returns the critic's estimate with the sign of a distance: its loss without the penalty, negated."""
    series = []
    if {"score/real", "score/fake_before"} <= set(history.names):
        name = _("estimate of the distance (the critic's loss without its penalty, times −1)")
        mean = history.mean("score/real") - history.mean("score/fake_before")
        faint = history.raw("score/real") - history.raw("score/fake_before")
        series = [Series(name, COLOURS["discriminator"], history.steps, mean, faint)]
    return Panel(
        _("Wasserstein estimate"), "E f(x) − E f(G(z))", series, line=(0.0, _("equal distributions")),
        file="wasserstein",
    )  # fmt: skip


# measured now and then, not averaged
LOOKED_AT = ("samples/", "classes/", "labels/", "modes/", "molecules/", "data/", "distance/", "judged/")
NOT_AVERAGED = ("variety", "cue", "luminance_kept", "data_reached")


def evidence(history: History, findings: Sequence[Finding], points: bool = False) -> dict[str, Panel]:
    """Returns for each alarm, by its kind, a chart of the metrics that it was read from, with the threshold."""
    found = {}
    for finding in findings:
        names = [name for name in finding.evidence if name in history.names]
        if not finding.is_alarm or not names:
            continue
        smooth = not names[0].startswith(LOOKED_AT) and names[0] not in NOT_AVERAGED
        series = _series(history, names, smooth, points)
        line = None if finding.limit is None else (finding.limit, _("threshold"))
        log = names[0].startswith("gradient_norm/")
        found[finding.kind] = Panel(_("Evidence"), "", series, log, line=line, file=finding.kind)
    return {kind: panel for kind, panel in found.items() if panel.series}


def _terms(history: History) -> list[Panel]:
    """Returns the chart of the loss terms of the generator or of a VAE, if there is more than one."""
    alone = "vae/loss" in history.names
    player = "vae" if alone else "generator"
    names = [name for name in history.names if name.startswith(f"{player}/") and name != f"{player}/loss"]
    if len(names) < 2:
        return []
    series = [
        replace(one, colour=RUN_COLOURS[place % len(RUN_COLOURS)]) for place, one in enumerate(_series(history, names))
    ]
    positive = all((~(np.asarray(one.values) <= 0)).all() for one in series)
    return [
        Panel(
            _("Terms of the loss") if alone else _("Terms of the generator loss"),
            _("loss, log scale") if positive else _("loss (no unit)"),
            series,
            log=positive,
            file="terms",
        )
    ]


def _of_samples(history: History, modes: int) -> list[Panel]:
    """Returns the charts of sample diversity, which no loss shows."""
    return [
        Panel(
            _("Distance to the data"),
            _("bits (log scale)"),
            _series(history, ["distance/kl", "distance/js", "distance/kl_floor", "distance/js_floor"], smooth=False),
            log=True,
            file="divergences",
        ),
        Panel(
            _("Sliced Wasserstein distance"),
            _("units of the plane"),
            _series(history, ["distance/sliced", "distance/sliced_floor"], smooth=False),
            low=0.0,
            file="sliced",
        ),
        Panel(
            _("Modes covered"),
            _("modes with samples"),
            _series(history, ["modes/covered"], smooth=False),
            low=0.0,
            high=float(modes) or None,
            line=(float(modes), _("all modes")) if modes else None,
            file="modes",
        ),
        Panel(
            _("Samples close to a mode"),
            _("share of the samples"),
            _series(history, ["modes/near"], smooth=False),
            low=0.0,
            high=1.0,
            file="close-to-a-mode",
        ),
        Panel(
            _("Data covered by the samples"),
            _("share of the data"),
            _series(history, ["data_reached"], smooth=False),
            low=0.0,
            high=1.0,
            file="data-reached",
        ),
        Panel(
            _("Molecules"),
            _("share"),
            _series(history, [f"molecules/{name}" for name in ("valid", "unique", "novel")], smooth=False),
            low=0.0,
            high=1.0,
            file="molecules",
        ),
        Panel(
            _("Diversity of the samples"),
            _("relative to real images"),
            _series(history, ["variety"], smooth=False),
            low=0.0,
            high=1.0,
            line=(1.0, _("real images")),
            file="variety",
        ),
        Panel(
            _("Checked exactly"),
            _("share"),
            _series(history, ["judged/formed", "judged/right", "judged/in_key", "judged/crossings"], smooth=False),
            low=0.0,
            high=1.0,
            file="checked",
        ),
        Panel(
            _("NLL by the oracle"),
            _("nats a token; lower is likelier"),
            _series(history, ["judged/nll_oracle"], smooth=False),
            low=0.0,
            file="nll-oracle",
        ),
        Panel(
            _("Parallel fifths"),
            _("in each passage"),
            _series(history, ["judged/parallel_fifths"], smooth=False),
            low=0.0,
            file="parallel-fifths",
        ),
        Panel(
            _("Distance to real images"),
            _("energy distance (share of the spread)"),
            _series(history, ["samples/distance"], smooth=False),
            low=0.0,
            file="sample-distance",
        ),
        Panel(
            _("Samples and real images"),
            _("share"),
            _series(history, ["samples/precision", "samples/coverage"], smooth=False),
            low=0.0,
            high=1.0,
            file="neighbourhoods",
        ),
        Panel(
            _("Labels"),
            _("share that looks like its class"),
            _series(history, ["labels/obeyed", "labels/obeyed_real"], smooth=False),
            low=0.0,
            high=1.0,
            file="labels",
        ),
    ]


def _special(history: History) -> list[Panel]:
    """Returns the charts that only some runs have: recovered classes or codes, adaptive augmentation, growing
    networks.
    """
    return [
        Panel(
            _("Recovered classes and codes"),
            _("share classified correctly"),
            _series(history, ["class_accuracy", "code_accuracy"]),
            low=0.0,
            high=1.0,
            file="recognised",
        ),
        Panel(
            _("Convergence (BEGAN)"),
            _("M: errors of real images, and how far from the wanted ratio; k in [0, 1]"),
            _series(history, ["convergence", "balance"]),
            low=0.0,
            file="convergence",
        ),
        Panel(
            _("Held-out images"),
            _("mean absolute difference per pixel (0 to 2)"),
            _series(history, ["held_out_l1"], smooth=False),
            low=0.0,
            file="held-out",
        ),
        Panel(
            _("PSNR on held-out images"),
            _("dB, all colours, not rounded to 8 bits; higher is closer"),
            _series(history, ["psnr", "psnr_bicubic"], smooth=False),
            file="psnr",
        ),
        Panel(
            _("SSIM on held-out images"),
            _("Wang et al. 2004, all colours, not rounded to 8 bits; at most 1"),
            _series(history, ["ssim", "ssim_bicubic"], smooth=False),
            high=1.0,
            file="ssim",
        ),
        Panel(
            _("Age of images in the replay pool"),
            _("steps since they were generated"),
            _series(history, ["pool_age", "pool_oldest"], smooth=False),
            low=0.0,
            file="pool-age",
        ),
        Panel(
            _("Path length"),
            _("image change per step in w"),
            _series(history, ["path_length"]),
            low=0.0,
            file="path-length",
        ),
        Panel(
            _("Adaptive augmentation"),
            _("probability of each augmentation"),
            _series(history, ["augment_probability"], smooth=False),
            low=0.0,
            file="augmentation",
        ),
        Panel(
            _("Resolution"),
            _("pixels (log scale)"),
            _series(history, ["schedule/resolution"], smooth=False),
            log=True,
            file="resolution",
        ),
        Panel(
            _("Fade-in"),
            _("weight of the new level (alpha)"),
            _series(history, ["schedule/alpha"], smooth=False),
            low=0.0,
            high=1.0,
            file="fade-in",
        ),
    ]


def gaps(events: Sequence[Event]) -> list[Panel]:
    """Returns the chart of the duality gap, once it was measured."""
    found = [event for event in events if event.kind == "duality_gap"]
    if not found:
        return []
    steps = [0, *(event.step for event in found)]  # from the run's begin on, as in the other charts
    series = [
        Series(
            label, COLOURS[colour], steps, [math.nan, *(event.payload[name] for event in found)], dash=name == "most",
        )
        for name, label, colour in (
            ("gap", _("Duality gap"), "generator"), ("most", _("Upper bound of the duality gap"), "quiet"),
        )
    ]  # fmt: skip
    return [Panel(_("Duality gap"), _("nats"), series, low=0.0, file="duality-gap")]


def _series(history: History, names: Sequence[str], smooth: bool = True, points: bool = False) -> list[Series]:
    found = []
    for name in names:
        if name not in history.names or not np.isfinite(history.raw(name)).any():
            continue
        values = history.mean(name) if smooth else history.raw(name)
        faint = history.raw(name) if smooth else None
        # both rates are often the same; a floor is no curve of the run
        dash = name.startswith("rate/discriminator") or name.endswith(("_floor", "_real"))
        band = history.bands.get(name)
        area = None if band is None else (band.steps, band.low, band.high)
        found.append(Series(metric_name(name, points), colour_of(name), history.steps, values, faint, dash, area))
    return found


def _ratio(history: History) -> list[Series]:
    if not {"generator/loss", "discriminator/loss"} <= set(history.names):
        return []
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.abs(history.mean("generator/loss")) / (np.abs(history.mean("discriminator/loss")) + EPSILON)
    return [Series(_("G / D"), COLOURS["other"], history.steps, ratio)]


def comparison(title: str, unit: str, name: str, runs: Mapping[str, History], log: bool = False) -> Panel:
    """Returns one metric of several runs in one chart; `runs` by title, in the order of their colours."""
    series = [
        Series(run, RUN_COLOURS[place % len(RUN_COLOURS)], history.steps, history.mean(name), history.raw(name))
        for place, (run, history) in enumerate(runs.items())
        if name in history.names and np.isfinite(history.raw(name)).any()
    ]
    return Panel(title, unit, series, log=log, file=name.replace("/", "-"))


COMPARED = (  # (metric, title, unit, logarithmic)
    ("generator/loss", N_("Generator loss"), N_("loss (no unit)"), False),
    ("discriminator/loss", N_("Discriminator loss"), N_("loss (no unit)"), False),
    (
        "psnr",
        N_("PSNR on held-out images"),
        N_("dB, all colours, not rounded to 8 bits; higher is closer"),
        False,
    ),
    ("accuracy", N_("Discriminator accuracy"), N_("share classified correctly"), False),
    ("modes/covered", N_("Modes covered"), N_("modes with samples"), False),
    ("variety", N_("Diversity of the samples"), N_("relative to real images"), False),
    ("score/fake_before", N_("D(G(z)): discriminator output for samples"), N_("probability or score"), False),
    ("gradient_norm/generator", N_("Generator gradient norm"), N_("norm (no unit, log scale)"), True),
    (SPEED, N_("Speed"), N_("images per second"), False),
)


def comparisons(runs: Mapping[str, History], points: Container[str] = ()) -> list[Panel]:
    """Returns the charts that compare runs; charts without data are left out. `points`: titles of the runs on
    points.
    """
    of_points = [title in points for title in runs]
    speed = (
        N_("points per second") if all(of_points)
        else N_("images or points per second") if any(of_points)
        else N_("images per second")
    )  # fmt: skip
    found = [
        comparison(_(title), _(speed if name == SPEED else unit), name, runs, log)
        for name, title, unit, log in COMPARED
    ]
    return [panel for panel in found if panel.series]


def marks(events: Sequence[Event]) -> list[Mark]:
    """Returns the events of the run as marks in the curves: edits, single steps, rollbacks, warnings."""
    described = [(event.step, _description(event)) for event in events]
    return [Mark(step, text) for step, text in described if text]


def _description(event: Event) -> str:
    payload: Mapping[str, Any] = event.payload
    if event.kind == "edit":
        before = payload.get("before", {})
        changes = [
            f"{label_of(name)}: {value_word(before[name])} → {value_word(value)}"
            if name in before
            else f"{label_of(name)} → {value_word(value)}"
            for name, value in payload.get("changes", {}).items()
        ]
        return _("edited: {changes}").format(changes=", ".join(changes))
    if event.kind == "step":
        player = _(ROLES.get(payload.get("only", ""), ""))
        return _("{count} steps of {player} only").format(count=payload.get("count"), player=player)
    if event.kind == "rollback":
        return _("rolled back to a checkpoint")
    if event.kind == "gradient_warning":
        norm = metric_phrase(f"gradient_norm/{payload.get('phase')}")
        return _("{name}: {value}").format(name=norm, value=f"{payload.get('norm', 0):.0f}")
    if event.kind == "duality_gap":
        return _("duality gap: {gap} nats").format(gap=f"{payload.get('gap', 0):.3g}")
    if event.kind == "not_finite":
        term = metric_phrase(str(payload.get("term")))
        return _("{term} became {value}").format(term=term, value=payload.get("value"))
    return ""


ROLES = {"generator": N_("the generator"), "discriminator": N_("the discriminator")}
