"""The training doctor: rules that read what a run recorded, and name what is wrong, the evidence and what helps.

    diagnosis.diagnose(case)       findings on a run as it is now, the gravest first
    diagnosis.alarms(case)         when each finding was first raised, by replaying the run
    rules/                         one file for each rule, registered by name
    remedies                       what a finding may advise, as values of knobs
    stopping                       from when on a recorded distance no longer improved
    bands                          what healthy runs of the same recipe and data recorded

Rules need no torch and no images: they read small arrays, so that a run is replayed in milliseconds. Thresholds were
set on runs of `benchmarks/doctor.py`; docs/doctor.md has them all.
"""
