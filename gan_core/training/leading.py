"""One run in several processes: rank 0 leads, the others follow.

Rank 0 has the session, the store and the journal. Its trainer sends each operation (a step, an edit, a loaded state) to
the others, before or after it performs it. The others repeat it on theirs and never read the store. Before a run
trains, all ranks compare their versions and their data.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from gan_core import data
from gan_core.checkpoint import pack, unpack
from gan_core.data.base import DataSet, DataSpec
from gan_core.errors import BadValue, GanscopeError
from gan_core.gans import recipes
from gan_core.gans.recipe import Recipe
from gan_core.hparams import TrainingHParams
from gan_core.knobs import to_dict
from gan_core.ranks import LostRank, Ranks
from gan_core.runs import liveness
from gan_core.training.computation import USUAL, Computation
from gan_core.training.suited import suited
from gan_core.training.trainer import StepResult, Trainer
from gan_core.version import __version__

HASHED = 64 * 2**20  # bytes up to which an array is compared in full; of a larger one, items spread over it
GONE = 1.0  # seconds to wait for a process that broke its connection to end


class Leader(Trainer):
    """Rank 0's trainer: all ranks repeat its operations.

    `within` is true during a step that the others take part in: if it fails there, no message can reach them.
    """

    def __init__(
        self,
        recipe: Recipe,
        hparams: TrainingHParams,
        data: DataSet,
        device: str = "cpu",
        computation: Computation = USUAL,
        *,
        ranks: Ranks,
    ) -> None:
        ranks.check_batch(hparams.batch_size, computation.accumulate)
        send(ranks, "build", recipe.name, to_dict(hparams), data.spec.to_state(), asdict(computation))
        self.within = True
        super().__init__(recipe, hparams, data, device, computation, ranks)
        self.within = False

    def train_step(self, only: str | None = None) -> StepResult:
        if only is None:
            self.ranks.broadcast_bytes()
        else:
            send(self.ranks, "step", only)
        self.within = True
        result = super().train_step(only)
        self.within = False
        return result

    def edit(self, hparams: TrainingHParams, begin: Iterable[str] | None = None) -> None:
        begun = None if begin is None else sorted(begin)
        super().edit(hparams, begun)  # raises before anything is sent
        send(self.ranks, "edit", to_dict(hparams), begun)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        send(self.ranks, "load")
        self.ranks.broadcast_bytes(to_bytes(state))

    def verify(self) -> None:
        """Raises GanscopeError, which names ranks, if weights differ between ranks."""
        send(self.ranks, "verify")
        check_equal(self.ranks, self)


class Follower:
    """The loop of every rank but the first, until rank 0 ends the run."""

    def __init__(self, ranks: Ranks, device: str, threads: Callable[[Mapping[str, Any]], int]) -> None:
        self.ranks, self.device, self.threads = ranks, device, threads
        self.data: DataSet | None = None
        self.trainer: Trainer | None = None

    def run(self) -> None:
        """Returns when rank 0 ends the run; raises LostRank if rank 0 is gone."""
        while True:
            content = self.ranks.broadcast_bytes()
            what, *given = json.loads(content) if content else ("step", None)
            if what == "end":
                return
            getattr(self, f"_{what}")(*given)

    def _data(self, name: str, size: int) -> None:
        try:
            self.data = data.load(name, size, lambda share, what: None)
            described = describe(self.data)
        except GanscopeError as error:  # e.g. a folder that this machine doesn't have
            described = {"error": str(error)}
        check_alike(self.ranks, described)

    def _build(self, name: str, hparams: dict[str, Any], spec: dict[str, Any], computation: dict[str, Any]) -> None:
        assert self.data is not None
        recipe = recipes.get(name)
        settings = recipe.settings(hparams)
        fitting = suited(self.data, recipe, settings, DataSpec.from_state(spec))
        self.trainer = Trainer(recipe, settings, fitting, self.device, Computation(**computation), self.ranks)
        torch.set_num_threads(self.threads(self.trainer.networks))

    def _step(self, only: str | None) -> None:
        self._present.train_step(only)

    def _edit(self, hparams: dict[str, Any], begun: list[str] | None) -> None:
        self._present.edit(self._present.recipe.settings(hparams), begun)

    def _load(self) -> None:
        self._present.load_state_dict(from_bytes(self.ranks.broadcast_bytes()))

    def _verify(self) -> None:
        check_equal(self.ranks, self._present)

    @property
    def _present(self) -> Trainer:
        assert self.trainer is not None
        return self.trainer


def send(ranks: Ranks, what: str, *given: Any) -> None:
    """Sends an operation from rank 0 to the others."""
    ranks.broadcast_bytes(json.dumps([what, *given]).encode())


def end(ranks: Ranks) -> None:
    """Announces the end of the run from rank 0 to the others; does nothing if they are gone."""
    with suppress(LostRank):
        send(ranks, "end")


def to_bytes(state: Mapping[str, Any]) -> bytes:
    """A nested state as safetensors, without pickles."""
    tensors: dict[str, Tensor] = {}
    rest = pack(state, "", tensors)
    return save({name: value.cpu().clone() for name, value in tensors.items()} | {"": _as_bytes(json.dumps(rest))})


def from_bytes(content: bytes) -> Any:
    """The inverse of `to_bytes`."""
    tensors = load(content)
    rest = tensors.pop("").numpy().tobytes().decode()
    return unpack(json.loads(rest), tensors)


def _as_bytes(text: str) -> Tensor:
    return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)


# --- what must be equal ----------------------------------------------------------------------------------------------


def begin(ranks: Ranks, name: str, size: int, data_set: DataSet) -> list[liveness.Owner]:
    """Called by rank 0 once it has its data: the others load theirs, and all compare; returns the processes by rank.

    Raises BadValue, on every rank, if versions or data differ.
    """
    send(ranks, "data", name, size)
    return check_alike(ranks, describe(data_set))


def describe(data_set: DataSet) -> dict[str, Any]:
    """The values that must be the same on all ranks."""
    return {
        "GANscope": __version__,
        "PyTorch": torch.__version__,
        "Python": platform.python_version(),
        "number of items": len(data_set),
        "content of the data": digest(data_set),
    }


def digest(data_set: DataSet) -> str:
    """sha256 of the arrays; of those above HASHED bytes, of items spread over them."""
    found = hashlib.sha256()
    for name, array in sorted(data_set.arrays.items()):
        every = max(1, array.nbytes // HASHED)
        found.update(f"{name} {array.shape} {array.dtype}".encode())
        found.update(np.ascontiguousarray(array[::every]).tobytes())
    return found.hexdigest()[:16]


def check_alike(ranks: Ranks, described: Mapping[str, Any]) -> list[liveness.Owner]:
    """Compares the ranks' descriptions; raises BadValue, on each rank, which names the first difference."""
    found = ranks.collect([dict(described), asdict(liveness.this_process())])
    for rank, (theirs, _) in enumerate(found):
        if "error" in theirs:
            raise BadValue("Rank {rank} can't load the data: {reason}", rank=rank, reason=theirs["error"])
        for what, value in found[0][0].items():
            if theirs.get(what) != value:
                raise BadValue(
                    "Rank {rank} has another {what} than rank 0: {theirs} instead of {value}. All processes of a run "
                    "need the same versions and the same data.",
                    rank=rank, what=what, theirs=theirs.get(what), value=value,
                )  # fmt: skip
    return [liveness.Owner(**owner) for _, owner in found]


def check_equal(ranks: Ranks, trainer: Trainer) -> None:
    """Raises GanscopeError, on every rank, if the weights differ."""
    digests = ranks.collect(trainer.digest())
    different = [str(rank) for rank, found in enumerate(digests) if found != digests[0]]
    if different:
        raise GanscopeError(
            "At step {step} the weights of rank {ranks} differ from those of rank 0, so no checkpoint was written. "
            "Resume from the last one; if it happens again, check the hardware of those ranks.",
            step=trainer.step, ranks=", ".join(different),
        )  # fmt: skip


def lost(owners: list[liveness.Owner]) -> list[int]:
    """The ranks whose processes have ended, as far as this machine can see."""
    until = time.monotonic() + GONE
    while True:
        gone = [rank for rank, owner in enumerate(owners) if liveness.still_runs(owner) is False]
        if gone or time.monotonic() > until:
            return gone
        time.sleep(0.05)
