"""Storage for the trials of a search: an Optuna storage that several processes and machines can share.

The default is a journal file in the search's folder. Optuna's heartbeat works only with databases; therefore each trial
records its process, which identifies trials whose process is gone with any storage (`lost`).
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.errors import BadValue, StoreError
from gan_core.runs.liveness import Owner, still_runs, this_process
from gan_core.search import plan as plans
from gan_core.search.plan import JOURNAL, SearchPlan

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

JOURNAL_SCHEME = "journal:"
PROCESS, RUN, GOES_ON, RETRIED = "process", "run", "goes_on", "retried"  # attributes of a trial
CONFIRMS, SEED = "confirms", "seed"  # attributes of a trial that repeats another one with another seed
START = "start"  # attribute of the first trial: whether it has the settings that the search starts from
STARTUP = 8  # random trials before the sampler fits its model
MISSING = "A search needs Optuna. Install it with: pip install 'ganscope[search]'"


def optuna() -> Any:
    """The module, with logging turned off; raises BadValue if it isn't installed."""
    try:
        import optuna
    except ImportError:
        raise BadValue(MISSING) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def begin(plan: SearchPlan) -> Study:
    """Keeps the plan and opens its study; a new plan isn't kept where its storage can't be used.

    Raises BadValue where another search has its name, or StoreError.
    """
    with plans.begun(plan):
        return open_study(plan)


def open_study(plan: SearchPlan) -> Study:
    """The study of a plan, created if missing; raises StoreError if its storage can't be used."""
    library = optuna()
    samplers, pruners = library.samplers, library.pruners
    with warnings.catch_warnings():
        # multivariate sampling and constant_liar are "experimental" in name; seeds hold for one version of Optuna
        warnings.simplefilter("ignore", category=library.exceptions.ExperimentalWarning)
        sampler = samplers.TPESampler(
            seed=plan.seed, multivariate=True, constant_liar=True, n_startup_trials=STARTUP,
        )  # fmt: skip
    pruner = pruners.MedianPruner(n_startup_trials=STARTUP // 2, n_warmup_steps=plan.base.steps // 4)
    if plan.by_eye:  # a viewer's preference need not follow the distance
        pruner = pruners.NopPruner()
    try:
        study: Study = library.create_study(
            storage=_storage(plan), sampler=sampler, pruner=pruner, study_name=plan.name, direction="minimize",
            load_if_exists=True,
        )  # fmt: skip
    except Exception as error:  # each database driver has errors of its own
        raise StoreError(
            "The storage {storage} can't be used ({reason}).",
            storage=plan.storage or plan.folder / JOURNAL, reason=_first_line(error),
        ) from error  # fmt: skip
    return study


def _storage(plan: SearchPlan) -> Any:
    if plan.storage and not plan.storage.startswith(JOURNAL_SCHEME):
        return optuna().storages.RDBStorage(plan.storage)
    path = Path(plan.storage.removeprefix(JOURNAL_SCHEME)) if plan.storage else plan.folder / JOURNAL
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    journal = optuna().storages.journal
    return journal.JournalStorage(journal.JournalFileBackend(str(path)))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def claim(trial: Trial) -> None:
    """Records that this process works on the trial."""
    trial.set_user_attr(PROCESS, json.dumps(asdict(this_process())))


def retry(study: Study) -> list[int]:
    """Queues again the trials that killed processes of this machine left unfinished; returns their numbers.

    The new trial continues the run of the old one from its last checkpoint.
    """
    library = optuna()
    found = []
    for trial in study.get_trials(deepcopy=False, states=(library.trial.TrialState.RUNNING,)):
        if PROCESS in trial.user_attrs and still_runs(_owner(trial)) is False:
            queue_again(study, trial)
            found.append(trial.number)
    return found


def queue_again(study: Study, trial: FrozenTrial) -> None:
    """Marks a trial as failed, and queues one with its values that continues its run."""
    library = optuna()
    try:
        study.tell(trial.number, state=library.trial.TrialState.FAIL)
    except ValueError:
        return  # another process has done so already
    about = {name: trial.user_attrs[name] for name in (CONFIRMS, SEED, START) if name in trial.user_attrs}
    if RUN in trial.user_attrs:
        about[GOES_ON] = trial.user_attrs[RUN]
    study.enqueue_trial(trial.params, user_attrs={**about, RETRIED: trial.number})


def _owner(trial: FrozenTrial) -> Owner:
    return Owner(**json.loads(trial.user_attrs[PROCESS]))
