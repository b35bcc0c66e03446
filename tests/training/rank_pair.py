"""One of two processes that train every recipe together, and compare with one process with the joined batch.

    python -m tests.training.rank_pair RANK PORT FOLDER [NAME ...]

Rank 0 writes FOLDER/found.json: for each case the largest relative difference of an update's gradients, and what
happened where ranks differ, where rank 0 led a run, and where rank 1 ended.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from gan_core.checkpoint import read_checkpoint
from gan_core.data.base import DataSet
from gan_core.errors import GanscopeError
from gan_core.gans import recipes
from gan_core.gans.encoder import ImageEncoder
from gan_core.knobs import changed, to_dict
from gan_core.models import listing
from gan_core.ranks import ALONE, Ranks
from gan_core.runs.store import RunState, RunStore
from gan_core.training import leading
from gan_core.training.computation import USUAL, Computation
from gan_core.training.session import Session
from gan_core.training.threads import cpu_threads
from gan_core.training.trainer import Trainer
from tests.conftest import example, images

STEPS = 3
BATCH = 4  # of the joined batch: two items a rank, so that groups of minibatch statistics span ranks
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "relativistic average": ("dcgan", {"relativistic": "average"}),
    "feature matching": ("dcgan", {"feature_matching": True}),
    "minibatch discrimination": ("dcgan", {"minibatch": "discrimination"}),
    "minibatch standard deviation": ("dcgan", {"minibatch": "standard_deviation"}),
    "minibatch statistics under R1": ("dcgan", {"minibatch": "discrimination", "penalty": "r1"}),
    "top-k": ("dcgan", {"top_k": 0.5, "top_k_steps": 0, "relativistic": "standard"}),
    "dragan": ("mlp_gan", {"penalty": "dragan"}),
    "gradient penalty": ("dcgan", {"penalty": "gradient_penalty", "loss": "wasserstein"}),
    "ada": ("dcgan", {"augment": "adaptive", "augment_target": 0.0}),
    "diffaugment": ("dcgan", {"augment": "diffaugment", "instance_noise": 0.1}),
    "label flipping": ("dcgan", {"label_flipping": 0.4, "label_smoothing": 0.1}),
    "unrolled": ("mlp_gan", {"unroll_steps": 2, "batch_norm": True, "gradient_clip": 0.01}),
    "second derivatives of batch norm": ("dcgan", {"unroll_steps": 1}),
    "virtual batch norm": ("dcgan", {"virtual_batch_norm": True}),
    "historical averaging": ("dcgan", {"historical_averaging": 0.1}),
    "spectral norm": ("dcgan", {"spectral_norm": "both"}),
    "clipping": ("dcgan", {"gradient_clip": 0.01}),
    "three critic steps": ("dcgan", {"discriminator_steps": 3, "generator_steps": 2}),
    "random holes": ("context_encoder", {"holes": "random", "contrast_weight": 0.5}),
    "degraded": ("srgan", {"damaged": 0.7, "warm_up": 0.0}),
    "relativistic super-resolution": ("esrgan", {"warm_up": 0.0}),
    "full replay pool": ("cyclegan", {"pool_size": 2}),
    "lightweight_gan with virtual batch normalisation": ("lightweight_gan", {"virtual_batch_norm": True}),
    "second adversarial term": ("cyclegan", {"second_weight": 1.0}),
    "attention over words": ("stackgan", {"attention": True}),
    "random crops": ("pix2pix", {"jitter": 0.3, "mirror": True}),
}


def cases() -> dict[str, tuple[str, dict[str, Any]]]:
    return {recipe.name: (recipe.name, {}) for recipe in recipes} | VARIANTS


def watched(trainer: Trainer) -> list[list[Tensor]]:
    """The gradients of every update after reduction."""
    seen: list[list[Tensor]] = []

    def look(optimizer: torch.optim.Optimizer, *_: object) -> None:
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        seen.append([torch.zeros_like(w) if w.grad is None else w.grad.detach().clone() for w in weights])

    for optimizer in trainer.optimizers.values():
        optimizer.register_step_pre_hook(look)
    return seen


def in_double_precision(trainer: Trainer) -> None:
    """Avoids rounding differences, which instance norm of a few pixels multiplies by thousands."""
    modules = [*trainer.networks.values(), *trainer.ema.networks.values(), trainer.objective, *trainer._nets.values()]
    if isinstance(encoder := trainer.networks.get("encoder"), ImageEncoder):
        modules += encoder._generators
    for module in modules:
        module.double()
    arrays = trainer.batches._arrays
    for name, array in arrays.items():
        if isinstance(array, Tensor) and array.dtype == torch.float32:
            arrays[name] = array.double()


def trained(
    name: str, changes: dict[str, Any], data: DataSet, ranks: Ranks, computation: Computation = USUAL
) -> tuple[Trainer, list[list[Tensor]]]:
    recipe = recipes.get(name)
    # SGD keeps a rounding error small, where Adam's first steps divide it by itself
    trainer = Trainer(
        recipe,
        changed(recipe.tiny, {"batch_size": BATCH, "optimizer": "sgd", "ema": 0.5} | changes),
        data,
        "cpu",
        computation,
        ranks,
    )
    in_double_precision(trainer)
    seen = watched(trainer)
    torch.set_default_dtype(torch.float64)
    try:
        for _ in range(STEPS):
            trainer.train_step()
    finally:
        torch.set_default_dtype(torch.float32)
    return trainer, seen


def difference(one: Tensor, other: Tensor, scale: float) -> float:
    return float((one.double() - other.double()).abs().max()) / scale if one.numel() else 0.0


def compared(ours: tuple[Trainer, list[list[Tensor]]], alone: tuple[Trainer, list[list[Tensor]]]) -> float:
    """The largest difference of a gradient, relative to the largest entry of its update's gradients, or of a buffer."""
    assert len(ours[1]) == len(alone[1]) > 0
    worst = 0.0
    for mine, theirs in zip(ours[1], alone[1], strict=True):
        scale = max(float(gradient.abs().max()) for gradient in theirs)
        assert scale > 0
        worst = max([worst, *(difference(a, b, scale) for a, b in zip(mine, theirs, strict=True))])
    for mine, theirs in zip(ours[0]._tensors(), alone[0]._tensors(), strict=True):
        if theirs.is_floating_point() and theirs.numel():
            worst = max(worst, difference(mine.detach(), theirs.detach(), max(1.0, float(theirs.detach().abs().max()))))
    return worst


