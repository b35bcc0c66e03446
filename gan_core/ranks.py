"""The processes ("ranks") that train one run together, and each rank's part of a batch.

W ranks split one batch: rank r holds the items r, r + W, r + 2 W, ... Each computes the loss L_r of its part, and their
gradients are averaged, which gives the gradient of

    L = 1/W sum_r L_r

This equals the loss of the whole batch if that is a mean over items. Inside a term, everything that depends on other
items (batch normalisation, relativistic averages, minibatch statistics) is computed over all ranks by `Ranks.mean` and
`Ranks.whole`, whose gradients flow back to every rank. All ranks draw the same random numbers for the whole batch, and
each keeps its part (`normal`, `uniform`, `integers`), so that W ranks compute the same as one process.

Gradient accumulation does the same in sequence: with T turns, a rank's part is split again, and turn t draws the
numbers of the whole batch and keeps those of the items r + W t, r + W (t + T), ... Statistics can't be joined over
turns.

While no training step runs, a process is alone: previews, samples and metrics never communicate.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from gan_core.errors import BadValue, GanscopeError

SMALL = 2**16  # numbers over all ranks up to which CPUs sum by gathering, with half of the messages of an all-reduce


class LostRank(GanscopeError):
    """Another process of the group has ended, or can't be reached."""

    def __init__(self, reason: str) -> None:
        super().__init__("The connection to another process of this run is lost ({reason}).", reason=reason)


