"""Widgets for knobs: label, help, unit and range come from the library."""

from __future__ import annotations

import re
import sys
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from gan_core.errors import BadValue
from gan_core.hparams import AdversarialHParams, SingleNetworkHParams
from gan_core.knobs import HParams, Knob, faults, knob_type, knobs, read, read_as
from ui.classroom.shell import warm
from ui.classroom.shell.i18n import N_, _
from ui.texts import error_sentence, paragraph, plain

GROUPS = {
    "objective": N_("Objective"),
    "training": N_("Training"),
    "stabilisers": N_("Stabilisers"),
    "optimiser": N_("Optimiser"),
    "growth": N_("Growth"),
    "networks": N_("Networks"),
}
MOST_STEPS = 100_000_000
STEPS = Knob(
    N_("Steps"), N_("Number of training steps. 0 trains until you stop the run."), 0, MOST_STEPS
)  # of a new run
BASIC = ("loss", "generator_rate", "discriminator_rate", "rate", "batch_size", "latent_size", "seed")
CHOICES = {
    "adam": "Adam", "rmsprop": "RMSprop", "sgd": "SGD",
    "constant": N_("Constant"), "linear": N_("Linear"), "exponential": N_("Exponential"), "cosine": N_("Cosine"),
    "non_saturating": N_("Non-saturating"), "minimax": N_("Saturating minimax"), "least_squares": N_("Least squares"),
    "wasserstein": "Wasserstein", "hinge": N_("Hinge"), "logistic": N_("Logistic (softplus)"),
    "boundary_seeking": N_("Boundary seeking"), "softmax": "Softmax", "energy": N_("Energy with a margin"),
    "equilibrium": N_("Equilibrium (BEGAN)"), "divergence": N_("Divergence (WGAN-div)"),
    "unet": "U-Net", "resnet": "ResNet", "batch": N_("Batch normalisation"), "instance": N_("Instance normalisation"),
    "l1": "L1", "l2": "L2",
    "none": N_("None"), "gradient_penalty": N_("Gradient penalty"), "r1": "R1", "r2": "R2", "r1_r2": "R1 + R2",
    "dragan": "DRAGAN", "one_sided_gradient_penalty": N_("Gradient penalty, one-sided"),
    "standard": N_("Standard (in pairs)"), "average": N_("Average"),
    "exact": N_("Exact"), "finite_difference": N_("Finite difference"),
    "discriminator": N_("Discriminator"), "generator": N_("Generator"), "both": N_("Both networks"),
    "discrimination": N_("Minibatch discrimination"), "standard_deviation": N_("Standard deviation"),
    "diffaugment": "DiffAugment", "adaptive": N_("Adaptive (ADA)"),
    "gaussian": N_("Gaussian"), "uniform": N_("Uniform"),
    "leaky_relu": "Leaky ReLU", "relu": "ReLU", "tanh": "tanh",
    "convolution": N_("Convolution"), "transposed": N_("Transposed convolution"),
    "nearest": N_("Nearest neighbour, then convolution"),
    "mlp": "MLP", "dcgan": "DCGAN", "fused": N_("Fused"), "grouped": N_("Grouped"),
}  # fmt: skip


def choice_word(value: str) -> str:
    """Returns the label of a choice."""
    return _(CHOICES[value]) if value in CHOICES else value.replace("_", " ")


def value_word(value: Any) -> str:
    """Returns a knob's value in words."""
    if isinstance(value, bool):
        return _("on") if value else _("off")
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    return choice_word(value) if isinstance(value, str) else f"{value:g}"


def label_of(name: str) -> str:
    """Returns the label of a knob of any recipe; its name if no loaded recipe has it."""
    loaded = sys.modules["gan_core.gans"].recipes if warm.is_ready() else ()
    for kind in (AdversarialHParams, SingleNetworkHParams, *(recipe.hparams for recipe in loaded)):
        if name in (described := knobs(kind)):
            return _(described[name].label)
    return name


def grouped(names: Iterable[str], described: Mapping[str, Knob]) -> dict[str, list[str]]:
    """Groups knob names in the order of GROUPS; unknown groups come last."""
    found: dict[str, list[str]] = {group: [] for group in GROUPS}
    for name in names:
        found.setdefault(described[name].group, []).append(name)
    return {group: members for group, members in found.items() if members}


def draw(
    hparams: HParams, names: Iterable[str], prefix: str, disabled: bool = False, points: bool = False
) -> dict[str, Any]:
    """Renders a widget for each of some knobs, at the values of `hparams`; returns the visitor's values by name.

    The most important knobs come first; the others are collapsed by group. Use it in forms, which aren't rerun before
    they are submitted, so no widget depends on another. `points`: batches consist of points, not images.
    """
    described = knobs(hparams)
    names = list(names)
    current = {name: getattr(hparams, name) for name in names}
    values = _row([name for name in BASIC if name in names], hparams, current, prefix, disabled, points)
    for group, members in grouped([name for name in names if name not in BASIC], described).items():
        with st.expander(group_word(group), key=_group_key(prefix, group)):
            values |= _row(members, hparams, current, prefix, disabled, points)
    return {name: values[name] for name in names}


