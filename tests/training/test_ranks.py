"""Several processes train a run like one process; batches accumulated from parts; blocks that are recomputed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_core import ranks
from gan_core.checkpoint import same_state
from gan_core.data.base import DataSet
from gan_core.data.batches import Batches
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.layers.minibatch import MinibatchStandardDeviation
from gan_core.ranks import ALONE, Ranks
from gan_core.training import equality, launch, leading
from gan_core.training.computation import USUAL, Computation
from gan_core.training.recomputing import blocks, fits
from gan_core.training.threads import cpu_threads
from gan_core.training.trainer import Trainer
from tests.conftest import example, images
from tests.training.rank_pair import BATCH, VARIANTS, compared, trained

CLOSE = 1e-5
ROOT = Path(__file__).parents[2]


# --- a part of a batch, without other processes -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, 3])
def test_ranks_draw_their_items_of_the_whole_batch(size: int) -> None:
    def drawn(place: int, count: int) -> list[Tensor]:
        generator = torch.Generator().manual_seed(5)
        with Ranks(place, size if count < 12 else 1).training():
            return [
                ranks.normal((count, 3), generator),
                ranks.uniform((2, count), generator, axis=1),
                ranks.integers(100, count, generator),
                torch.rand(4, generator=generator),  # all of them have drawn the same amount of numbers
            ]

    normal, uniform, integers, after = drawn(0, 12)
    for place in range(size):
        mine = drawn(place, 12 // size)
        assert torch.equal(mine[0], normal[place::size])
        assert torch.equal(mine[1], uniform[:, place::size])
        assert torch.equal(mine[2], integers[place::size])
        assert torch.equal(mine[3], after)


def test_a_part_takes_its_own_items_of_its_rank() -> None:
    whole = torch.randn(12, 2, generator=torch.Generator().manual_seed(1))
    for rank in range(2):
        group = Ranks(rank, 2)
        for turn in group.in_turns(3):
            with group.training():
                drawn = ranks.normal((2, 2), torch.Generator().manual_seed(1))
            assert torch.equal(drawn, whole[rank::2][turn::3])
    assert ranks.current() is ALONE


def test_the_order_of_the_data_does_not_depend_on_the_number_of_ranks(labelled: DataSet) -> None:
    whole = Batches(labelled, 3, torch.device("cpu"))
    parts = [Batches(labelled, 3, torch.device("cpu"), ranks=Ranks(rank, 2)) for rank in range(2)]
    for _ in range(7):  # past the end of an epoch
        expected, found = whole.next(8), [part.next(8) for part in parts]
        for rank in range(2):
            assert torch.equal(found[rank]["real"], expected["real"][rank::2])
            assert torch.equal(found[rank]["label"], expected["label"][rank::2])
    assert same_state(whole.state_dict(), parts[1].state_dict())  # and continues with another number


def test_groups_of_minibatch_deviation_lie_within_a_rank() -> None:
    """Where a rank has a multiple of the group, its deviations are those of the whole batch, without a message."""
    features = torch.randn(16, 3, 4, 4)
    layer = MinibatchStandardDeviation(4)
    for rank in range(2):
        with Ranks(rank, 2).training():
            assert torch.allclose(layer(features[rank::2]), layer_alone(layer, features)[rank::2])


def layer_alone(layer: torch.nn.Module, features: Tensor) -> Tensor:
    with ALONE.training():
        whole: Tensor = layer(features)
    return whole


def test_a_batch_that_cannot_be_split_is_refused() -> None:
    recipe = recipes.get("mlp_gan")
    with pytest.raises(BadValue, match="a multiple of 3, which is 1 ranks times 3 accumulated parts, got 4"):
        Trainer(recipe, changed(recipe.tiny, {"batch_size": 4}), example(recipe), "cpu", Computation(accumulate=3))
    with pytest.raises(BadValue, match="between 1 and 256, got 0"):
        Computation(accumulate=0)


def test_the_environment_says_who_this_process_is() -> None:
    second = {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    assert launch.launched(second)
    assert not launch.is_first(second)
    assert launch.is_first(second | {"RANK": "0"})
    assert launch.ranks_here(second) == 2
    assert launch.is_first({})
    assert launch.ranks_here({"LOCAL_WORLD_SIZE": "8"}) == 1  # no group
    assert launch.device_of("cpu", second) == "cpu"
    launch.check_compiled(True, {})
    with pytest.raises(BadValue, match="works in a single process only"):
        launch.check_compiled(True, second)
    with pytest.raises(BadValue, match=r"can't train on 'cuda:1'\. Valid: cpu, cuda"):
        launch.device_of("cuda:1", second)
    if not torch.cuda.is_available():
        with pytest.raises(BadValue, match="has 0 GPUs, but 2 processes were started on it"):
            launch.device_of("cuda", second)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system doesn't bind processes to cores")
def test_ranks_of_a_machine_have_their_own_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = os.sched_getaffinity(0)
    monkeypatch.setattr(os, "cpu_count", lambda: len(machine))
    ranks_of_all = [{"RANK": str(place), "WORLD_SIZE": "8", "LOCAL_RANK": str(place)} for place in range(8)]

    def bound(count: int, place: int) -> set[int]:
        with launch.own_cores(ranks_of_all[place] | {"LOCAL_WORLD_SIZE": str(count)}):
            inside = set()
            beside = threading.Thread(target=lambda: inside.update(os.sched_getaffinity(0)))  # as gloo's
            beside.start()
            beside.join()
            assert inside == os.sched_getaffinity(0)
            return inside

    if len(machine) > 1:
        one, other = bound(2, 0), bound(2, 1)
        assert one | other == machine
        assert not one & other
    assert bound(1, 0) == bound(len(machine) + 1, 0) == machine  # alone, or more ranks than cores
    monkeypatch.setattr(os, "cpu_count", lambda: len(machine) + 1)
    assert bound(2, 0) == machine  # something else has restricted the cores
    assert os.sched_getaffinity(0) == machine


def test_a_rank_with_its_own_cores_uses_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[set[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: bound[-1] if bound else set(range(8)), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda process, own: bound.append(set(own)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    convolution = {"generator": nn.Conv2d(1, 1, 3)}
    assert cpu_threads(convolution) == 4
    with launch.own_cores():
        assert bound == [{4, 5, 6, 7}]
        assert cpu_threads(convolution) == 4


def test_an_incomplete_environment_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in launch.NEEDED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BadValue, match="without MASTER_ADDR, MASTER_PORT"), launch.joined("cpu"):
        pass


def test_data_are_compared_by_their_content() -> None:
    one, other = (DataSet("random", {"real": images(seed=seed)}) for seed in (0, 1))
    assert leading.digest(one) == leading.digest(DataSet("elsewhere", {"real": images(seed=0)}))
    assert leading.digest(one) != leading.digest(other)


def test_a_state_is_transferred_unchanged() -> None:
    recipe = recipes.get("cyclegan")
    first = Trainer(recipe, recipe.tiny, example(recipe))
    first.train_step()
    second = Trainer(recipe, recipe.tiny, example(recipe))
    second.load_state_dict(leading.from_bytes(leading.to_bytes(first.state_dict())))
    first.train_step()
    second.train_step()
    assert same_state(first.state_dict(), second.state_dict())
    assert first.digest() == second.digest()


# --- parts of a batch, one after the other ----------------------------------------------------------------------------

SAME_IN_PARTS = {
    "mlp_gan": {"batch_norm": False, "discriminator_steps": 2, "generator_steps": 2, "penalty": "r1"},
    "points": {"batch_norm": False},
    "progan": {"minibatch": "none"},
    "cut": {},
    "pix2pix": {"jitter": 0.2, "norm": "instance"},
}


@pytest.mark.parametrize("name", SAME_IN_PARTS)
def test_accumulated_parts_have_the_gradient_of_the_whole_batch(name: str) -> None:
    data = example(recipes.get(name))
    changes = SAME_IN_PARTS[name]
    parts = trained(name, changes, data, ALONE, Computation(accumulate=2))
    assert compared(parts, trained(name, changes, data, ALONE)) < CLOSE


def test_what_parts_change_is_what_the_table_names() -> None:
    """Batch norm sees a part only; nothing else of the step changes."""
    assert any("batch normalisation" in name for name in equality.PARTS)
    data = example(recipes.get("dcgan"))
    parts = trained("dcgan", {}, data, ALONE, Computation(accumulate=2))
    assert compared(parts, trained("dcgan", {}, data, ALONE)) > CLOSE


def test_accumulation_keeps_no_graph_of_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The generator runs again in its own phase, on the same latents."""
    recipe = recipes.get("mlp_gan")
    counts = []
    for parts in (1, 2):
        trainer = Trainer(recipe, recipe.tiny, example(recipe), "cpu", Computation(accumulate=parts))
        seen: list[int] = []
        trainer.networks["generator"].register_forward_pre_hook(lambda _, given, seen=seen: seen.append(len(given[0])))
        trainer.train_step()
        counts.append(seen)
    batch = recipe.tiny.batch_size
    assert counts == [[batch], [batch // 2] * 4]


# --- blocks that are recomputed, and 16 bits --------------------------------------------------------------------------


def fitting() -> list[str]:
    """One recipe for each kind of networks that has blocks which can be recomputed."""
    found = {}
    for recipe in recipes:
        if recipe.networks not in found and not recipe.pretrained_part:
            networks = recipe.build(recipe.tiny, example(recipe).spec)
            if fits(networks):
                found[recipe.networks] = recipe.name
    return list(found.values())


@pytest.mark.slow
def test_recomputed_blocks_give_the_same_gradients_in_every_recipe() -> None:
    names = fitting()
    assert {"stylegan2", "cyclegan", "esrgan"} <= set(names)
    for name in names:
        data = example(recipes.get(name))
        again = trained(name, {}, data, ALONE, Computation(recompute=True))
        assert compared(again, trained(name, {}, data, ALONE)) < 1e-9, name


def test_recomputed_blocks_run_twice_and_draw_the_same_noise() -> None:
    recipe = recipes.get("stylegan2")
    data = example(recipe)
    again = trained("stylegan2", {}, data, ALONE, Computation(recompute=True))
    assert compared(again, trained("stylegan2", {}, data, ALONE)) < 1e-9
    trainer = Trainer(recipe, recipe.tiny, data, "cpu", Computation(recompute=True))
    block = next(blocks(trainer.networks["discriminator"]))
    first = next(layer for layer in block.modules() if next(layer.parameters(recurse=False), None) is not None)
    passes = []
    first.register_forward_hook(lambda *_: passes.append(torch.is_grad_enabled()))
    trainer.train_step()
    plain = Trainer(recipe, recipe.tiny, data)
    block = next(blocks(plain.networks["discriminator"]))
    first = next(layer for layer in block.modules() if next(layer.parameters(recurse=False), None) is not None)
    once: list[bool] = []
    first.register_forward_hook(lambda *_: once.append(torch.is_grad_enabled()))
    plain.train_step()
    assert len(passes) > len(once) > 0


def test_recomputing_is_refused_where_no_block_fits() -> None:
    recipe = recipes.get("dcgan")
    with pytest.raises(BadValue, match="No block of these networks can be recomputed"):
        Trainer(recipe, recipe.tiny, example(recipe), "cpu", Computation(recompute=True))
    with pytest.raises(BadValue, match="can't be combined with --compile"):
        Computation(compiled=True, recompute=True)


def test_fp16_is_close_and_leaves_out_updates_that_overflow() -> None:
    recipe = recipes.get("mlp_gan")
    half, usual = (Trainer(recipe, recipe.tiny, example(recipe), "cpu", one) for one in (Computation("fp16"), USUAL))
    for trainer in (half, usual):
        trainer.train_step()
    found, expected = half.train_step(), usual.train_step()
    for term, value in expected.terms.items():
        assert float(found.terms[term]) == pytest.approx(float(value), abs=0.03), term
    assert all(float(torch.stack(norms).norm()) > 0 for norms in found.gradients.values())
    scaler = half.scalers["discriminator"]
    assert scaler is not None
    scaler.load_state_dict(scaler.state_dict() | {"scale": 1e30})
    weights = [weight.clone() for weight in half.networks["discriminator"].parameters()]
    result = half.train_step()
    for before, after in zip(weights, half.networks["discriminator"].parameters(), strict=True):
        assert torch.equal(before, after)
    assert float(torch.stack(result.gradients["discriminator"]).norm()) == 0  # no fault is reported
    assert scaler.get_scale() == pytest.approx(5e29)


def test_a_run_in_fp16_continues_from_its_state() -> None:
    recipe = recipes.get("mlp_gan")
    first, second = (Trainer(recipe, recipe.tiny, example(recipe), "cpu", Computation("fp16")) for _ in range(2))
    first.train_step()
    second.load_state_dict(leading.from_bytes(leading.to_bytes(first.state_dict())))
    first.train_step()
    second.train_step()
    assert same_state(first.state_dict(), second.state_dict())


# --- two processes ----------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of two processes, which train the whole registry and two runs: one pair for all tests."""
    folder, port = tmp_path_factory.mktemp("pair"), free_port()
    command = [sys.executable, "-m", "tests.training.rank_pair"]
    here = os.environ | {"OMP_NUM_THREADS": "1"}
    both = [
        subprocess.Popen([*command, str(rank), str(port), str(folder)], cwd=ROOT, env=here, stderr=subprocess.PIPE)
        for rank in (0, 1)
    ]
    errors = [process.communicate(timeout=280)[1].decode() for process in both]
    assert both[0].returncode == 0, errors[0]
    result: dict[str, Any] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return result


@pytest.mark.slow
def test_two_ranks_compute_what_one_process_does(found: dict[str, Any]) -> None:
    assert found["differences"].keys() == set(recipes.names()) | VARIANTS.keys()
    different = {name: value for name, value in found["differences"].items() if not value < CLOSE}
    assert different.keys() == equality.RANKS.keys(), different  # the table equals the results
    assert BATCH == 4


@pytest.mark.slow
def test_a_nan_is_named_with_its_rank(found: dict[str, Any]) -> None:
    """Even though batch norm and the sum of gradients have spread it to both."""
    assert found["nan"][0] == [False, True]


@pytest.mark.slow
def test_ranks_that_differ_are_refused_on_each_of_them(found: dict[str, Any]) -> None:
    first, second = found["refusals"]
    assert first == second
    assert "the weights of rank 1 differ from those of rank 0" in first["weights"]
    assert first["data"].startswith("Rank 1 has another content of the data than rank 0: ")
    assert first["versions"].startswith("Rank 1 has another PyTorch than rank 0: 2.1 instead of 2.0.")
    assert first["same"] == ""
    assert "must be a multiple of 2, which is 2 ranks times 1 accumulated parts, got 5" in first["batch"]


@pytest.mark.slow
def test_a_run_of_two_ranks_is_edited_and_continues_in_one_process(found: dict[str, Any]) -> None:
    assert found["resumed"] < CLOSE
    assert found["started"] == [2, 0]
    assert "must be a multiple of 2" in found["edit"]


@pytest.mark.slow
def test_a_rank_that_ends_ends_the_run_with_its_name(found: dict[str, Any]) -> None:
    state, sentence = found["lost"]
    assert state == "failed"
    assert sentence.startswith("The process of rank 1 has ended. The run can be resumed")
    assert found["after"] == ["stopped", 12]
