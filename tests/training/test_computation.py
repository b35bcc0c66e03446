"""bfloat16: close to the usual numbers, exact where second derivatives are taken, resumable. Compiled networks."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils._pytree import tree_leaves

from gan_core.checkpoint import same_state
from gan_core.errors import BadValue
from gan_core.gans import clip, recipes
from gan_core.knobs import changed, to_dict
from gan_core.layers.gaussian import Gaussian
from gan_core.objectives.supervised import Supervised
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunStore
from gan_core.training import computation as computing
from gan_core.training import session as sessions
from gan_core.training.choosing import speedup
from gan_core.training.computation import AUTO, WORTH, Computation, asked_for
from gan_core.training.probe import bf16_speedup
from gan_core.training.session import Session
from gan_core.training.trainer import Trainer
from tests.conftest import example

LOW = Computation("bf16")


def trainer(name: str, computation: Computation, **changes: object) -> Trainer:
    recipe = recipes.get(name)
    return Trainer(recipe, changed(recipe.tiny, changes), example(recipe), "cpu", computation)


def types(running: Trainer, network: str = "discriminator") -> set[torch.dtype]:
    """The types that the last convolutions or linear layers of a network gave in a step."""
    seen: set[torch.dtype] = set()

    def look(layer: nn.Module, inputs: object, output: Tensor) -> None:
        seen.add(output.dtype)

    for layer in running.networks[network].modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            layer.register_forward_hook(look)
    running.train_step()
    return seen


@pytest.mark.parametrize("name", ["mlp_gan", "sngan", "acgan", "lightweight_gan", "feature_net", "progan", "cyclegan"])
def test_bf16_is_close_to_full_precision(name: str) -> None:
    close = 0.3 if name == "cyclegan" else 0.03  # its cycle terms are weighted by 10
    results = []
    for computation in (Computation(), LOW):
        running = trainer(name, computation)
        running.train_step()
        results.append(running.train_step())
    usual, low = results
    assert usual.terms.keys() == low.terms.keys()
    for term, value in low.terms.items():
        assert value.dtype == torch.float32
        assert float(value) == pytest.approx(float(usual.terms[term]), abs=close), term
    assert any(float(low.terms[term]) != float(usual.terms[term]) for term in low.terms)


def test_networks_alone_compute_in_bf16() -> None:
    running = trainer("mlp_gan", LOW)
    assert types(running) == {torch.bfloat16}
    weights = [weight for network in running.networks.values() for weight in network.parameters()]
    assert {weight.dtype for weight in weights} == {torch.float32}
    assert all(weight.grad is None or weight.grad.dtype == torch.float32 for weight in weights)


@pytest.mark.parametrize("name", ["lapgan", "munit", "pix2pixhd", "stackgan", "worldgan"])
def test_objectives_compute_from_outputs_in_full_precision(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also from those in lists, and from those of methods such as an autoencoder's `decode`."""
    given: list[torch.dtype] = []
    convert = computing.single

    def watched(outputs: object) -> object:
        found = convert(outputs)
        given.extend(leaf.dtype for leaf in tree_leaves(found) if isinstance(leaf, Tensor))
        return found

    monkeypatch.setattr(computing, "single", watched)
    trainer(name, LOW).train_step()
    assert set(given) == {torch.float32}


def test_methods_of_networks_compute_in_bf16() -> None:
    assert types(trainer("munit", LOW), "generator_a") == {torch.bfloat16}
    plain, called = trainer("munit", Computation()), trainer("munit", LOW).computed["generator_a"]
    images = torch.zeros(2, *plain.spec.fields["a"])
    made = called.decode(called.content(images), called.style(images))  # type: ignore[operator]
    assert made.dtype == torch.float32
    assert not torch.equal(made, plain.networks["generator_a"](images))


def test_attention_of_sentences_stays_in_float32_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bfloat16 its gradient is nine times as slow there."""
    given: list[torch.dtype] = []

    def attention(queries: Tensor, keys: Tensor, values: Tensor, attn_mask: Tensor) -> Tensor:
        found = scaled_dot_product_attention(queries, keys, values, attn_mask=attn_mask)
        given.append(found.dtype)
        return found

    monkeypatch.setattr(clip, "scaled_dot_product_attention", attention)
    assert torch.bfloat16 in types(trainer("clip", LOW), "clip")
    assert set(given) == {torch.float32}


def test_named_tuples_stay_named() -> None:
    found = computing.single([Gaussian(torch.zeros(2).bfloat16(), torch.zeros(2))])
    assert isinstance(found[0], Gaussian)
    assert found[0].mean.dtype == torch.float32


def test_second_derivatives_are_taken_in_full_precision() -> None:
    penalised = {"penalty": "r1", "penalty_every": 1}
    running = trainer("mlp_gan", LOW, **penalised)
    assert types(running) == {torch.float32, torch.bfloat16}  # of its own phase and of the generator's
    phases = {phase.name: phase.exact for phase in running.phases}
    assert phases == {"discriminator": True, "generator": False}
    lazy = {phase.name: phase.exact for phase in trainer("mlp_gan", LOW, penalty="r1", penalty_every=4).phases}
    assert lazy == {"discriminator": False, "penalty": True, "generator": False}
    unrolled = {phase.name: phase.exact for phase in trainer("unrolled_gan", LOW).phases}
    assert unrolled["generator"]
    style = {phase.name: phase.exact for phase in trainer("stylegan2", LOW).phases}
    assert style["path_length"]
    assert not style["generator"]
    assert not any(phase.exact for phase in Supervised().phases(recipes.get("feature_net").tiny))
    # the same numbers as without bf16 in the first step, where the phase is exact
    usual, low = (trainer("mlp_gan", one, **penalised).train_step() for one in (Computation(), LOW))
    assert float(usual.terms["discriminator/penalty"]) == float(low.terms["discriminator/penalty"])


def test_a_run_continues_from_its_state() -> None:
    first = trainer("sngan", LOW)
    for _ in range(2):
        first.train_step()
    second, usual = trainer("sngan", LOW), trainer("sngan", Computation())
    for running in (second, usual):
        running.load_state_dict(copy.deepcopy(first.state_dict()))
    for running in (first, second, usual):
        running.train_step()
    assert same_state(first.state_dict(), second.state_dict())  # bit for bit
    assert not same_state(first.state_dict(), usual.state_dict())  # in another precision, but it continues


def test_bf16_is_used_where_a_trial_finds_it_quicker() -> None:
    """Either outcome of this machine's measurement is possible: the consequence is checked, not the speed."""
    if bf16_speedup("cpu") >= WORTH:
        assert asked_for("bf16", "cpu") == LOW
        assert asked_for("auto", "cpu") == Computation(AUTO)
    else:
        assert asked_for("auto", "cpu") == Computation()
        with pytest.raises(BadValue, match="would not speed up training on cpu"):
            asked_for("bf16", "cpu")