def draw_all(
    defaults: HParams,
    current: Mapping[str, Any],
    prefix: str,
    models: Mapping[str, Mapping[str, str]] | None = None,
    fixed: Container[str] = (),
    points: bool = False,
) -> dict[str, Any]:
    """Renders a widget for every knob at its current value; returns the visitor's values by name.

    A group shows how many of its knobs differ from `defaults` and starts expanded if any do. Knobs without effect are
    hidden and keep their values; so are the `fixed` ones. `models`: for knobs that name a model, the titles to choose
    from by name.
    """
    described = {name: knob for name, knob in knobs(defaults).items() if name not in fixed}
    now = {name: _shown(defaults, name, f"{prefix}.{name}", value) for name, value in current.items()}
    wrong = faults(defaults, now)
    # a hidden field keeps its value, unless it is invalid, because nobody could correct it
    values = {name: getattr(defaults, name) if name in wrong else value for name, value in current.items()}
    values |= _row([name for name in BASIC if name in described], defaults, current, prefix, False, points, models)
    for group, members in grouped([name for name in described if name not in BASIC], described).items():
        acting = [name for name in members if described[name].acts(now)]
        resting = [_(described[name].label) for name in members if name not in acting]
        changed = sum(now[name] != getattr(defaults, name) for name in acting)
        key = _group_key(prefix, group)
        opened = st.session_state[f"{key}.opened"] = st.session_state.get(f"{key}.opened", False) or bool(changed)
        title = group_word(group) + (f" · {_('{count} changed').format(count=changed)}" if changed else "")
        with st.expander(title, expanded=opened, key=key):
            values |= _row(acting, defaults, current, prefix, False, points, models)
            if resting:
                st.caption(
                    _("Hidden because they have no effect with these settings: {names}.").format(
                        names=_(", ").join(resting)
                    )
                )
    return values


def _shown(defaults: HParams, name: str, key: str, value: Any) -> Any:
    """Returns what a knob's widget holds: its value, or the text if that isn't valid."""
    shown = st.session_state.get(key, value)
    try:
        return read(type(defaults), name, shown)
    except BadValue:
        return shown


def correct_first(labels: Iterable[str]) -> str:
    """Returns the error message for fields with invalid values."""
    return _("Correct these fields first: {fields}.").format(fields=_(", ").join(_(label) for label in labels))


def invalid_fields(hparams: HParams, values: Mapping[str, Any]) -> list[str]:
    """Returns the labels of fields with invalid values."""
    return [knobs(hparams)[name].label for name in faults(hparams, values)]


def _group_key(prefix: str, group: str) -> str:
    """Returns the key of a collapsed group. It has no counter, so that an open group stays open when widgets are
    renewed.
    """
    return f"{re.sub('[0-9]+', '', prefix)}.group.{group}"


def group_word(group: str) -> str:
    return _(GROUPS[group]) if group in GROUPS else group


def _row(
    names: list[str],
    hparams: HParams,
    current: Mapping[str, Any],
    prefix: str,
    disabled: bool,
    points: bool,
    models: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """Renders widgets three per row."""
    values: dict[str, Any] = {}
    described = {
        name: replace(knob, unit="points") if points and knob.unit == "images" else knob
        for name, knob in knobs(hparams).items()
    }
    for start in range(0, len(names), 3):
        problems: list[BadValue] = []
        for column, name in zip(st.columns(3, vertical_alignment="bottom"), names[start : start + 3], strict=False):
            with column:
                key = f"{prefix}.{name}"
                if models and name in models:
                    values[name] = _model(models[name], current[name], described[name], key)
                    continue
                kind = knob_type(type(hparams), name)
                values[name], found = _field(name, kind, current[name], described[name], key, disabled)
                problems += [found] if found else []
        for problem in problems:  # below the row, so that its fields stay aligned
            _say(problem)
    return values


def control(name: str, kind: Any, current: Any, described: Knob, key: str, disabled: bool) -> Any:
    """Renders one knob's widget. Invalid text is returned unchanged, with an error message below."""
    value, problem = _field(name, kind, current, described, key, disabled)
    if problem:
        _say(problem)
    return value


def _say(problem: BadValue) -> None:
    st.markdown(f":red[{plain(error_sentence(problem))}]")


def _field(
    name: str, kind: Any, current: Any, described: Knob, key: str, disabled: bool
) -> tuple[Any, BadValue | None]:
    """Returns the value, or the text that was typed and its error.

    Numbers are text inputs, because a browser's number input returns the last valid value while showing an invalid one,
    and reads 1e12 as 1.
    """
    label = _(described.label)
    if described.unit:
        label = _("{label} ({unit})").format(label=label, unit=_(described.unit))
    shared: dict[str, Any] = {"key": key, "help": help_text(described), "disabled": disabled}
    if described.choices:
        return st.selectbox(label, described.choices, described.choices.index(current), choice_word, **shared), None
    if kind is bool:
        return st.toggle(label, current, **shared), None
    text = st.text_input(label, typed(current), **shared) or ""
    try:
        return read_as(name, described, kind, text), None
    except BadValue as error:
        return text, error


def typed(value: Any) -> str:
    """Formats a value as a user would type it."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    text = str(value)
    return text.removesuffix(".0") if isinstance(value, float) else text


def _model(titles: Mapping[str, str], current: str, described: Knob, key: str) -> str:
    """Selects a model. One that doesn't fit stays selected: the error is shown elsewhere."""
    names = list(titles) if current in titles else [current, *titles]
    chosen: str = st.selectbox(
        _(described.label), names, names.index(current), lambda name: _(titles.get(name, name)), key=key,
        help=help_text(described),
    )  # fmt: skip
    return chosen


def help_text(described: Knob) -> str:
    """Returns the knob's help with its range."""
    text = _(described.help)
    if described.low is not None and described.high is not None:
        low, high = (f"{end:,.10g}" for end in (described.low, described.high))
        return paragraph(text, _("From {low} to {high}.").format(low=low, high=high))
    return text
