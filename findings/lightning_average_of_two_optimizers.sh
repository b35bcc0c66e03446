#!/usr/bin/env bash
# guess: EMAWeightAveraging(update_every_n_steps=10) averages the weights of a GAN at every tenth batch, or at every
#   tenth step of one of its two optimisers. After training, the model has the averaged weights.
# what happens: lightning 2.6.6 counts the steps of both optimisers together, so that `step_idx` at the end of a batch
#   is 1, 3, 5, ... An update is made where it is a multiple of N, which is never so for an even N. The average stays
#   the untrained copy from the start of `fit`, and when training ends the callback puts it in place of the trained
#   weights, without an error or a warning. With N = 1 or 5 it works.
# source: https://lightning.ai/docs/pytorch/stable/api/lightning.pytorch.callbacks.WeightAveraging.html;
#   src/lightning/pytorch/callbacks/weight_averaging.py (`on_train_batch_end`, `should_update`) of
#   https://github.com/Lightning-AI/pytorch-lightning/tree/2.6.6
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" lightning==2.6.6 torch==2.15.0 numpy==2.4.6
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python - <<'PYTHON'
import logging
import warnings

import lightning
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from torch import nn

logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


class Gan(lightning.LightningModule):
    """A generator alone, or with a discriminator that has an optimiser of its own."""

    def __init__(self, networks: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.networks = nn.ModuleList(nn.Linear(2, 2) for _ in range(networks))

    def configure_optimizers(self):
        return [torch.optim.SGD(network.parameters(), 0.1) for network in self.networks]

    def training_step(self, batch, index):
        optimizers = self.optimizers()
        for network, optimizer in zip(self.networks, optimizers if isinstance(optimizers, list) else [optimizers]):
            optimizer.zero_grad()
            self.manual_backward((network(batch) - 1).square().mean())
            optimizer.step()


print("lightning", lightning.__version__)
updates = {}
for networks in (1, 2):
    for every in (1, 2, 5, 10):
        torch.manual_seed(0)
        callback, model = EMAWeightAveraging(decay=0.5, update_every_n_steps=every), Gan(networks)
        start = model.networks[0].weight.detach().clone()
        trainer = lightning.Trainer(
            max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, callbacks=[callback],
        )
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            trainer.fit(model, torch.utils.data.DataLoader(torch.randn(100, 2), batch_size=2))
        assert not any("averag" in str(one.message).lower() for one in said)
        updates[networks, every] = int(callback._average_model.n_averaged)
        moved = float((model.networks[0].weight.detach() - start).abs().max())
        print(f"{networks} optimiser(s), every {every}: {updates[networks, every]} updates in 50 batches; "
              f"the weights differ from the start by {moved:.3f}")
        assert (moved == 0) == (networks == 2 and every % 2 == 0)
assert updates == {(1, 1): 50, (1, 2): 25, (1, 5): 10, (1, 10): 5, (2, 1): 50, (2, 2): 0, (2, 5): 10, (2, 10): 0}
PYTHON