def test_bf16_is_refused_where_it_does_not_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computing, "bf16_speedup", lambda device: 0.01)
    with pytest.raises(BadValue, match=r"run at 0\.01 times their float32 speed"):
        asked_for("bf16", "cpu")
    assert asked_for("auto", "cpu") == asked_for("fp32", "cpu") == Computation()
    monkeypatch.setattr(computing, "bf16_speedup", lambda device: 2.0)
    assert (asked_for("auto", "cpu"), asked_for("bf16", "cpu")) == (Computation(AUTO), LOW)
    with pytest.raises(BadValue, match=r"Unknown precision 'fp8'\. Valid: fp32, bf16, fp16, auto"):
        asked_for("fp8", "cuda")


def test_the_trials_take_no_numbers_from_the_global_generator() -> None:
    before = torch.random.get_rng_state()
    bf16_speedup.cache_clear()
    bf16_speedup("cpu")
    recipe = recipes.get("mlp_gan")
    assert 0 < speedup(recipe, recipe.tiny, example(recipe), "cpu") < 100
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(("ratio", "precision"), [(0.0, "fp32"), (1000.0, "bf16")])
def test_a_session_chooses_by_steps_of_its_own_run(
    ratio: float, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moves the bound, so that both outcomes are tested on any machine."""
    monkeypatch.setattr(sessions, "WORTH", 1 / ratio if ratio else 1000.0)
    store = RunStore(tmp_path)
    recipe = recipes.get("mlp_gan")
    run = store.create(RunSpec("mlp_gan", "digits", 8, 3, to_dict(recipe.tiny)))
    session = Session(store, run.id, computation=Computation(AUTO)).start()
    assert session.join(60)
    (started,) = [event.payload for event in store.events(run.id) if event.kind == "started"]
    assert session.computation == Computation(precision)
    assert started.get("precision", "fp32") == precision
    assert started["bf16_speedup"] == round(session.speedup, 2) > 0


def test_a_trainer_is_not_asked_to_choose() -> None:
    with pytest.raises(ValueError, match=r"training\.choosing"):
        trainer("mlp_gan", Computation(AUTO))


def learn_compiled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced as for a real compiler, and run as traced: the numbers are those of the plain networks."""
    traced: list[torch.fx.GraphModule] = []

    def as_traced(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., object]:
        traced.append(graph)
        return graph.forward

    torch.compiler.reset()
    monkeypatch.setattr(computing, "compile_network", lambda network: torch.compile(network, backend=as_traced))
    usual, compiled = trainer(name, Computation()), trainer(name, Computation(compiled=True))
    for _ in range(3):
        expected, found = usual.train_step(), compiled.train_step()
        for term, value in expected.terms.items():
            assert float(found.terms[term]) == pytest.approx(float(value), rel=1e-4, abs=1e-5), term
    # all phases but the exact ones use the compiled networks
    assert bool(traced) == any(not phase.exact for phase in compiled.phases)


# of torch's own making, while it traces
TRACED = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")


@TRACED
@pytest.mark.parametrize("name", ["mlp_gan", "gan_feature_matching", "progan", "feature_net", "unrolled_gan"])
def test_compiled_networks_learn_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    learn_compiled(name, monkeypatch)


@TRACED
@pytest.mark.release
@pytest.mark.parametrize("name", {recipe.networks: recipe.name for recipe in recipes}.values())
def test_every_recipes_networks_can_be_compiled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    learn_compiled(name, monkeypatch)


@pytest.mark.slow
def test_a_compiled_run_learns_and_a_missing_compiler_is_reported(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gan_core", "train", "mlp_gan", "--data", "digits", "--size", "8", "--steps", "5"]
    command += ["--compile", "--set", "generator_widths=8", "--set", "discriminator_widths=8", "--json"]
    here = os.environ | {"GANSCOPE_HOME": str(tmp_path), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "made")}
    done = subprocess.run(command, env=here, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert '"state": "finished"' in done.stdout
    lost = subprocess.run(command, env=here | {"CXX": "/nowhere/g++"}, capture_output=True, text=True, timeout=300)
    assert lost.returncode == 2
    assert "torch.compile doesn't work on cpu" in lost.stderr
    assert "Leave out --compile." in lost.stderr
    assert "Traceback" not in lost.stderr
