#!/usr/bin/env bash
# guess: a trial whose process was killed is failed by `optuna.storages.fail_stale_trials(study)` in every storage that
#   several processes can share, or the call reports that this storage can't do it. Optuna recommends a journal file
#   if there is no database server.
# what happens: optuna 5.0.0 silently does nothing. Heartbeats exist only for RDBStorage with a heartbeat_interval; for
#   a journal, and for a database without an interval, the call returns without an error, and the trial stays RUNNING
#   forever: the sampler counts it as a trial in progress (constant_liar).
# source: https://optuna.readthedocs.io/en/stable/reference/generated/optuna.storages.fail_stale_trials.html
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet optuna==5.0.0
cat > "$folder/storages.py" <<'PY'
from optuna.storages import RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalStorage

STORAGES = {
    "journal": lambda: JournalStorage(JournalFileBackend("journal.log")),
    "database": lambda: RDBStorage("sqlite:///plain.db"),
    "database with heartbeat": lambda: RDBStorage("sqlite:///beats.db", heartbeat_interval=1, grace_period=1),
}
PY
cat > "$folder/worker.py" <<'PY'
import os
import signal
import sys

import optuna
from storages import STORAGES

study = optuna.load_study(study_name="s", storage=STORAGES[sys.argv[1]]())
study.ask().suggest_float("x", 0, 1)
os.kill(os.getpid(), signal.SIGKILL)
PY
cat > "$folder/look.py" <<'PY'
import subprocess
import sys
import time
import warnings

import optuna
from storages import STORAGES

optuna.logging.set_verbosity(optuna.logging.ERROR)
print("optuna", optuna.__version__)
found = {}
for name, storage in STORAGES.items():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        opened = storage()
        study = optuna.create_study(study_name="s", storage=opened)
        died = subprocess.run([sys.executable, "worker.py", name], capture_output=True).returncode
        assert died == -9, died
        if "heartbeat" in name:  # the worker's only sign of life
            opened.record_heartbeat(study.trials[0]._trial_id)
        time.sleep(3)
        said.clear()
        optuna.storages.fail_stale_trials(study)
        words = [str(one.message) for one in said if "experimental" not in str(one.message)]
    found[name] = study.trials[0].state.name
    print(f"{name}: the dead worker's trial is {found[name]}; warnings: {words}")
assert found == {"journal": "RUNNING", "database": "RUNNING", "database with heartbeat": "FAIL"}, found
PY
cd "$folder"
"$folder/venv/bin/python" look.py
echo "as described"
