"""One of two processes that train every recipe together, and compare with one process that has the joined batch.

    python -m tests.training.rank_pair RANK PORT FOLDER [NAME ...]

Rank 0 writes FOLDER/differences.json: for each case the largest relative difference of a phase's gradients.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.models import listing
from gan_core.ranks import ALONE, Ranks
from gan_core.training.trainer import Trainer

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
    "unrolled": ("mlp_gan", {"unroll_steps": 2, "batch_norm": "generator", "gradient_clip": 0.01}),
    "virtual batch norm": ("dcgan", {"virtual_batch_norm": True}),
    "historical averaging": ("dcgan", {"historical_averaging": 0.1}),
    "spectral norm": ("dcgan", {"spectral_norm": "both"}),
    "clipping": ("dcgan", {"gradient_clip": 0.01}),
    "three critic steps": ("dcgan", {"discriminator_steps": 3, "generator_steps": 2}),
    "random holes": ("context_encoder", {"holes": "random", "contrast_weight": 0.5}),
    "degraded": ("srgan", {"damaged": 0.7, "warm_up": 0.0}),
    "relativistic super-resolution": ("esrgan", {"warm_up": 0.0}),
    "full replay pool": ("cyclegan", {"pool_size": 2}),
    "random crops": ("pix2pix", {"jitter": 0.3, "mirror": True}),
}


def cases() -> dict[str, tuple[str, dict[str, Any]]]:
    return {recipe.name: (recipe.name, {}) for recipe in recipes} | VARIANTS


def watched(trainer: Trainer) -> list[list[Tensor]]:
    """The gradients of every update, once they are reduced."""
    seen: list[list[Tensor]] = []

    def look(optimizer: torch.optim.Optimizer, *_: object) -> None:
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        seen.append([torch.zeros_like(w) if w.grad is None else w.grad.detach().clone() for w in weights])

    for optimizer in trainer.optimizers.values():
        optimizer.register_step_pre_hook(look)
    return seen


def trained(name: str, changes: dict[str, Any], data: DataSet, ranks: Ranks) -> tuple[Trainer, list[list[Tensor]]]:
    recipe = recipes.get(name)
    # SGD keeps a rounding error small, where Adam's first steps divide it by itself
    trainer = Trainer(
        recipe, changed(recipe.tiny, {"batch_size": BATCH, "optimizer": "sgd", "ema": 0.5} | changes), data, ranks=ranks
    )
    seen = watched(trainer)
    for _ in range(STEPS):
        trainer.train_step()
    return trainer, seen


def difference(one: Tensor, other: Tensor, scale: float) -> float:
    return float((one.double() - other.double()).abs().max()) / scale if one.numel() else 0.0


def compared(ours: tuple[Trainer, list[list[Tensor]]], alone: tuple[Trainer, list[list[Tensor]]]) -> float:
    """The largest difference of a gradient, relative to the largest entry of its update's gradients, and of a buffer."""
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


def main(rank: int, port: int, folder: Path, names: list[str]) -> None:
    from tests.conftest import example

    torch.set_num_threads(1)
    os.environ["GANSCOPE_HOME"] = str(folder / f"home-{rank}")
    listing.BUNDLED = folder / "none"  # type: ignore[misc]
    dist.init_process_group(
        "gloo", f"tcp://127.0.0.1:{port}", world_size=2, rank=rank, timeout=timedelta(seconds=60)
    )
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
    if not rank:
        (folder / "differences.json").write_text(json.dumps(found), encoding="utf-8")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
