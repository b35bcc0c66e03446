#!/usr/bin/env bash
# guess: optuna-dashboard's PreferentialGPSampler proposes what `trial.suggest_int(name, low, high)` may return, and so
#   reaches `high` if larger is preferred in every comparison. Both ends of Optuna's ranges are included.
# what happens: optuna-dashboard 0.21.0 with optuna 5.0.0 and botorch 0.18.1. Where all parameters are whole numbers (or
#   steps, or categories) the sampler tries all of numpy.arange(low, high, step), which leaves out `high`: it always
#   stays one below, and a switch from 0 to 1 is always 0, even though the upper end was shown and won. With one float
#   parameter in addition, the whole range is searched.
# source: https://github.com/optuna/optuna-dashboard/pull/634;
#   https://optuna.readthedocs.io/en/stable/reference/generated/optuna.distributions.IntDistribution.html (high is
#   included)
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" optuna==5.0.0 optuna-dashboard==0.21.0 \
  botorch==0.18.1 gpytorch==1.15.2 torch==2.15.0 numpy==2.4.6
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import optuna
from optuna.distributions import FloatDistribution, IntDistribution
from optuna_dashboard.preferential import create_study
from optuna_dashboard.preferential.samplers.gp import PreferentialGPSampler

optuna.logging.set_verbosity(optuna.logging.ERROR)


def proposals(space, count=8):
    """Values of "layers" that are proposed while the larger one wins each comparison; both ends are shown first."""
    study = create_study(n_generate=2, sampler=PreferentialGPSampler(seed=0))
    found = []
    for layers in (space["layers"].low, space["layers"].high, *[None] * count):
        if layers is not None:
            study.enqueue_trial({"layers": layers, "switch": 1, "rate": 0.5})
        trial = study.ask(space)
        study._study.tell(trial.number, 0.0)
        if layers is None:
            found.append((trial.params["layers"], trial.params["switch"]))
        trials = sorted(study.trials, key=lambda one: one.params["layers"])
        for worse, better in zip(trials, trials[1:]):
            if worse.params["layers"] < better.params["layers"]:
                study.report_preference(better, worse)
    return found


whole = {"layers": IntDistribution(1, 8), "switch": IntDistribution(0, 1)}
alone = proposals(whole)
mixed = proposals({**whole, "rate": FloatDistribution(0, 1)})
print("optuna", optuna.__version__)
print("whole numbers alone (1 to 8, 0 to 1):", alone)
print("beside a float:                      ", mixed)
assert max(layers for layers, _ in alone) == 7 and {switch for _, switch in alone} == {0}, alone
assert any(layers == 8 for layers, _ in mixed), mixed
PYTHON
echo "as described"
