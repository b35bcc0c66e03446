"""The doctor's rules on healthy runs, and on runs with each fault that it knows.

    python -m benchmarks.doctor --make                      # the runs that aren't kept yet: half an hour of one core
    python -m benchmarks.doctor                             # the confusion table, from the kept runs, in seconds
    python -m benchmarks.doctor --try r1 steady --seeds 0   # named remedies on each faulty run, to set their order
    python -m benchmarks.doctor --cures --seeds 1 2         # the first remedy on each faulty run, stored in cures.json
    python -m benchmarks.doctor --bands                     # what healthy runs recorded, for the pages of runs
    python -m benchmarks.doctor --guide                     # the tables into docs/doctor.md

Points, digits (8 px) and Fashion-MNIST (28 px) with small networks, trained by the ordinary trainer on one thread; the
samples are looked at 60 times a run. Seed 0 sets the thresholds, seeds 1 and 2 are for the table. What a run
records is kept in `benchmarks/doctor_runs`, so that rules can be replayed (tests/doctor/test_replay.py).
"""

from __future__ import annotations

import argparse
import json
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.doctor_replay import ACCEPTED, case_of, judgements, summary
from benchmarks.kept_runs import FOLDER, JUDGING_SEEDS, SETTING_SEEDS, KeptRun, kept, write
from gan_core import data
from gan_core.data.base import DataSet
from gan_core.doctor import bands
from gan_core.doctor.diagnosis import diagnose
from gan_core.doctor.remedies import offered
from gan_core.errors import percent
from gan_core.gans import recipes
from gan_core.hparams import TrainingHParams
from gan_core.knobs import changed, to_dict
from gan_core.runs.records import Metrics
from gan_core.training.recorder import Recorder
from gan_core.training.trainer import Trainer
from gan_core.training.variety import examiner

GUIDE = FOLDER.parent.parent / "docs" / "doctor.md"
MARKS = "<!-- written by python -m benchmarks.doctor --guide -->", "<!-- until here -->"
LOOKS = 60  # number of looks at the samples of a run
FEW = 48  # images that are memorised
Prepare = Callable[[DataSet, np.random.Generator], DataSet]
Tamper = Callable[[Trainer], None]


@dataclass(frozen=True)
class Case:
    """How a run is made, and its fault: the name of a rule, "" for none."""

    name: str
    illness: str
    recipe: str
    data: str
    size: int
    steps: int
    settings: Mapping[str, Any]
    edit: tuple[int, Mapping[str, Any]] | None = None  # at this step, these changes
    prepare: Prepare | None = None  # change of the data
    begin: Tamper | None = None  # change of the networks before the first step
    tamper: Tamper | None = None  # and before each


# --- data with a fault -----------------------------------------------------------------------------------------------


def with_images(found: DataSet, change: Callable[[np.ndarray], np.ndarray]) -> DataSet:
    return replace(found, arrays={**found.arrays, "real": change(found.arrays["real"])})


def few(found: DataSet, random: np.random.Generator) -> DataSet:
    places = random.choice(len(found), FEW, replace=False)
    return replace(found, arrays={name: array[places] for name, array in found.arrays.items()})


def thousand(found: DataSet, random: np.random.Generator) -> DataSet:
    """Few enough images for the search for copies, but too many to be memorised in this time."""
    places = random.choice(len(found), 1000, replace=False)
    return replace(found, arrays={name: array[places] for name, array in found.arrays.items()})


def dusty(found: DataSet, random: np.random.Generator) -> DataSet:
    """Real images with single bright pixels at random places, as dust leaves them on a scan."""
    dust = random.random(found.arrays["real"].shape) < 0.03
    return with_images(found, lambda images: np.where(dust, 255, images).astype(np.uint8))


