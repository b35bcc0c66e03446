"""Writes metrics, previews, checkpoints and warnings of a trainer to the run store.

Writes that fail (a full disk) are kept and retried, so that nothing is lost.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from gan_core.checkpoint import checkpoint_name, write_checkpoint
from gan_core.data.mixtures import is_known
from gan_core.disk import writing
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import to_dict
from gan_core.metrics.density import yardstick
from gan_core.metrics.duality import duality_gap
from gan_core.runs.frames import FrameFile
from gan_core.runs.store import Metrics, RunStore
from gan_core.training import audience
from gan_core.training.frames import Camera, evaluating
from gan_core.training.measuring import measurer
from gan_core.training.previews import pool_previewer, previewer
from gan_core.training.recorder import Fault, Recorder
from gan_core.training.trainer import StepResult, Trainer
from gan_core.training.variety import examiner

FLUSH = 0.5  # seconds between writes of metrics
LIVE_PREVIEW = 1.0  # seconds between live previews, at least
EXAMINATION = 0.5  # seconds between examinations of the samples' variety, at least
CHECKPOINT = 30.0  # seconds between checkpoints, at least
BUDGET = 0.005  # share of the time that live previews may take, and that checkpoints may take
EXAMINED = 0.01  # share of the time that examinations may take
FRAME, UNSEEN_FRAME = 0.17, 2.0  # seconds between frames of points, at least: with viewers, and without
FILMED = 0.06  # share of the time that frames may take
LADDER = 12  # checkpoints of a run of points that are kept beside the newest, so that forks can start from its past
PREVIEW_RATIO = 1.12  # each kept preview is at this multiple of the previous one's step
GAP = "duality_gap"  # event kind: the numbers of `metrics/duality.py` at its step
GRADIENT_WARNING = 100.0  # gradient norms above this raise a warning


def next_preview_step(step: int) -> int:
    """The step of the next kept preview after `step`: 0, 1, 2, ... and then a geometric schedule."""
    return max(step + 1, int(step * PREVIEW_RATIO))


class Journal:
    """Writes the records of one session. `fault` is the first loss term that was not finite; it ends all saving."""

    def __init__(self, store: RunStore, run_id: str, token: str, trainer: Trainer, seconds: float) -> None:
        self.store = store
        self.run_id = run_id
        self.trainer = trainer
        self.seconds = seconds  # of training, over all sessions of the run
        self.fault: Fault | None = None
        self.event_id = 0  # the last event whose effect the trainer's state contains
        self._token = token
        self._preview, self._pool = previewer(trainer), pool_previewer(trainer)
        self._reference = reference = store.get(run_id).spec.data
        self._examine = examiner(trainer, reference)
        self._measurer = measurer(trainer, reference)
        of_points = trainer.recipe.task == "points" and is_known(reference)
        game = isinstance(trainer.hparams, AdversarialHParams)  # others have no discriminator to show
        self._camera = Camera(trainer, reference) if of_points and game else None
        self._frames = FrameFile(store.folder(run_id))
        self._filmed = self._frame_cost = 0.0
        self._taken: tuple[Any, ...] = ()  # content of the newest frame
        self._live_cost = self._examination_cost = self._checkpoint_cost = self._rate = 0.0
        self._flushed = time.monotonic()
        self._live = self._examined = self._saved = 0.0
        self.rewind()

    def rewind(self) -> None:
        """Discards unwritten records, after the trainer was set to another step."""
        self._recorder = Recorder()
        self._unwritten: list[Metrics] = []
        self._warned: set[str] = set()
        self._next_preview = self.trainer.step
        self._frames.cut(self.trainer.step)
        self._taken = ()
        self.fault = None
        if self._measurer:
            self._measurer.rewind()
        self.start_clock()

    def start_clock(self) -> None:
        """Starts measuring the speed, without the time spent waiting before."""
        self._clock = time.monotonic()
        self._counted_images = self.trainer.images_seen

    def add(self, result: StepResult, seconds: float) -> None:
        self._recorder.add(result)
        self.seconds += seconds

    def event(self, kind: str, payload: Mapping[str, Any]) -> int:
        return self.store.add_event(self.run_id, self._token, self.trainer.step, kind, payload)

    def replayable(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Records an event that a resumed run repeats."""
        self.event_id = self.event(kind, payload)

    def write_due(self, everything: bool = False) -> None:
        """Writes what is due, or everything; raises DiskFull."""
        now = time.monotonic()
        if everything or now - self._flushed >= FLUSH:
            self.flush(examine=everything)
        if self.fault is not None:
            return
        if everything or now - self._filmed >= FRAME:
            self.film(everything)
        if self.trainer.step >= self._next_preview:
            self.keep_preview()
        if everything or now - self._live >= max(LIVE_PREVIEW, self._live_cost / BUDGET):
            self.live_preview()
        if everything or now - self._saved >= max(CHECKPOINT, self._checkpoint_cost / BUDGET):
            self.checkpoint()

    def flush(self, examine: bool = False) -> None:
        """Writes the metrics of the steps since the last flush, and looks for values that are not finite.

        `examine`: examines the samples even if that is not due.
        """
        now = time.monotonic()
        if len(self._recorder):
            self._measure_speed(now)
            if examine or now - self._examined >= max(EXAMINATION, self._examination_cost / EXAMINED):
                self._examine_samples()
            if self._measurer and self._measurer.due:
                self._recorder.note(self._measurer.measure())
            metrics, fault = self._recorder.drain(self.trainer.objective, self.trainer.hparams, self._rate)
            self._unwritten.append(metrics)
            self.fault = self.fault or fault
            self._warn_of_gradients(metrics)
        self._flushed = now
        while self._unwritten:
            self.store.log(
                self.run_id,
                self._token,
                self._unwritten[0],
                images_seen=self.trainer.images_seen,
                seconds=self.seconds,
                images_per_second=self._rate,
            )
            self._unwritten.pop(0)

    def _measure_speed(self, now: float) -> None:
        """Measures images per second, over half a second at least: a single step is too noisy."""
        passed = now - self._clock
        if passed >= FLUSH or not self._rate:
            self._rate = (self.trainer.images_seen - self._counted_images) / max(1e-9, passed)
            self.start_clock()

    def _examine_samples(self) -> None:
        """Records the variety of the samples at the newest step."""
        if self._examine is None:
            return
        began = time.monotonic()
        self._recorder.note(self._examine())
        self._examined = time.monotonic()
        self._examination_cost = self._examined - began

    def _warn_of_gradients(self, metrics: Metrics) -> None:
        """Records an event when a phase's gradient norm exceeds the threshold, and again only after it fell below."""
        for name, values in metrics.columns.items():
            if not name.startswith("gradient_norm/"):
                continue
            norm = float(np.nanmax(values, initial=0.0))
            if norm > GRADIENT_WARNING and name not in self._warned:
                self._warned.add(name)
                self.event("gradient_warning", {"phase": name.partition("/")[2], "norm": norm})
            elif norm < GRADIENT_WARNING / 2:
                self._warned.discard(name)

    def keep_preview(self) -> None:
        """Keeps a preview for the history. Schedule and latents are fixed, so a resumed run makes the same ones."""
        step, images_seen = self.trainer.step, self.trainer.images_seen
        self.store.add_preview(self.run_id, self._token, step, images_seen, self._preview())
        self._next_preview = next_preview_step(step)

    def live_preview(self) -> None:
        """Writes the live preview, which replaces the previous one."""
        began = time.monotonic()
        step = self.trainer.step
        self.store.write_live_preview(self.run_id, self._token, step, self._preview())
        if self._pool:
            self.store.write_live_pool(self.run_id, self._token, step, self._pool())
        self._live = time.monotonic()
        self._live_cost = self._live - began

    def film(self, everything: bool = False) -> None:
        """Keeps a frame of points if one is due and shows something new; raises DiskFull."""
        if self._camera is None or self.fault is not None:
            return
        every = FRAME if audience.watched(self.run_id) else UNSEEN_FRAME
        now, shown = time.monotonic(), (self.trainer.step, self.trainer.hparams)
        if shown == self._taken or not (everything or now - self._filmed >= max(every, self._frame_cost / FILMED)):
            return
        self._taken = shown  # even if it can't be written: the next step has another one
        self._frames.append(self._camera.take(whole=everything))
        self._filmed = time.monotonic()
        self._frame_cost = self._filmed - now

    def measure_gap(self) -> None:
        """Records the duality gap at this step; nothing if weights aren't finite."""
        hparams, networks = self.trainer.hparams, self.trainer.networks
        assert isinstance(hparams, AdversarialHParams)
        with evaluating(networks):
            found = duality_gap(
                networks["generator"], networks["discriminator"], hparams.latent_size, hparams.generator_rate,
                hparams.batch_size, yardstick(self._reference),
            )  # fmt: skip
        if all(map(math.isfinite, asdict(found).values())):
            self.event(GAP, asdict(found) | {"gap": found.gap, "most": found.most})

    def checkpoint(self) -> None:
        """Writes a checkpoint, unless the state is not finite or already saved."""
        self.flush()
        if self.fault is not None:
            return
        began = time.monotonic()
        saved = self.store.checkpoints(self.run_id)
        if not saved or saved[-1].step != self.trainer.step:
            self._write_checkpoint()
        self._saved = time.monotonic()
        self._checkpoint_cost = self._saved - began

    def inherit(self) -> None:
        """Replaces a fork's first checkpoint, a copy of the other run's with that run's settings, by its own."""
        self._write_checkpoint()

    def _write_checkpoint(self) -> None:
        trainer = self.trainer
        trainer.verify()
        trainer.ema.refresh()
        state = trainer.state_dict() | {
            "run": self.run_id,
            "event_id": self.event_id,
            "recipe": trainer.recipe.name,
            "hparams": to_dict(trainer.hparams),
            "spec": trainer.spec.to_state(),
        }
        path = self.store.folder(self.run_id) / "checkpoints" / checkpoint_name(trainer.step)
        with writing(self.store.root):
            sha256, size = write_checkpoint(path, state)
        self.store.add_checkpoint(self.run_id, self._token, trainer.step, trainer.images_seen, path, sha256, size)
        self.store.prune_checkpoints(self.run_id, self._token, ladder=LADDER if self._camera else 0)
