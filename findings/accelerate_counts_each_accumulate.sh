#!/usr/bin/env bash
# guess: with gradient_accumulation_steps=2, `with accelerator.accumulate(discriminator)` and, later in the same
#   iteration, `with accelerator.accumulate(generator)` count for their own network: each optimiser takes a step at
#   every second batch.
# what happens: accelerate 1.15.0 has one counter, whatever networks are passed, and each `with` adds one to it. With 2
#   (or any even number) the discriminator's block always falls on an odd count: its optimiser never steps, but for the
#   last batch of an epoch, where all may. The generator steps twice as often as asked for, from gradients divided by
#   the number as if they were added up. No error, no warning: `step` of a prepared optimiser does nothing in between.
#   One `accumulate(discriminator, generator)` around both is right.
# source: https://huggingface.co/docs/accelerate/usage_guides/gradient_accumulation; src/accelerate/accelerator.py
#   (`accumulate`, `_do_sync`) of https://github.com/huggingface/accelerate/tree/v1.15.0;
#   https://github.com/huggingface/accelerate/pull/1708 (several networks in one call)
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" \
  accelerate==1.15.0 torch==2.15.0 numpy==2.4.6
cd "$folder"
cat > gan.py <<'PYTHON'
import contextlib
import sys
import warnings

import accelerate
import torch
from torch import nn

every, blocks = int(sys.argv[1]), sys.argv[2]
torch.manual_seed(0)
accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=every)
made = nn.Linear(2, 2), nn.Linear(2, 1)
generator, discriminator, of_generator, of_discriminator, loader = accelerator.prepare(
    *made, *(torch.optim.SGD(network.parameters(), 0.1) for network in made),
    torch.utils.data.DataLoader(torch.randn(24, 2), batch_size=2),
)  # fmt: skip
steps = {"discriminator": [], "generator": []}


def learn(name, network, optimizer, loss):
    before = network.weight.detach().clone()
    accelerator.backward(loss)
    optimizer.step()
    optimizer.zero_grad()
    if not torch.equal(before, network.weight):
        steps[name].append(batch)


def block(*networks):
    return accelerator.accumulate(*networks) if networks else contextlib.nullcontext()


with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    for batch, real in enumerate(loader, 1):
        one = blocks == "one"
        with block(discriminator, generator) if one else block():
            with block() if one else block(discriminator):
                learn("discriminator", discriminator, of_discriminator, discriminator(real).mean())
            with block() if one else block(generator):
                learn("generator", generator, of_generator, discriminator(generator(real)).mean())
assert not any("accumul" in str(one.message).lower() for one in said)
print(f"every {every}, {blocks} block(s): {steps}")
even = list(range(every, 13, every))
if one:
    assert steps == {"discriminator": even, "generator": even}
elif every == 2:
    assert steps == {"discriminator": [12], "generator": list(range(1, 13))}
elif every == 4:
    assert steps == {"discriminator": [12], "generator": [2, 4, 6, 8, 10, 12]}
PYTHON
venv/bin/python -c "import accelerate, torch; print('accelerate', accelerate.__version__, 'torch', torch.__version__)"
for every in 2 4; do
  for blocks in two one; do OMP_NUM_THREADS=1 venv/bin/python gan.py $every $blocks; done
done
