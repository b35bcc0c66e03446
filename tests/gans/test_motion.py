"""MoCoGAN, the world model and GAIL: the effect of their inputs, refusals, and that GAIL learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_core import data
from gan_core.data import games
from gan_core.data.base import DataSet, DataSpec
from gan_core.data.environments import ACROBOT, CARTPOLE
from gan_core.data.sets.demonstrations import demonstrations
from gan_core.errors import BadData, BadValue
from gan_core.gans import recipes
from gan_core.gans.gail import PairDiscriminator
from gan_core.gans.mocogan import FilmGenerator, MocoganHParams, RandomFrame, moved_layer
from gan_core.gans.worldgan import World, WorldHParams, true_starts
from gan_core.knobs import changed
from gan_core.metrics import drift, imitation, motion
from gan_core.models.sampler import Sampler
from gan_core.objectives.imitation import advantages, rewards, roll_out
from gan_core.training.trainer import Trainer
from tests.conftest import example

MOCOGAN, WORLD, GAIL = (recipes.get(name) for name in ("mocogan", "worldgan", "gail"))


def test_content_is_the_same_for_all_frames_and_motion_is_made_in_turn() -> None:
    hparams = MOCOGAN.tiny
    assert isinstance(hparams, MocoganHParams)
    generator = FilmGenerator((1, 4, 8, 8), hparams).eval()
    latents = torch.randn(2, hparams.latent_size)
    later = latents.clone()
    later[:, -hparams.motion_size :] += 1  # the last frame's noise
    one, other = generator(latents), generator(later)
    assert torch.equal(one[:, :, :3], other[:, :, :3])
    assert not torch.equal(one[:, :, 3], other[:, :, 3])
    changed_content = latents.clone()
    changed_content[:, : generator.content] += 1
    apart = (generator(changed_content) - one).abs().amax((1, 3, 4))
    assert (apart > 0).all()  # in every frame


def test_a_layer_is_moved_to_its_place() -> None:
    pictures = torch.rand(2, 3, 4, 4) * 2 - 1
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [0.0, 1.0], [-0.75, 0.0]])  # x first
    frames = moved_layer(pictures, corners.expand(2, -1, -1))
    assert frames.shape == (2, 4, 3, 8, 8)
    expected = torch.full_like(frames, -1)
    for moment, (across, down) in enumerate([(0, 0), (4, 0), (2, 4)]):  # pixels from the left and upper edges
        expected[:, moment, :, down : down + 4, across : across + 4] = pictures
    torch.testing.assert_close(frames[:, :3], expected[:, :3])
    between = (pictures[..., 1:] + pictures[..., :-1]) / 2  # half a pixel from the left edge
    torch.testing.assert_close(frames[:, 3, :, 2:6, 1:4], between)


def test_one_moving_layer_stays_the_same() -> None:
    hparams = changed(MOCOGAN.tiny, {"layer": True})
    assert isinstance(hparams, MocoganHParams)
    generator = FilmGenerator((1, 4, 16, 16), hparams).eval()
    latents = torch.randn(2, hparams.latent_size)
    one = generator(latents)
    later = latents.clone()
    later[:, -hparams.motion_size :] += 1  # the last frame's noise
    other = generator(later)
    assert torch.equal(one[:, :, :3], other[:, :, :3])
    assert not torch.equal(one[:, :, 3], other[:, :, 3])
    total = (one + 1).sum((1, 3, 4))  # of each frame: nothing leaves the frame
    torch.testing.assert_close(total, total[:, :1].expand_as(total))
    Trainer(MOCOGAN, hparams, DataSet("films", {"frames": np.zeros((4, 1, 4, 16, 16), np.uint8)})).train_step()
    with pytest.raises(BadValue, match="films of these sizes: 16, 32, 56, 64, 112, 128; got 8"):
        FilmGenerator((1, 4, 8, 8), hparams)


def test_one_frame_of_each_film_is_judged_by_itself() -> None:
    layer = RandomFrame()
    films = torch.arange(5.0).reshape(1, 1, 5, 1, 1).expand(200, 1, 5, 2, 2)
    layer.generator = torch.Generator().manual_seed(0)
    seen = layer(films)[:, 0, 0, 0]
    assert set(seen.tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert (layer.eval()(films) == 2).all()


@pytest.mark.parametrize("recipe", [MOCOGAN, WORLD], ids=lambda recipe: recipe.name)
def test_a_film_of_one_frame_is_refused(recipe: object) -> None:
    frames = np.zeros((8, 3, 1, 8, 8), np.uint8)
    still = DataSet("still", {"frames": frames, "action": np.zeros((8, 1), np.int64)})
    with pytest.raises(BadData, match="films of at least 2 frames, and these have 1"):
        Trainer(recipe, recipe.tiny, still)  # type: ignore[attr-defined, arg-type]


def test_what_does_not_fit_the_films_is_refused() -> None:
    spec = DataSpec({"frames": (3, 4, 8, 8)})
    with pytest.raises(BadValue, match="must be above 8, which is 4 frames times 2 dimensions of motion, got 8"):
        MOCOGAN.build(changed(MOCOGAN.tiny, {"latent_size": 8}), spec)
    with pytest.raises(BadData, match="films in colour with the player's actions, such as paddle_game"):
        WORLD.build(WORLD.tiny, spec)
    with pytest.raises(BadData, match="5 frames ahead need films of at least 7 frames, and these have 4"):
        WORLD.build(changed(WORLD.tiny, {"ahead": 5}), example(WORLD).spec)
    with pytest.raises(BadData, match="needs films, but this data set contains images"):
        MOCOGAN.check_data(DataSpec({"real": (1, 8, 8)}))


# --- the game --------------------------------------------------------------------------------------------------------


def test_a_window_of_a_film_is_given_with_its_keys() -> None:
    trainer = Trainer(WORLD, WORLD.tiny, data.load("test:paddle_game"))
    batch = trainer.next_batch(None)
    hparams = WORLD.tiny
    assert isinstance(hparams, WorldHParams)
    frames = 2 + hparams.ahead
    assert batch["real"].shape == (4, frames * 3 + hparams.ahead, 32, 32)
    window = batch["real"][:, : frames * 3].unflatten(1, (frames, 3))
    for ahead in range(hparams.ahead):
        before, after = (
            games.seen(((window[:, 1 + ahead + later] + 1) * 127.5).round().byte().numpy())[1] for later in (0, 1)
        )
        moved = after - before
        wanted = (batch["pressed"][:, ahead].numpy() - 1) * games.SPEED
        free = (before > 8) & (before < 24) & (np.abs(moved) < 3)  # not at a wall, not behind the ball
        np.testing.assert_allclose(moved[free], wanted[free], atol=0.7)


def test_a_dream_and_the_truth_get_the_same_keys() -> None:
    spec = data.source("paddle_game").spec(32)
    sampler = Sampler(WORLD, WORLD.tiny, spec, {"generator": World(spec.shape, WORLD.tiny).eval()})  # type: ignore[arg-type]
    dream = drift.begin(sampler, 5, 0)
    assert max(np.nanmax(off) for off in dream.off()) < 0.5  # the last given frame is a true one
    for action in (2, 2, 0):
        dream = drift.step(sampler, dream, np.full(5, action))
    assert dream.frame == 3
    assert dream.picture.shape == (5, 3, 32, 32)
    found = drift.measure(sampler, (1, 3), 4)
    assert [one.frame for one in found] == [1, 3]
    assert true_starts(8).shape == (64, 6, 8, 8)


def test_a_sample_is_played_from_a_true_start() -> None:
    spec = example(WORLD).spec
    sampler = Sampler(WORLD, WORLD.tiny, spec, WORLD.build(WORLD.tiny, spec))
    films = sampler.sample(3, seed=1)
    assert films.shape == (3, *spec.shape)
    starts = torch.from_numpy(true_starts(8))
    for film in films:
        given = film[:, :2].transpose(0, 1).flatten(0, 1)  # (C, 2, H, W) -> (2 C, H, W)
        assert (starts - given).abs().amax((1, 2, 3)).min() == 0


# --- motion, measured ------------------------------------------------------------------------------------------------


def test_statistics_of_a_known_motion() -> None:
    films = np.zeros((2, 1, 6, 16, 16), np.uint8)
    for frame in range(6):
        films[0, 0, frame, 3, 2 * frame : 2 * frame + 2] = 255  # two pixels per frame, straight ahead
        films[1, 0, frame, 8, 8 + 2 * (frame % 2)] = 255  # to and fro
    straight, shaken = motion.moving(films[:1]), motion.moving(films[1:])
    assert straight == motion.Moving(2.0, 0.0, pytest.approx(1.0), pytest.approx(0.0))
    assert (shaken.speed, shaken.straight, shaken.jerk) == (2.0, pytest.approx(-1.0), pytest.approx(2.0))
    assert motion.kept(films, lambda frames: (frames.sum((1, 2, 3)) > 300).astype(int)).tolist() == [1.0, 1.0]
    classes = np.array([0, 0, 0, 1, 2, 0, 1, 1, 1, 1, 1, 0])
    np.testing.assert_allclose(motion.kept(films, lambda frames: classes), [4 / 6, 5 / 6])
    assert motion.majority(films, lambda frames: classes).tolist() == [0, 1]


# --- imitation -------------------------------------------------------------------------------------------------------


def test_forms_of_the_reward_have_their_signs() -> None:
    logits = torch.tensor([-2.0, 0.0, 2.0])
    d = logits.sigmoid()
    torch.testing.assert_close(rewards(logits, "positive"), -(1 - d).log())
    torch.testing.assert_close(rewards(logits, "negative"), d.log())
    torch.testing.assert_close(rewards(logits, "balanced"), d.log() - (1 - d).log())
    assert (rewards(logits, "positive") > 0).all()
    assert (rewards(logits, "negative") < 0).all()


def test_advantages_by_hand() -> None:
    reward, values = torch.tensor([[1.0, 2.0, 0.0]]), torch.tensor([[0.5, 1.0, 9.0]])
    mask, ended = torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([[0.0, 1.0, 0.0]])
    # errors: 1 + 0.9 * 1 - 0.5 = 1.4 and 2 - 1 = 1; 1.4 + 0.9 * 0.5 * 1 = 1.85
    found = advantages(reward, values, mask, ended, 0.9, 0.5)
    torch.testing.assert_close(found, torch.tensor([[1.85, 1.0, 0.0]]))
    cut = advantages(reward, values, mask, torch.zeros(1, 3), 0.9, 0.5)  # not ended: 2 + 0.9 * 9 - 1
    torch.testing.assert_close(cut[0, 1], torch.tensor(9.1))


def test_actions_are_drawn_as_the_policy_says_and_from_given_numbers_alone() -> None:
    def policy(seen: torch.Tensor) -> torch.Tensor:
        return torch.tensor([0.75, 0.25]).log().expand(len(seen), 2)

    starts = torch.rand(40, 4, generator=torch.Generator().manual_seed(0))
    choices = torch.rand(40, 12, generator=torch.Generator().manual_seed(1))
    made = roll_out(policy, CARTPOLE, starts, choices, 12)
    torch.randn(3)
    again = roll_out(policy, CARTPOLE, starts, choices, 12)
    assert torch.equal(made.seen, again.seen)
    taken = made.actions[made.mask > 0]
    assert float((taken == 0).float().mean()) == pytest.approx(0.75, abs=0.05)
    torch.testing.assert_close(made.log_probabilities[made.mask > 0].exp(), torch.where(taken == 0, 0.75, 0.25))
    assert torch.equal(made.mask.sum(1).long(), made.lengths)


def test_only_every_nth_pair_is_learnt_from() -> None:
    hparams = changed(GAIL.tiny, {"method": "cloning", "every": 3})
    trainer = Trainer(GAIL, hparams, example(GAIL))
    assert [phase.name for phase in trainer.phases] == ["policy"]
    shown = trainer.objective._shown({"action": torch.tensor([[0, 1, 0, -1, -1]])}, 3, False)  # type: ignore[operator]
    assert shown.tolist() == [[1, 0, 0, 0, 0]]
    before = trainer.networks["discriminator"].state_dict()
    trainer.train_step()
    assert all(
        torch.equal(value, before[name]) for name, value in trainer.networks["discriminator"].state_dict().items()
    )


def test_a_step_is_judged_with_its_action() -> None:
    judge = PairDiscriminator(CARTPOLE, (4,))
    seen = torch.zeros(2, 4)
    logits = judge(seen, torch.tensor([0, 1]))
    assert logits.shape == (2,)
    assert logits[0] != logits[1]
    over = judge(torch.randn(3, 4), torch.full((3,), -1))
    assert (over == over[0]).all()  # the last observation says nothing about an end


def test_episodes_of_all_players_are_judged() -> None:
    spec = data.source("cartpole_expert").spec(4)
    sampler = Sampler(GAIL, GAIL.tiny, spec, GAIL.build(GAIL.tiny, spec))
    for player in imitation.players(sampler).values():
        one = imitation.episode(sampler, player, seed=3, horizon=20)
        assert len(one.actions) == len(one.reward) == one.worth
    assert imitation.score(CARTPOLE, CARTPOLE.expert, 2, horizon=30) == imitation.Score(30.0, 0.0, 1.0)


def test_the_expert_is_the_one_of_the_data() -> None:
    spec = data.source("acrobot_idle").spec(6)
    sampler = Sampler(GAIL, GAIL.tiny, spec, GAIL.build(GAIL.tiny, spec))
    seen = np.ones((3, 6), np.float32)
    assert (imitation.players(sampler, data="acrobot_idle")["expert"](seen) == ACROBOT.idle).all()
    assert (imitation.players(sampler, data="acrobot_expert")["expert"](seen) != ACROBOT.idle).all()


@pytest.mark.slow
def test_gail_balances_a_pole_from_four_demonstrations() -> None:
    """Random policies last about 22 steps of CartPole, and the environment's reward is never seen."""
    arrays = demonstrations(CARTPOLE, CARTPOLE.expert, 4)
    hparams = GAIL.settings({"batch_size": 4, "every": 20})
    trainer = Trainer(GAIL, hparams, DataSet("four", arrays))
    best = 0.0
    for _ in range(60):
        trainer.train_step()
        if trainer.step % 15 == 0:
            trainer.ema.refresh()
            player = imitation.policy_player(trainer.ema.networks["generator"])  # type: ignore[arg-type]
            best = max(best, imitation.score(CARTPOLE, player, 5, horizon=200).mean)
            if best > 100:
                break
    assert best > 100