def nan_on_one_rank(ranks: Ranks) -> list[list[bool]]:
    """The ranks with the fault in each phase of a step in which rank 1 reads NaN; batch norm spreads it at once."""
    recipe = recipes.get("dcgan")
    trainer = Trainer(recipe, changed(recipe.tiny, {"batch_size": BATCH}), example(recipe), ranks=ranks)
    trainer.train_step()
    read = trainer.next_batch
    if ranks.rank == 1:
        trainer.next_batch = lambda count: {  # type: ignore[method-assign]
            name: values * float("nan") if name == "real" else values for name, values in read(count).items()
        }
    return [flags.tolist() for flags in trainer.train_step().faulty.values()]


def refused(act: Callable[[], object]) -> str:
    try:
        act()
    except GanscopeError as error:
        return str(error)
    return ""


def refusals(ranks: Ranks) -> dict[str, str]:
    """The errors of every rank where they differ."""
    recipe = recipes.get("mlp_gan")
    trainer = Trainer(recipe, recipe.tiny, example(recipe), ranks=ranks)
    if ranks.rank:
        next(trainer.networks["generator"].parameters()).data.add_(1)
    data = DataSet("random", {"real": images(seed=ranks.rank)})
    return {
        "weights": refused(lambda: leading.check_equal(ranks, trainer)),
        "data": refused(lambda: leading.check_alike(ranks, leading.describe(data))),
        "versions": refused(lambda: leading.check_alike(ranks, {"PyTorch": f"2.{ranks.rank}"})),
        "same": refused(lambda: leading.check_alike(ranks, {"PyTorch": "2.0"})),
        "batch": refused(lambda: Trainer(recipe, changed(recipe.tiny, {"batch_size": 5}), data, ranks=ranks)),
    }


