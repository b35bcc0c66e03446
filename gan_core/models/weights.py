"""Exports what a run has learnt: the averaged networks alone, as one safetensors file with a card in its header."""

from __future__ import annotations

import json

from safetensors.torch import save

from gan_core import __version__
from gan_core.knobs import to_dict
from gan_core.models.sampler import Sampler
from gan_core.runs.store import RunStore


def averaged_weights(store: RunStore, run_id: str) -> bytes:
    """The networks that make the samples, of the newest checkpoint: tensors `NETWORK.PARAMETER`.

    The header's metadata say what is needed to build them again. Raises UnknownName or BadCheckpoint.
    """
    run = store.get(run_id)
    sampler = Sampler.from_run(store, run_id)
    tensors = {
        f"{name}.{parameter}": value.detach().contiguous().clone()
        for name, network in sampler.networks.items()
        for parameter, value in network.state_dict().items()
    }
    card = {
        "format": "ganscope.weights.1",
        "ganscope": __version__,
        "recipe": run.spec.recipe,
        "data": run.spec.data if ":" not in run.spec.data else "your own",
        "step": str(store.checkpoints(run_id)[-1].step),
        "hparams": json.dumps(to_dict(sampler.hparams)),
        "fields": json.dumps({name: list(shape) for name, shape in sampler.spec.fields.items()}),
        "classes": str(sampler.spec.classes),
    }
    return save(tensors, metadata=card)