class Ranks:
    """The group of `size` processes in which this one is number `rank`; with one process, its methods change nothing.

    `average`, `mean` and `whole` are collective: all ranks call them in the same order.
    """

    def __init__(self, rank: int = 0, size: int = 1, control: Any = None) -> None:
        """`control`: the process group for messages, which may wait for hours; by default that of the gradients."""
        self.rank, self.size = rank, size
        self._control = control
        self.turn, self.turns = 0, 1
        self.seconds = 0.0  # spent communicating and waiting for others; on a GPU, only the calls themselves
        self.calls, self.bytes = 0, 0  # number of sums and gatherings over the ranks, and size of this rank's values
        self._own: list[Tensor] = []  # whether this rank's inputs, and the results, were finite, since `average`
        self._total: list[Tensor] = []

    def alike(self) -> Ranks:
        """The same group, for another trainer."""
        return Ranks(self.rank, self.size, self._control)

    def in_turns(self, turns: int) -> Iterator[int]:
        """Splits this rank's part of the batch again for the duration of the loop, one turn after the other."""
        self.turns = turns
        try:
            for turn in range(turns):
                self.turn = turn
                yield turn
        finally:
            self.turn, self.turns = 0, 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    @property
    def parts(self) -> int:
        """The number of parts of the whole batch, over ranks and turns."""
        return self.size * self.turns

    @property
    def place(self) -> int:
        """The number of the present part, 0..parts-1."""
        return self.rank + self.size * self.turn

    @contextmanager
    def training(self) -> Iterator[None]:
        """Context in which this thread is one of the ranks."""
        before = _current.set(self)
        try:
            yield
        finally:
            _current.reset(before)

    def own(self, whole: Tensor, axis: int = 0) -> Tensor:
        """This rank's items of a whole batch."""
        return whole if self.size == 1 else whole[(slice(None),) * axis + (slice(self.rank, None, self.size),)]

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all ranks; differentiable any number of times."""
        if self.size == 1:
            return values
        total: Tensor = _Sum.apply(self, values)
        return total

    def mean(self, values: Tensor) -> Tensor:
        """The mean of the ranks' values for their parts; differentiable any number of times."""
        return values if self.size == 1 else self.sum(values) / self.size

    def each(self, values: Tensor) -> Tensor:
        """The values of all ranks, (W, ...), of equal shape; differentiable."""
        if self.size == 1:
            return values[None]
        every: Tensor = _Each.apply(self, values)
        return every

    def whole(self, values: Tensor) -> Tensor:
        """The items of all ranks in the order of the whole batch, (W * B, ...), from each rank's (B, ...).

        Differentiable; a loss that every rank computes from the whole has the right gradient after `average`.
        """
        if self.size == 1:
            return values
        return self.each(values).transpose(0, 1).flatten(0, 1)  # (W, B, ...) -> (B, W, ...) -> (B * W, ...)

    @torch.no_grad()
    def average(self, gradients: Sequence[Tensor], terms: Sequence[Tensor] = ()) -> tuple[list[Tensor], Tensor]:
        """Replaces gradients by their mean over the ranks, in one call; returns the mean terms, and which ranks had a
        value that isn't finite, (W,), before it spread to the others.
        """
        stored = [as_stored(gradient) for gradient in gradients]
        scalars = [term.detach().reshape(1).to(stored[0].dtype) for term in terms]
        own = torch.cat([*(gradient.reshape(-1) for gradient in stored), *scalars])
        flags = own.new_zeros(self.size)
        flags[self.rank] = self._broken(own)
        buffer = torch.cat([own, flags])
        self.reduce(buffer)
        mean = buffer[: len(own)].div_(self.size)
        sizes = [gradient.numel() for gradient in stored]
        parts = torch.split(mean[: sum(sizes)], sizes)
        torch._foreach_copy_(stored, [part.view_as(like) for part, like in zip(parts, stored, strict=True)])
        return list(mean[sum(sizes) :].unbind()), buffer[len(own) :] > 0

    def _broken(self, own: Tensor) -> Tensor:
        """Whether this rank was the first to hold a value that isn't finite."""
        finite = own.isfinite().all()
        given, came = torch.stack([*self._own, finite]), torch.stack([*self._total, finite])
        self._own, self._total = [], []
        # the first call whose result wasn't finite; the last entry is the gradient itself
        place = torch.where(came.all(), len(came) - 1, (~came).int().argmax())
        return (~given[place]).to(own.dtype)

    def note(self, given: Tensor, total: Tensor) -> None:
        """Records whether values were finite before and after they were summed, so that `average` can name a rank."""
        self._own.append(given.isfinite().all())
        self._total.append(total.isfinite().all())

    def reduce(self, values: Tensor) -> None:
        """Replaces contiguous values by their sum over the ranks."""
        if self.size == 1:
            return
        if values.device.type == "cpu" and values.numel() * self.size <= SMALL:
            torch.sum(self.gather(values), 0, out=values)
        else:
            self._communicate(lambda: dist.all_reduce(values), values)

    def gather(self, values: Tensor) -> Tensor:
        """The values of all ranks, (W, ...), without gradients."""
        every = values.new_empty(self.size, *values.shape)
        self._communicate(lambda: dist.all_gather_into_tensor(every.view(-1), values.reshape(-1)), values)
        return every

    def _communicate(self, call: Callable[[], Any], values: Tensor) -> None:
        begun = time.perf_counter()
        _connected(call)
        self.seconds += time.perf_counter() - begun
        self.calls += 1
        self.bytes += values.numel() * values.element_size()

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Overwrites tensors with those of rank 0."""
        if self.size > 1:
            for tensor in tensors:
                sent = tensor.detach().contiguous()
                _connected(partial(dist.broadcast, sent, 0))
                tensor.detach().copy_(sent)

    def broadcast_bytes(self, content: bytes = b"") -> bytes:
        """Sends rank 0's message to all ranks; the others' arguments are ignored. An empty one takes a single call."""
        if self.size == 1:
            return content
        length = torch.tensor([len(content)])
        _connected(lambda: dist.broadcast(length, 0, group=self._control))
        if not int(length):
            return b""
        sent = torch.zeros(int(length), dtype=torch.uint8)
        if self.first:
            sent = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        _connected(lambda: dist.broadcast(sent, 0, group=self._control))
        return sent.numpy().tobytes()

    def collect(self, value: Any) -> list[Any]:
        """Every rank's value, by rank; values must be JSON."""
        if self.size == 1:
            return [value]
        content = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        _connected(lambda: dist.all_gather(lengths, torch.tensor([len(content)]), group=self._control))
        padded = torch.zeros(int(max(lengths)), dtype=torch.uint8)
        padded[: len(content)] = content
        found = [torch.zeros_like(padded) for _ in range(self.size)]
        _connected(lambda: dist.all_gather(found, padded, group=self._control))
        return [json.loads(part[: int(length)].numpy().tobytes()) for part, length in zip(found, lengths, strict=True)]

    def check_batch(self, batch_size: int, turns: int = 1) -> None:
        """Raises BadValue if the batch can't be split evenly."""
        if batch_size % (self.size * turns):
            raise BadValue(
                "The batch size must be a multiple of {parts}, which is {ranks} ranks times {turns} accumulated parts, "
                "got {batch_size}.",
                parts=self.size * turns, ranks=self.size, turns=turns, batch_size=batch_size,
            )  # fmt: skip


