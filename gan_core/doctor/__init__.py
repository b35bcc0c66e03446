"""The training doctor: rules that read a run's records, and name problems, their evidence and remedies.

    diagnosis.diagnose(case)       findings on a run as it is now, the gravest first
    diagnosis.alarms(case)         when each finding was first raised, by replaying the run
    rules/                         one file for each rule, registered by name
    remedies                       advice of findings, as values of knobs
    stopping                       the step after which a recorded distance no longer improved
    bands                          ranges of metrics in healthy runs of the same recipe and data

Rules need no torch and no images: they read small arrays, so that a run is replayed in milliseconds. Thresholds were
set on runs of `benchmarks/doctor.py`; docs/doctor.md lists them all.
"""
