"""How a run computes: options of the process that trains it, not settings of the run.

With bf16 every network runs under autocast: convolutions and products of matrices take bfloat16, which has the range of
float32 and 8 bits of precision. fp16 has 11 bits and a small range: losses are scaled up before the backward pass, and
an update whose gradients overflow is skipped (1710.03740). Weights, gradients, optimisers, averages and all that an
objective computes from the networks' outputs stay in float32, so that a run can continue with another precision from
the same checkpoint.

Phases that are `exact` (penalties, path length, unrolling) take second derivatives. They get the plain networks: a
gradient's norm in 8 bits is mostly rounding. A penalty that is computed in each step is part of the discriminator's
phase, so that whole phase is exact; a lazy one has a phase of its own.

With `compiled` the networks run through torch.compile, except in those same phases: it has no second derivatives.
Results differ only by rounding.

`accumulate` splits each batch into parts that are processed one after the other, so that it needs the memory of one
part. Results are those of the whole batch if a loss is a mean over items: `training.equality` lists the exceptions.
With `recompute`, blocks don't keep their activations (`training.recomputing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from inspect import ismethod
from typing import Any, cast

import torch
from torch import Tensor, nn

from gan_core.errors import BadValue
from gan_core.training.probe import bf16_speedup
from gan_core.training.recomputing import Recomputed, fits

PRECISIONS = ("fp32", "bf16", "fp16")
TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
MOST_PARTS = 256  # at most, that a batch is split into
AUTO = "auto"  # bf16 or fp32, whichever trains faster
WORTH = 1.2  # least speed-up at which bfloat16 is used


@dataclass(frozen=True)
class Computation:
    """`precision` is one of PRECISIONS, or AUTO until a session has chosen one; `compiled` networks start slowly; a
    batch has `accumulate` parts.
    """

    precision: str = "fp32"
    compiled: bool = False
    accumulate: int = 1
    recompute: bool = False

    def __post_init__(self) -> None:
        if self.precision not in (*PRECISIONS, AUTO):
            raise BadValue(
                "Unknown precision '{value}'. Valid: {valid}.",
                value=self.precision,
                valid=", ".join((*PRECISIONS, AUTO)),
            )
        if not 1 <= self.accumulate <= MOST_PARTS:
            raise BadValue(
                "The number of accumulated parts must be between {low} and {high}, got {value}.",
                low=1, high=MOST_PARTS, value=self.accumulate,
            )  # fmt: skip
        if self.compiled and self.recompute:
            raise BadValue("--recompute can't be combined with --compile, which decides by itself what to keep.")

    def check(self, device: str) -> None:
        """Raises BadValue if an option has no benefit or can't work: bf16 must be faster, fp16 needs a GPU, compiling a
        compiler.
        """
        if self.compiled:
            check_compiler(device)
        if self.precision in ("fp32", AUTO):
            return
        if self.precision == "fp16":
            if not device.startswith("cuda"):
                raise BadValue(
                    "fp16 needs an NVIDIA GPU. Use --precision fp32, bf16 or auto on {device}.", device=device
                )
            return
        if device.startswith("cuda") and not torch.cuda.is_bf16_supported(including_emulation=False):
            raise BadValue("This GPU doesn't support bfloat16. Leave out --precision bf16.")
        if (speedup := speedup_of_bf16(device)) < WORTH:
            raise BadValue(
                "bfloat16 would not speed up training on {device}: convolutions run at {speedup} times their float32 "
                "speed. Leave out --precision bf16, or use --precision auto.",
                device=device,
                speedup=f"{speedup:.2f}",
            )

    def differences(self) -> dict[str, Any]:
        """Settings that differ from the defaults, for the run's record."""
        usual = asdict(USUAL)
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    def of(self, networks: Mapping[str, nn.Module], device: torch.device) -> Mapping[str, nn.Module]:
        """The networks as called by phases that aren't `exact`; weights are shared."""
        if self.precision == AUTO:
            raise ValueError("auto is a precision for sessions, which choose one; see training.choosing")
        called: dict[str, nn.Module] = dict(networks)
        if self.compiled:
            called = {name: compile_network(network) for name, network in called.items()}
        if self.recompute:
            if not fits(networks):
                raise BadValue(
                    "No block of these networks can be recomputed: batch normalisation and spectral normalisation "
                    "change in every pass. Leave out --recompute."
                )
            called = {name: Recomputed(network) for name, network in called.items()}
        if dtype := TYPES.get(self.precision):
            called = {name: LowPrecision(network, device.type, dtype) for name, network in called.items()}
        return called

    def scaler(self, device: torch.device) -> torch.amp.GradScaler | None:
        """The loss scaler of one optimiser; None for precisions with the range of float32."""
        return torch.amp.GradScaler(device.type) if self.precision == "fp16" else None