def _connected(call: Callable[[], Any]) -> None:
    try:
        call()
    except RuntimeError as error:  # from both gloo and NCCL
        raise LostRank(" ".join(str(error).split())[:200]) from error


class _Sum(torch.autograd.Function):
    """The sum over the ranks; it is its own adjoint."""

    @staticmethod
    def forward(ctx: Any, ranks: Ranks, values: Tensor) -> Tensor:
        ctx.ranks = ranks
        total = values.detach().clone(memory_format=torch.contiguous_format)
        given = total.clone()
        ranks.reduce(total)
        ranks.note(given, total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, _Sum.apply(ctx.ranks, gradient)


class _Each(torch.autograd.Function):
    """The values of all ranks; its adjoint is this rank's part of the sum over the ranks."""

    @staticmethod
    def forward(ctx: Any, ranks: Ranks, values: Tensor) -> Tensor:
        ctx.ranks = ranks
        every = ranks.gather(values.detach())
        ranks.note(values.detach(), every)
        return every

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, ctx.ranks.sum(gradient)[ctx.ranks.rank]


ALONE = Ranks()
_current: ContextVar[Ranks] = ContextVar("ranks", default=ALONE)


def current() -> Ranks:
    """The group in which this thread trains at the moment; `ALONE` outside a training step."""
    return _current.get()


def as_stored(tensor: Tensor) -> Tensor:
    """A view of a tensor in the order in which it lies in memory; 4-D weights may be channels-last."""
    if tensor.is_contiguous() or tensor.ndim != 4:
        return tensor
    return tensor.permute(0, 2, 3, 1)  # (O, I, H, W) -> (O, H, W, I)


# --- random numbers for this rank's part of a batch ------------------------------------------------------------------


def normal(
    shape: Sequence[int], generator: torch.Generator | None, axis: int = 0, device: torch.device | str | None = None
) -> Tensor:
    """Standard normal numbers of `shape`, whose `axis` counts items."""
    return _drawn(lambda whole: torch.randn(whole, generator=generator, device=device), shape, axis)


def uniform(
    shape: Sequence[int], generator: torch.Generator | None, axis: int = 0, device: torch.device | str | None = None
) -> Tensor:
    """Uniform numbers in [0, 1) of `shape`, whose `axis` counts items."""
    return _drawn(lambda whole: torch.rand(whole, generator=generator, device=device), shape, axis)


def integers(
    high: int, count: int, generator: torch.Generator | None, device: torch.device | str | None = None
) -> Tensor:
    """Whole numbers in 0..high-1, (count,), one for each item."""
    return _drawn(lambda whole: torch.randint(high, tuple(whole), generator=generator, device=device), (count,), 0)


def _drawn(draw: Callable[[Sequence[int]], Tensor], shape: Sequence[int], axis: int) -> Tensor:
    ranks = current()
    if ranks.parts == 1:
        return draw(shape)
    whole = [*shape[:axis], shape[axis] * ranks.parts, *shape[axis + 1 :]]
    return draw(whole)[(slice(None),) * axis + (slice(ranks.place, None, ranks.parts),)].contiguous()


# --- statistics over the whole batch ---------------------------------------------------------------------------------


def batch_mean(values: Tensor) -> Tensor:
    """The mean of all values of the whole batch, ()."""
    return current().mean(values.mean())


def batch_deviation(values: Tensor) -> Tensor:
    """The standard deviation of all values of the whole batch, (), with Bessel's correction; not differentiable."""
    ranks = current()
    if ranks.size == 1:
        return values.std()
    mean = batch_mean(values.detach())
    squares = ranks.sum((values.detach() - mean).square().sum())
    return (squares / (values.numel() * ranks.size - 1)).sqrt()
