"""Search for settings: trials are ordinary runs, chosen by Optuna (1907.10902), judged by one distance."""
