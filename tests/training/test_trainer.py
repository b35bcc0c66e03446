"""The trainer's edits and schedules, the recorder, and data order."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_core.checkpoint import load_state, read_checkpoint, same_state, write_checkpoint
from gan_core.data.base import DataSet
from gan_core.data.batches import Batches, Order
from gan_core.errors import BadCheckpoint, BadData, BadValue
from gan_core.gans import recipes
from gan_core.hparams import TrainingHParams
from gan_core.knobs import changed
from gan_core.training.ema import Ema
from gan_core.training.optimizers import rate_factor
from gan_core.training.recorder import Recorder
from gan_core.training.trainer import StepResult, Trainer
from tests.conftest import images


def tiny(**changes: object) -> Trainer:
    recipe = recipes.get("mlp_gan")
    return Trainer(recipe, changed(recipe.tiny, changes), DataSet("random", {"real": images()}))


def test_a_live_edit_keeps_the_moments_and_an_optimizer_edit_starts_fresh() -> None:
    trainer = tiny()
    trainer.train_step()
    trainer.edit(changed(trainer.hparams, {"beta1": 0.3, "generator_rate": 1e-2}))
    assert trainer.optimizers["generator"].state_dict()["state"][0]["step"] == 1
    trainer.train_step()
    assert trainer.optimizers["generator"].param_groups[0]["betas"][0] == 0.3
    assert trainer.optimizers["generator"].param_groups[0]["lr"] == 1e-2
    trainer.edit(changed(trainer.hparams, {"optimizer": "rmsprop"}))
    assert not trainer.optimizers["generator"].state_dict()["state"]
    trainer.train_step()
    with pytest.raises(BadValue, match="latent_size"):
        trainer.edit(changed(trainer.hparams, {"latent_size": 7}))
    assert trainer.hparams.latent_size == 4


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", {0: 1, 100: 1, 200: 1}),
        ("linear", {0: 1, 50: 1, 75: 0.5, 100: 0, 200: 0}),
        ("exponential", {0: 1, 100: 0.25, 200: 0.0625}),
        ("cosine", {0: 1, 50: 0.5, 100: 0, 200: 0}),
    ],
)
def test_rate_schedules(schedule: str, factors: dict[int, float]) -> None:
    hparams = TrainingHParams(schedule=schedule, decay_steps=100, decay_rate=0.25)
    assert {step: rate_factor(hparams, step) for step in factors} == pytest.approx(factors)


def test_every_epoch_shows_every_image_once_and_a_position_can_be_restored() -> None:
    order = Order(10, torch.Generator().manual_seed(0))
    seen = torch.cat([order.take(4) for _ in range(5)])
    assert sorted(seen[:10].tolist()) == sorted(seen[10:].tolist()) == list(range(10))
    assert seen[:10].tolist() != seen[10:].tolist()
    state = order.state_dict()
    following = order.take(13)
    other = Order(10, torch.Generator().manual_seed(99))
    other.load_state_dict(state)
    assert torch.equal(other.take(13), following)


def test_batches_are_scaled_and_a_memory_map_gives_the_same(tmp_path: Path) -> None:
    array = images(30)
    array[0, 0, 0, :2] = 0, 255
    np.save(tmp_path / "set.npy", array)
    in_memory = Batches(DataSet("x", {"real": array}), 0, torch.device("cpu"))
    mapped = Batches(DataSet("x", {"real": np.load(tmp_path / "set.npy", mmap_mode="r")}), 0, torch.device("cpu"))
    assert in_memory.first(1)["real"][0, 0, 0, :2].tolist() == pytest.approx([-1, 1])
    for _ in range(4):
        assert torch.equal(in_memory.next(9)["real"], mapped.next(9)["real"])


@pytest.mark.parametrize(
    ("low", "high", "kind", "found"),
    [
        (0, 255, "float32", "float32 from 0 to 255"),
        (-2, 3.1, "float64", "float64 from -2 to 3.1"),
        (0, 65_535, "uint16", "uint16 from 0 to 65535"),
        (np.nan, np.nan, "float32", "float32 from nan to nan"),
    ],
)
def test_pictures_in_another_range_are_refused(low: float, high: float, kind: str, found: str) -> None:
    array = np.linspace(low, high, 64).reshape(1, 1, 8, 8).astype(kind)
    valid = "Images must be uint8 from 0 to 255, or float32 from -1 (black) to 1 (white)."
    with pytest.raises(BadData) as caught:
        Batches(DataSet("x", {"real": array}), 0, torch.device("cpu"))
    assert str(caught.value) == f"'real' holds {found}. {valid}"


def test_arrays_of_other_names_may_hold_anything() -> None:
    arrays = {"real": images(4), "depth": np.full((4, 1, 8, 8), 5.0, np.float32), "mask": np.ones((4, 1, 8, 8), bool)}
    batch = Trainer(recipes.get("dcgan"), recipes.get("dcgan").tiny, DataSet("x", arrays)).batches.first(4)
    assert float(batch["depth"].max()) == 5
    assert batch["mask"].dtype == torch.bool


def test_pictures_as_floats_are_taken_as_they_are() -> None:
    array = images(4).astype(np.float32) / 127.5 - 1
    assert torch.equal(Batches(DataSet("x", {"real": array}), 0, torch.device("cpu")).first(4)["real"],
                       torch.from_numpy(array))  # fmt: skip
    with pytest.warns(UserWarning, match="rescale them by 2 \\* x - 1"):
        Batches(DataSet("x", {"real": (array + 1) / 2}), 0, torch.device("cpu"))


def test_unpaired_domains_have_orders_of_their_own() -> None:
    data = DataSet("x", {"a": images(12), "b": images(12)}, unpaired=True)
    batch = Batches(data, 0, torch.device("cpu")).next(12)
    assert not torch.equal(batch["a"], batch["b"])
    assert torch.equal(batch["a"].sum(), batch["b"].sum())


def test_the_average_follows_the_definition() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(network.weight, 0.0)
    ema = Ema({"generator": network}, ("generator",))
    torch.nn.init.constant_(network.weight, 1.0)
    ema.update(0.9)  # memory min(0.9, 2/11)
    assert float(ema.networks["generator"].weight) == pytest.approx(1 - 2 / 11)
    ema.update(0.1)
    assert float(ema.networks["generator"].weight) == pytest.approx(1 - 2 / 11 * 0.1)
    ema.update(0.0)  # no averaging
    assert float(ema.networks["generator"].weight) == 1.0
    assert not ema.networks["generator"].training


def test_the_recorder_computes_what_single_steps_would_give() -> None:
    trainer, recorder = tiny(penalty="r1", penalty_every=2), Recorder()
    results = [trainer.train_step() for _ in range(4)]
    for result in results:
        recorder.add(result)
    metrics, fault = recorder.drain(trainer.objective, trainer.hparams, 12.5)
    assert fault is None
    assert len(recorder) == 0
    assert metrics.steps.tolist() == [1, 2, 3, 4]
    for place, result in enumerate(results):
        real, fake = result.observed["real"], result.observed["fake_before"]
        assert metrics.columns["score/real"][place] == pytest.approx(float(real.sigmoid().mean()))
        accuracy = (float((real > 0).float().mean()) + float((fake <= 0).float().mean())) / 2
        assert metrics.columns["accuracy"][place] == pytest.approx(accuracy)
        norm = math.sqrt(sum(float(part) ** 2 for part in result.gradients["generator"]))
        assert metrics.columns["gradient_norm/generator"][place] == pytest.approx(norm, rel=1e-5)
    assert np.isnan(metrics.columns["penalty/loss"]).tolist() == [False, True, False, True]


def test_the_first_term_that_is_not_finite_is_named() -> None:
    recorder = Recorder()
    for step, value in ((1, 1.0), (2, math.inf), (3, math.nan)):
        terms = {"generator/adversarial": torch.tensor(value), "generator/loss": torch.tensor(value)}
        recorder.add(StepResult(step, terms))
    _, fault = recorder.drain(tiny().objective, tiny().hparams, 0.0)
    assert fault is not None
    assert (fault.step, fault.term, fault.value) == (2, "generator/adversarial", math.inf)


def test_a_broken_value_is_distinguished_from_a_player_that_did_not_train() -> None:
    trainer, recorder = tiny(), Recorder()
    for only in (None, "discriminator", "discriminator", "generator"):
        recorder.add(trainer.train_step(only))
    weight = next(trainer.networks["generator"].parameters())
    with torch.no_grad():
        weight.fill_(math.nan)
    recorder.add(trainer.train_step())
    metrics, fault = recorder.drain(trainer.objective, trainer.hparams, 1.0)
    assert metrics.measured("generator/loss").tolist() == [True, False, False, True, True]
    assert metrics.measured("gradient_norm/discriminator").tolist() == [True, True, True, False, True]
    for name in ("generator/loss", "discriminator/loss", "gradient_norm/generator", "score/fake_before"):
        assert metrics.faults(name).tolist() == [False] * 4 + [True], name
    assert not metrics.faults("score/real").any()
    assert fault is not None
    assert fault.step == 5


def test_a_nan_gradient_is_a_fault_before_the_loss_is() -> None:
    recorder, norm = Recorder(), (torch.tensor(1.0), torch.tensor(math.nan))
    terms = {"generator/adversarial": torch.tensor(1.0), "generator/loss": torch.tensor(1.0)}
    recorder.add(StepResult(1, dict(terms), gradients={"generator": (torch.tensor(1.0),) * 2}))
    recorder.add(StepResult(2, dict(terms), gradients={"generator": norm}))
    recorder.add(StepResult(3, {}, gradients={"discriminator": (torch.tensor(1.0),)}))
    _, fault = recorder.drain(tiny().objective, tiny().hparams, 0.0)
    assert fault is not None
    assert (fault.step, fault.term, fault.of_gradient) == (2, "gradient_norm/generator", True)


def test_foreign_and_damaged_checkpoints_are_refused(tmp_path: Path) -> None:
    trainer = tiny()
    path = tmp_path / "state.safetensors"
    write_checkpoint(path, trainer.state_dict())
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(BadCheckpoint, match="not a GANscope checkpoint"):
        read_checkpoint(path)
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(BadCheckpoint, match="never pickles"):
        read_checkpoint(path)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(BadCheckpoint, match=r"Valid: ganscope\.checkpoint\.1"):
        read_checkpoint(path)
    path.write_bytes(whole)
    wider = tiny(generator_widths=(9,))
    before = {name: value.clone() for name, value in wider.networks["generator"].state_dict().items()}
    with pytest.raises(
        BadCheckpoint, match=r"generator\.layers\.0\.weight is of shape \(8, 4\) in the weights and of shape \(9, 4\)"
    ):
        load_state(wider, read_checkpoint(path))
    assert same_state(before, dict(wider.networks["generator"].state_dict()))
    with pytest.raises(BadCheckpoint, match="missing"):
        read_checkpoint(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("name", ["cgan", "acgan", "feature_net"])
def test_differences_of_the_data_are_reported_and_the_same_layer_each_time(name: str) -> None:
    def trainer(classes: int, channels: int = 1) -> Trainer:
        pictures = np.random.default_rng(0).integers(0, 256, (24, channels, 8, 8)).astype(np.uint8)
        arrays = {"real": pictures, "label": np.arange(24) % classes}
        recipe = recipes.get(name)
        return Trainer(recipe, recipe.tiny, DataSet("made", arrays, tuple("abcd"[:classes])))

    def refused(other: Trainer) -> str:
        state = three.state_dict() | {"spec": three.spec.to_state()}
        state["networks"] = dict(sorted(state["networks"].items(), key=lambda _: random.random()))
        with pytest.raises(BadCheckpoint) as error:
            load_state(other, state)
        return str(error.value)

    three = trainer(3)
    said = {refused(trainer(4)) for _ in range(3)}
    assert len(said) == 1
    assert re.match(r"These weights are for data with 3 classes, but the data have 4: \w+\.\S+ is of shape", *said)
    assert "for images with 1 channels, but the data have 3" in refused(trainer(3, 3))
    del three.networks["discriminator" if name != "feature_net" else "features"]
    assert "is missing in the weights" in refused(trainer(3))


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_trainers_sampler_draws_from_its_present_weights_and_changes_nothing(ema: float) -> None:
    trainer, other = tiny(ema=ema, batch_norm=True), tiny(ema=ema, batch_norm=True)
    first = trainer.sampler().sample(4, seed=0)
    for _ in range(2):
        trainer.train_step()
        other.train_step()
        trainer.sampler().sample(4, seed=0)
    assert trainer.digest() == other.digest()
    drawn = trainer.sampler().sample(4, seed=0)
    assert drawn.shape == (4, *trainer.spec.shape)
    assert not torch.equal(drawn, first)
    if not ema:
        live = trainer.networks["generator"].eval()
        latents = trainer.sampler().latents(4, 0)[0]
        assert torch.equal(drawn, trainer.recipe.draw({"generator": live}, trainer.hparams, latents, None))


def test_what_a_notebook_shows_is_short() -> None:
    data = DataSet("random", {"real": images()})
    assert repr(data) == f"DataSet(random: real uint8 {images().shape})"
    trainer = tiny()
    assert re.fullmatch(
        r"StepResult\(step=1, discriminator/real=[\d.]+, .*generator/loss=[\d.]+\)", repr(trainer.train_step())
    )
    assert repr(trainer) == "Trainer(mlp_gan, step=1, images_seen=4)"
    assert repr(trainer.sampler()) == "Sampler(mlp_gan: images, real (1, 8, 8))"
    assert repr(trainer.recipe) == "Recipe(mlp_gan: MLP GAN, images, 1406.2661)"
    assert repr(recipes).startswith("Registry(recipe: vae, ")


def test_arrays_of_no_known_kind_are_refused() -> None:
    recipe = recipes.get("mlp_gan")
    with pytest.raises(BadData, match=r"has the arrays pictures. Valid: images \(real\), .*paired \(source, target\)"):
        Trainer(recipe, recipe.tiny, DataSet("random", {"pictures": images()}))


LABELS = np.arange(24) % 3
REFUSED: dict[str, tuple[dict[str, np.ndarray], tuple[str, ...], str]] = {
    "floats": ({"real": images().astype(np.float32) / 255}, (), r"'real' .* uint8 .* 0 to 255, got float32 \(24, 1, 8"),
    "channels last": (
        {"real": images(channels=3).transpose(0, 2, 3, 1)},
        (),
        r"1 or 3, H, H.* got uint8 \(24, 8, 8, 3",
    ),
    "oblong": ({"real": images(size=16)[..., :8]}, (), r"\(24, 1, 16, 8\)"),
    "doubles": ({"real": np.zeros((24, 2))}, (), r"must be a NumPy array of float32, got float64 \(24, 2\)"),
    "short labels": ({"real": images(), "label": LABELS.astype(np.int32)}, ("a", "b", "c"), "'label' .* int64"),
    "empty": ({"real": images(0)}, (), "mine has no items"),
    "unequal": ({"real": images(), "label": LABELS[:9]}, ("a", "b", "c"), "equally many items, got real 24, label 9"),
    "unnamed": ({"real": images(), "label": LABELS}, (), "below their count of 0, got 0 to 2"),
    "beyond": ({"real": images(), "label": LABELS}, ("a", "b"), "below their count of 2, got 0 to 2"),
    "unlabelled": ({"real": images()}, ("a", "b"), "got none"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_arrays_that_are_not_as_described_are_refused(case: str) -> None:
    arrays, names, reason = REFUSED[case]
    recipe = recipes.get("points" if case == "doubles" else "mlp_gan")
    with pytest.raises(BadData, match=reason):
        Trainer(recipe, recipe.tiny, DataSet("mine", arrays, names))


def test_settings_of_another_recipe_are_refused() -> None:
    recipe, data = recipes.get("mlp_gan"), DataSet("random", {"real": images()})
    for settings in (recipes.get("dcgan").tiny, {"loss": "hinge"}):
        with pytest.raises(TypeError, match=r"settings of mlp_gan are made by its recipe, as recipe.settings\(\{"):
            Trainer(recipe, settings, data)  # type: ignore[arg-type]
    assert recipe.settings() == recipe.hparams


def test_a_step_of_an_unknown_player_is_refused() -> None:
    trainer = tiny()
    with pytest.raises(BadValue, match=r"Unknown role 'G'\. Valid: generator, discriminator"):
        trainer.train_step(only="G")
    assert trainer.step == 0