def dim(found: DataSet, random: np.random.Generator) -> DataSet:
    return with_images(found, lambda images: (124 + images // 64).astype(np.uint8))


def far(found: DataSet, random: np.random.Generator) -> DataSet:
    return with_images(found, lambda points: (50 * points).astype(np.float32))


def apart(found: DataSet, random: np.random.Generator) -> DataSet:
    """Points that no sample of the first generator overlaps with."""
    return with_images(found, lambda points: (points + 6).astype(np.float32))


def far_off(found: DataSet, random: np.random.Generator) -> DataSet:
    return with_images(found, lambda points: (points + 30).astype(np.float32))


def both_polarities(found: DataSet, random: np.random.Generator) -> DataSet:
    """Two domains of digits, bright on dark or dark on bright: inverting all colours changes neither."""
    images = found.arrays["real"]
    inverted = random.random(len(images)) < 0.5
    images = np.where(inverted[:, None, None, None], 255 - images, images).astype(np.uint8)
    thick = np.maximum(images, np.roll(images, 1, axis=3))
    return DataSet("polarities", {"a": images[::2], "b": thick[1::2]}, unpaired=True)


# --- networks with a fault -------------------------------------------------------------------------------------------


def blind(trainer: Trainer) -> None:
    """The discriminator doesn't see the class."""
    with torch.no_grad():
        trainer.networks["discriminator"].embedding.weight.zero_()  # type: ignore[union-attr,operator]


def mute(trainer: Trainer) -> None:
    """The discriminator's last layer is dead."""
    with torch.no_grad():
        for weight in list(trainer.networks["discriminator"].parameters())[-2:]:
            weight.zero_()


def inverting(trainer: Trainer) -> None:
    """Starts from generators that have learnt to invert, as some do by chance in their first steps."""
    for name in ("generator_ab", "generator_ba"):
        _teach(trainer.networks[name], lambda images: -images, trainer.spec.fields["a"])


def faithful(trainer: Trainer) -> None:
    for name in ("generator_ab", "generator_ba"):
        _teach(trainer.networks[name], lambda images: images, trainer.spec.fields["a"])


def _teach(network: nn.Module, target: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> None:
    random = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(80):
        images = torch.rand(16, *shape, generator=random) * 2 - 1
        images = nn.functional.avg_pool2d(images, 3, 1, 1).sign() * torch.rand(16, 1, 1, 1, generator=random)
        optimizer.zero_grad()
        (network(images) - target(images)).abs().mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()


# --- the cases -------------------------------------------------------------------------------------------------------


def preset(recipe: str, name: str, **changes: Any) -> dict[str, Any]:
    return {**recipes.get(recipe).preset(name).hparams, **changes}


def points(name: str, illness: str = "", base: str = "ring8", **options: Any) -> Case:
    steps = options.pop("steps", 750 if illness else 1500)
    reference, prepare, edit = (options.pop(one, None) for one in ("data", "prepare", "edit"))
    settings = preset("points", base, decay_steps=steps)
    if settings.get("instance_noise_steps"):
        settings["instance_noise_steps"] = steps
    data_name = reference or ("grid25" if base == "grid25" else "ring8")
    return Case(f"points_{name}", illness, "points", data_name, 2, steps, {**settings, **options}, edit, prepare)


def digits(name: str, illness: str = "", recipe: str = "mlp_gan", **options: Any) -> Case:
    steps = options.pop("steps", 650)
    prepare, tamper, edit = (options.pop(one, None) for one in ("prepare", "tamper", "edit"))
    base = preset(recipe, "digits_30s" if recipe == "mlp_gan" else "digits", decay_steps=steps)
    return Case(
        f"digits_{name}", illness, recipe, "digits", 8, steps, {**base, **options}, edit, prepare, tamper=tamper
    )


FASHION: Mapping[str, Any] = {
    "generator_widths": (128, 256, 256), "discriminator_widths": (256, 256), "latent_size": 32, "activation": "relu",
    "batch_norm": True, "beta1": 0.0, "generator_rate": 1e-3, "discriminator_rate": 1e-3, "schedule": "linear",
    "penalty": "r1", "penalty_weight": 0.1, "penalty_every": 8, "ema": 0.99,
}  # fmt: skip


def fashion(name: str, illness: str = "", recipe: str = "mlp_gan", **options: Any) -> Case:
    steps = options.pop("steps", 650)
    prepare, tamper, edit = (options.pop(one, None) for one in ("prepare", "tamper", "edit"))
    settings = {**FASHION, "decay_steps": steps, **options}
    return Case(f"fashion_{name}", illness, recipe, "fashion_mnist", 28, steps, settings, edit, prepare, tamper=tamper)


def cycle(name: str, illness: str, begin: Tamper, **settings: Any) -> Case:
    small = {"batch_size": 8, "channels": 6, "discriminator_channels": 8, "blocks": 1, "patch_layers": 1}
    rates = {"generator_rate": 5e-4, "discriminator_rate": 5e-4}
    return Case(
        f"cycle_{name}", illness, "cyclegan", "digits", 16, 250, {**small, **rates, **settings},
        prepare=both_polarities, begin=begin,
    )  # fmt: skip


PLAIN = {"penalty": "none", "instance_noise": 0.0}
CRITIC = {"loss": "wasserstein", "penalty": "gradient_penalty", "penalty_every": 1}
STALLED = {"generator_rate": 2e-6, "discriminator_rate": 2e-6}
CASES: Sequence[Case] = (
    points("ring"),
    points("ring_least_squares", loss="least_squares"),
    points("ring_hinge", loss="hinge"),
    points("ring_relativistic", relativistic="average"),
    points("ring_critic", **CRITIC, penalty_weight=0.1, instance_noise=0.0),
    points("ring_r1", penalty="r1", penalty_weight=0.1, instance_noise=0.0),
    points("collapsed", "mode_collapse", base="collapses", steps=1500),
    points("collapsing", "mode_collapse", steps=1500,
           edit=(900, {"instance_noise": 0.0, "beta1": 0.9, "schedule": "constant"})),
    points("modes_lost", "modes_missing", base="grid25", steps=2000, **PLAIN),
    points("unbounded", "diverging_scores", loss="wasserstein", generator_rate=1e-2, discriminator_rate=1e-2,
           beta1=0.5, schedule="constant", **PLAIN),
    points("nan", "nan_ahead", loss="wasserstein", optimizer="sgd", activation="leaky_relu", generator_rate=1e-6,
           discriminator_rate=0.003, schedule="constant", **PLAIN),
    points("vanishing", "vanishing_gradients", loss="minimax", prepare=apart, discriminator_rate=1e-2,
           discriminator_steps=3, generator_rate=1e-4, **PLAIN),
    points("oscillating", "oscillation", beta1=0.9, generator_rate=5e-3, discriminator_rate=5e-3, schedule="constant",
           **PLAIN),
    points("clipped", "oscillation", loss="wasserstein", weight_clip=0.1, beta1=0.9, generator_rate=2e-3,
           discriminator_rate=2e-3, schedule="constant", **PLAIN),
    points("critic_loose", "penalty_weight", **CRITIC, penalty_weight=0.0003, instance_noise=0.0,
           discriminator_steps=3),
    points("stalled", "stagnation", **STALLED),
    points("far", "data_range", prepare=far),
    points("far_off", "data_range", prepare=far_off),
    points("penalised", "penalty_weight", penalty="r1", penalty_weight=300.0, steps=1000),
    points("critic_lags", "critic_not_optimal", **CRITIC, penalty_weight=0.1, instance_noise=0.0, beta1=0.9,
           generator_rate=1e-2, discriminator_rate=3e-4, schedule="constant"),
    digits("preset"),
    digits("least_squares", loss="least_squares"),
    digits("hinge", loss="hinge"),
    digits("relativistic", relativistic="average"),
    digits("critic", **CRITIC, penalty_weight=10.0, discriminator_steps=2, beta2=0.9, generator_rate=5e-4,
           discriminator_rate=1e-3),
    digits("classes", recipe="cgan"),
    digits("thousand", prepare=thousand),
    digits("clipped", penalty="none", weight_clip=0.003),
    digits("strong", "discriminator_too_strong", penalty="none", discriminator_steps=3, generator_rate=5e-5),
    digits("strong_hinge", "discriminator_too_strong", loss="hinge", penalty="none", discriminator_steps=3,
           generator_rate=5e-5),
    digits("weak", "discriminator_too_weak", discriminator_rate=2e-6),
    digits("misled", "discriminator_too_weak", label_flipping=0.5),
    digits("mute", "at_chance", tamper=mute),
    digits("penalised", "penalty_weight", penalty_weight=300.0),
    digits("collapsed", "samples_alike", penalty="none", beta1=0.9, generator_rate=2e-2, discriminator_rate=2e-3,
           ema=0.9),
    digits("few", "memorisation", prepare=few, steps=900),
    digits("dusty", "cheap_cue", prepare=dusty, penalty="none", discriminator_steps=3, schedule="constant"),
    digits("dim", "data_range", prepare=dim),
    digits("unlabelled", "label_ignored", recipe="cgan", tamper=blind),
    digits("stalled", "stagnation", **STALLED),
    digits("unbounded", "diverging_scores", loss="wasserstein", penalty="none", discriminator_steps=2,
           discriminator_rate=5e-3, schedule="constant"),
    fashion("mlp"),
    fashion("critic", **CRITIC, penalty_weight=10.0, discriminator_steps=2, beta2=0.9, generator_rate=5e-4),
    fashion("classes", recipe="cgan"),
    fashion("collapsed", "samples_alike", penalty="none", beta1=0.9, generator_rate=1e-2),
    fashion("strong", "discriminator_too_strong", penalty="none", discriminator_steps=2, generator_rate=2e-5),
    fashion("few", "memorisation", prepare=few, steps=900),
    fashion("dusty", "cheap_cue", prepare=dusty, penalty="none"),
    fashion("unlabelled", "label_ignored", recipe="cgan", tamper=blind),
    cycle("faithful", "", faithful),
    cycle("inverted", "colour_inversion", inverting, identity_weight=0.0),
)  # fmt: skip


# --- making the runs -------------------------------------------------------------------------------------------------


def loaded(case: Case, seed: int) -> DataSet:
    found = data.load(case.data, case.size)
    return case.prepare(found, np.random.default_rng(seed)) if case.prepare else found


def make(case: Case, seed: int) -> KeptRun:
    """Trains one run and returns what it recorded."""
    recipe = recipes.get(case.recipe)
    trainer = Trainer(recipe, recipe.settings({**case.settings, "seed": seed}), loaded(case, seed))
    if case.begin:
        case.begin(trainer)
    edits = {case.edit[0]: case.edit[1]} if case.edit else {}
    metrics = trained(trainer, case, case.steps, edits)
    return KeptRun(
        case.name, seed, case.illness, to_dict(trainer.hparams), case.data, case.size, recipe.task, case.steps, metrics
    )


def trained(trainer: Trainer, case: Case, steps: int, edits: Mapping[int, Mapping[str, Any]]) -> Metrics:
    """Trains to a step, or until a loss isn't finite, and returns what a journal would have recorded."""
    look = examiner(trainer, case.data)
    recorder, parts = Recorder(), []
    every = max(10, case.steps // LOOKS // 10 * 10)
    while trainer.step < steps:
        if trainer.step in edits:
            trainer.edit(changed(trainer.hparams, edits[trainer.step]))
        if case.tamper:
            case.tamper(trainer)
        recorder.add(trainer.train_step())
        if trainer.step % every and trainer.step < steps:
            continue
        if look is not None:
            recorder.note(look())
        metrics, fault = recorder.drain(trainer.objective, trainer.hparams, 0.0)
        parts.append(metrics)
        if fault:
            break
    found = Metrics.concat(parts)
    columns = {name: column for name, column in found.columns.items() if name != "images_per_second"}
    return Metrics(found.steps, columns, found.broken)


def make_all(cases: Iterable[Case], seeds: Iterable[int]) -> None:
    cases = list(cases)
    for seed in seeds:
        for case in cases:
            if (FOLDER / f"{case.name}-{seed}.npz").exists():
                continue
            began = time.process_time()
            run = make(case, seed)
            write(run)
            print(
                f"{run.path.name}: {time.process_time() - began:.1f} s, {run.path.stat().st_size:,} bytes", flush=True
            )


# --- the first remedy ------------------------------------------------------------------------------------------------

CURES = FOLDER / "cures.json"


def first_remedy(case: Case, run: KeptRun) -> tuple[str, dict[str, Any]]:
    """The remedy that the finding at the end of an ill run names first, and its changes; "" if there is none."""
    findings = (one for one in diagnose(case_of(run)) if one.kind in ACCEPTED[case.illness])
    named = next((one.remedies for one in findings if one.remedies), ())
    return next(iter(offered(named, treated_settings(case, run.seed)).items()), ("", {}))


def treated_settings(case: Case, seed: int) -> TrainingHParams:
    """The settings of an ill run, its edit included."""
    return recipes.get(case.recipe).settings({**case.settings, **(case.edit[1] if case.edit else {}), "seed": seed})


def cure(case: Case, seed: int, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A run of the same seed from its start with a remedy; whether it ends without an alarm."""
    recipe = recipes.get(case.recipe)
    trainer = Trainer(recipe, changed(treated_settings(case, seed), changes), loaded(case, seed))
    if case.begin:
        case.begin(trainer)
    metrics = trained(trainer, case, case.steps, {})
    treated = KeptRun(
        case.name, seed, case.illness, to_dict(trainer.hparams), case.data, case.size, recipe.task, case.steps, metrics
    )
    left = [one.kind for one in diagnose(case_of(treated)) if one.is_alarm]
    cured, healthy = not set(left) & ACCEPTED[case.illness], not left
    return {"remedy": name, "changes": dict(changes), "cured": cured, "healthy": healthy, "left": left}


def cure_all(cases: Iterable[Case], seeds: Iterable[int]) -> None:
    """Treats each ill run with its first remedy, unless its result is stored."""
    found = json.loads(CURES.read_text(encoding="utf-8")) if CURES.exists() else {}
    by_name = {case.name: case for case in cases if case.illness}
    for run in kept(tuple(seeds)):
        if run.case not in by_name:
            continue
        case, key = by_name[run.case], f"{run.case}-{run.seed}"
        name, changes = first_remedy(case, run)
        known = found.get(key, {})
        if known.get("remedy") == name and known.get("changes", {}) == changes:
            continue
        found[key] = cure(case, run.seed, name, changes) if name else {"remedy": "", "cured": None}
        CURES.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(key, found[key], flush=True)


def try_all(cases: Iterable[Case], seeds: Iterable[int], names: Sequence[str]) -> None:
    """Treats ill runs with the named remedies, and prints what became of them."""
    for seed in seeds:
        for case in cases:
            for name, changes in offered(names, treated_settings(case, seed)).items() if case.illness else ():
                print(f"{case.name}-{seed}", cure(case, seed, name, changes), flush=True)


# --- the tables ------------------------------------------------------------------------------------------------------


def write_bands() -> None:
    """The bands of the healthy runs, for the pages of runs of the same recipe and data."""
    by_key: dict[str, list[Metrics]] = {}
    for run in kept():
        if not run.illness:
            name = bands.key(
                next(case.recipe for case in CASES if case.name == run.case), run.data, run.size, run.settings
            )
            by_key.setdefault(name, []).append(run.metrics)
    found = {
        name: {"runs": len(runs), "bands": bands.written(bands.made(runs))}
        for name, runs in sorted(by_key.items())
        if len(runs) >= bands.LEAST
    }
    bands.FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")


def table(seeds: tuple[int, ...]) -> str:
    """The confusion table of some seeds, with its summary, as Markdown."""
    judged = list(judgements(seeds))
    found = summary(judged)
    lines = [
        "| illness | runs | detected | alarm after, share of the run | what else was found |",
        "| --- | --- | --- | --- | --- |",
    ]
    for illness in dict.fromkeys(one.illness for one in sorted(judged, key=lambda one: one.illness)):
        members = [one for one in judged if one.illness == illness]
        others: Counter[str] = Counter(kind for one in members for kind in one.raised if kind not in one.accepted)
        beside = ", ".join(f"{kind} {count}" for kind, count in others.most_common())
        shares = [one.seen / one.steps for one in members if one.seen is not None]
        seen = percent(float(np.median(shares))) if shares else ""
        hits = sum(one.detected for one in members) if illness else ""
        lines.append(f"| {illness or 'healthy'} | {len(members)} | {hits} | {seen} | {beside} |")
    words = (
        f"Detected: **{found.detected} of {found.ill}** ill runs (asked: 90 %). False alarms: in "
        f"**{found.false_alarms} of {found.healthy}** healthy runs (asked: 5 %). With at least half of the modes left "
        f"the collapse was seen in **{found.early} of {found.collapses}** runs that lost their modes."
    )
    return "\n".join([*lines, "", *textwrap.wrap(words, 120)])


def cure_table(seeds: tuple[int, ...]) -> str:
    """How often the first remedy worked, as Markdown; "" if none was tried."""
    treated = json.loads(CURES.read_text(encoding="utf-8")) if CURES.exists() else {}
    illnesses = {case.name: case.illness for case in CASES}
    by_illness: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for name, one in treated.items():
        case, _, seed = name.rpartition("-")
        if int(seed) in seeds and one["remedy"] and case in illnesses:
            by_illness.setdefault((illnesses[case], one["remedy"]), []).append(one)
    if not by_illness:
        return ""
    lines = ["| illness | first remedy | cured | and no other finding |", "| --- | --- | --- | --- |"]
    for (illness, remedy), members in sorted(by_illness.items()):
        cured, healthy = (sum(bool(one[key]) for one in members) for key in ("cured", "healthy"))
        lines.append(f"| {illness} | `{remedy}` | {cured} of {len(members)} | {healthy} of {len(members)} |")
    return "\n".join(lines)


def write_guide() -> None:
    """Writes the tables into the guide, between its marks."""
    head, _, rest = GUIDE.read_text(encoding="utf-8").partition(MARKS[0])
    _, _, tail = rest.partition(MARKS[1])
    cures = cure_table(JUDGING_SEEDS)
    parts = [MARKS[0], f"{len(list(FOLDER.glob('*.npz')))} runs are kept (asked: 60).", table(JUDGING_SEEDS)]
    if cures:
        parts += ["The first remedy, from the start of a run of the same seed, judged at its end:", cures]
    GUIDE.write_text(head + "\n\n".join([*parts, MARKS[1]]) + tail, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", action="store_true", help="make the runs that aren't kept yet")
    parser.add_argument("--only", nargs="+", help="names of cases")
    parser.add_argument("--seeds", type=int, nargs="+", default=[*SETTING_SEEDS, *JUDGING_SEEDS])
    parser.add_argument(
        "--cures", action="store_true", help="run the first remedy on ill runs that have no stored result"
    )
    parser.add_argument("--try", dest="names", nargs="+", help="remedies to try on ill runs")
    parser.add_argument("--guide", action="store_true", help="write the tables into docs/doctor.md")
    parser.add_argument("--bands", action="store_true", help="write the bands of the healthy runs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [case for case in CASES if not options.only or case.name in options.only]
    if options.make:
        make_all(chosen, options.seeds)
    elif options.names:
        try_all(chosen, options.seeds, options.names)
    elif options.cures:
        cure_all(chosen, options.seeds)
    elif options.bands:
        write_bands()
    elif options.guide:
        write_guide()
    else:
        for title, seeds in (("set the thresholds", SETTING_SEEDS), ("are judged", JUDGING_SEEDS)):
            print(f"\n## Seeds that {title}: {', '.join(map(str, seeds))}\n\n{table(seeds)}\n")
        print(cure_table(JUDGING_SEEDS))


if __name__ == "__main__":
    main()