class LowPrecision(nn.Module):
    """Runs a network's forward pass and its own methods in 16 bits, with outputs in float32; delegates everything else
    to it.
    """

    def __init__(self, network: nn.Module, device: str, dtype: torch.dtype = torch.bfloat16) -> None:
        super().__init__()
        self.network = network
        self.device, self.dtype = device, dtype

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            found = getattr(super().__getattr__("network"), name)
        # such as the encoder and the decoder of an autoencoder, which objectives call by name
        return partial(self._low, found) if ismethod(found) and not hasattr(nn.Module, name) else found

    def forward(self, *inputs: Any, **options: Any) -> Any:
        return self._low(self.network, *inputs, **options)

    def _low(self, run: Callable[..., Any], *inputs: Any, **options: Any) -> Any:
        # no cache: a weight that was first cast under no_grad would lose its gradient
        with torch.autocast(self.device, self.dtype, cache_enabled=False):
            return single(run(*inputs, **options))


def compile_network(network: nn.Module) -> nn.Module:
    """The network through torch.compile; it shares the weights."""
    return cast(nn.Module, torch.compile(network))


def check_compiler(device: str) -> None:
    """Raises BadValue if torch.compile doesn't work, e.g. because there is no C++ compiler."""
    try:
        torch.compile(lambda numbers: numbers.sin() + 1)(torch.ones(4, device=device))
    except Exception as error:
        reason = " ".join(str(error).split())[:200]  # its first line often ends with a colon
        raise BadValue(
            "torch.compile doesn't work on {device}: {reason}. Leave out --compile.", device=device, reason=reason
        ) from error


def asked_for(
    precision: str, device: str, compiled: bool = False, accumulate: int = 1, recompute: bool = False
) -> Computation:
    """Resolves a command's options; raises BadValue for an unavailable device or precision.

    "auto" becomes fp32 where a short benchmark of convolutions finds bf16 less than WORTH times as fast; otherwise a
    session tries both on the run's own steps.
    """
    computation = Computation(precision, compiled, accumulate, recompute)
    check_device(device)
    if precision == AUTO and speedup_of_bf16(device) < WORTH:
        computation = replace(computation, precision="fp32")
    computation.check(device)
    return computation


def speedup_of_bf16(device: str) -> float:
    """Measured by a short benchmark; 0 on devices that autocast doesn't support."""
    if device.startswith("cuda") and not torch.cuda.is_bf16_supported(including_emulation=False):
        return 0.0
    return bf16_speedup(device) if device == "cpu" or device.startswith("cuda") else 0.0


def check_device(device: str) -> None:
    """Raises BadValue if the device isn't available."""
    valid = ["cpu"]
    valid += ["cuda", *(f"cuda:{place}" for place in range(torch.cuda.device_count()))] * torch.cuda.is_available()
    valid += ["mps"] * torch.backends.mps.is_available()
    if device not in valid:
        raise BadValue("The device '{device}' isn't available. Valid: {valid}.", device=device, valid=", ".join(valid))


def single(outputs: Any) -> Any:
    """Tensors, also in tuples and lists, in single precision."""
    if isinstance(outputs, (tuple, list)):
        make = getattr(outputs, "_make", type(outputs))  # of a named tuple
        return make(map(single, outputs))
    return outputs.float() if isinstance(outputs, Tensor) and outputs.dtype in TYPES.values() else outputs


def finite_or_zero(norms: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The norms of an update's gradients; 0 for all if one isn't finite, because the update is then skipped."""
    together = torch.stack(list(norms))
    return torch.where(together.isfinite().all(), together, 0.0).unbind()


USUAL = Computation()
