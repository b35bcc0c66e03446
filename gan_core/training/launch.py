"""Connects the processes that a launcher started: torchrun, or any other that sets the same environment.

RANK, WORLD_SIZE              index of this process, number of all
LOCAL_RANK, LOCAL_WORLD_SIZE  the same among the processes of its machine
MASTER_ADDR, MASTER_PORT      address of rank 0
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta

import torch
import torch.distributed as dist

from gan_core.errors import BadValue
from gan_core.ranks import ALONE, Ranks

NEEDED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
STEP = timedelta(minutes=10)  # longest wait for other ranks within a step
PAUSE = timedelta(days=365)  # longest wait for rank 0's next command: a run may be paused

_bound = False  # whether this process keeps to its own share of the cores, see `own_cores`


def launched(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is one of several that train one run."""
    return environment.get("WORLD_SIZE", "1") != "1" and "RANK" in environment


def is_first(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process writes: it is the only one, or rank 0."""
    return not launched(environment) or environment["RANK"] == "0"


def ranks_here(environment: Mapping[str, str] = os.environ) -> int:
    """How many ranks share this machine's cores."""
    return max(1, int(environment.get("LOCAL_WORLD_SIZE", "1"))) if launched(environment) else 1


def sharing() -> int:
    """How many ranks use the cores that this process may use: one, once each rank has its own."""
    return 1 if _bound else ranks_here()


@contextmanager
def own_cores(environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Keeps this thread, and the threads that it starts meanwhile, on this rank's share of the logical CPUs.

    Ranks wait for each other many times in a step, and the system often wakes two of them on the same core while
    another core is idle. Does nothing if there are more ranks than cores, or if the cores of this process are already
    restricted, by a container, a launcher or taskset.
    """
    global _bound
    count, place = ranks_here(environment), int(environment.get("LOCAL_RANK", "-1"))
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if count == 1 or place not in range(count) or not count <= len(usable) == os.cpu_count():
        yield
        return
    os.sched_setaffinity(0, usable[place * len(usable) // count : (place + 1) * len(usable) // count])
    _bound = True
    try:
        yield
    finally:
        _bound = False
        os.sched_setaffinity(0, usable)


def device_of(device: str, environment: Mapping[str, str] = os.environ) -> str:
    """The device of this rank: with "cuda" each rank of a machine has a GPU of its own; raises BadValue."""
    if not launched(environment) or device == "cpu":
        return device
    if device != "cuda":
        raise BadValue("Several processes can't train on '{device}'. Valid: cpu, cuda.", device=device)
    place, count = int(environment.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if place >= count:
        raise BadValue(
            "This machine has {count} GPUs, but {ranks} processes were started on it. Start one for each GPU.",
            count=count, ranks=ranks_here(environment),
        )  # fmt: skip
    return f"cuda:{place}"


def check_compiled(compiled: bool, environment: Mapping[str, str] = os.environ) -> None:
    """Raises BadValue for several ranks: sums over them can't be part of a compiled network."""
    if compiled and launched(environment):
        raise BadValue("--compile works in a single process only. Leave it out, or train with one process.")


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """The group of all processes that were started together; `ALONE` if this is the only one.

    Gradients go by NCCL between GPUs and by gloo between CPUs; messages always go by gloo. On CPUs each rank keeps to
    its own cores. Raises BadValue if the environment is incomplete.
    """
    if not launched():
        yield ALONE
        return
    if missing := [name for name in NEEDED if name not in os.environ]:
        raise BadValue(
            "These processes can't find each other without {missing} in their environment. Start them with torchrun.",
            missing=", ".join(missing),
        )
    on_gpu = device.startswith("cuda")
    if on_gpu:
        torch.cuda.set_device(device)
    with nullcontext() if on_gpu else own_cores():
        dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=STEP)
        try:
            yield Ranks(dist.get_rank(), dist.get_world_size(), dist.new_group(backend="gloo", timeout=PAUSE))
        finally:
            with suppress(RuntimeError):  # another process has ended already
                dist.destroy_process_group()


@contextmanager
def deaf() -> Iterator[None]:
    """Ignores SIGINT and SIGTERM, which a launcher sends to all ranks: rank 0 decides when the run ends."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