class Dying(leading.Follower):
    """Rank 1 as if killed: it ends within a step, without a message."""

    def _step(self, only: str | None) -> None:
        super()._step(only)
        if self._present.step >= 10:
            os._exit(1)


def waited(session: Session, step: int) -> None:
    end = time.monotonic() + 120
    while (session.status.step, session.status.state) != (step, RunState.PAUSED):
        assert time.monotonic() < end, session.status
        time.sleep(0.01)


def steered(session: Session, begin: int) -> Session:
    """Six steps, an edit, six more; then the run is stopped."""
    session.start(paused=True)
    session.step_to(begin + 6)
    waited(session, begin + 6)
    session.edit(generator_rate=0.05, batch_size=8)
    session.step_to(begin + 12)
    waited(session, begin + 12)
    return session


def stopped(session: Session) -> dict[str, Any]:
    session.stop()
    assert session.join(120)
    newest = session.store.checkpoints(session.run_id)[-1]
    return read_checkpoint(newest.path, newest.sha256)


def led(ranks: Ranks) -> dict[str, Any]:
    """A run of two ranks that one process resumes, compared with one process; and one whose rank 1 ends."""
    if ranks.rank:
        leading.Follower(ranks, "cpu", cpu_threads).run()
        Dying(ranks, "cpu", cpu_threads).run()
    store, recipe = RunStore(), recipes.get("dcgan")
    settings = to_dict(changed(recipe.tiny, {"batch_size": BATCH, "optimizer": "sgd"}))
    runs = [store.create(recipe.plan("digits", 8, 0, settings), name=name).id for name in ("two", "one", "lost")]
    together = steered(Session(store, runs[0], ranks=ranks), 0)
    found: dict[str, Any] = {"edit": refused(lambda: together.edit(batch_size=5))}
    stopped(together)
    two = stopped(steered(Session(store, runs[0]), 12))
    stopped(steered(Session(store, runs[1]), 0))
    one = stopped(steered(Session(store, runs[1]), 12))
    found["resumed"] = max(
        difference(value.double(), one["networks"][name][key].double(), 1.0)
        for name, network in two["networks"].items()
        for key, value in network.items()
    )
    started = [event.payload for event in store.events(runs[0]) if event.kind == "started"]
    found["started"] = [len(payload.get("ranks", ())) for payload in started]
    lost = Session(store, runs[2], ranks=ranks).start()
    assert lost.join(120)
    found["lost"] = [lost.status.state.value, lost.status.sentence]
    again = Session(store, runs[2]).start(paused=True)
    again.step_to(12)
    waited(again, 12)
    stopped(again)
    found["after"] = [again.status.state.value, again.status.step]
    return found


def main(rank: int, port: int, folder: Path, names: list[str]) -> None:
    torch.set_num_threads(1)
    os.environ["GANSCOPE_HOME"] = str(folder / f"home-{rank}")
    listing.BUNDLED = folder / "none"  # type: ignore[misc]
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", world_size=2, rank=rank, timeout=timedelta(minutes=4))
    ranks, found = Ranks(rank, 2), {}
    for case, (name, changes) in cases().items():
        if names and case not in names:
            continue
        data = example(recipes.get(name))
        ours = trained(name, changes, data, ranks)
        assert len(set(ranks.collect(ours[0].digest()))) == 1, case
        if not rank:
            found[case] = compared(ours, trained(name, changes, data, ALONE))
            print(f"{case:32s} {found[case]:.1e}", flush=True)
    others = {"nan": nan_on_one_rank(ranks), "refusals": ranks.collect(refusals(ranks))} | led(ranks)
    (folder / "found.json").write_text(json.dumps({"differences": found} | others), encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
