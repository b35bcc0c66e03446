"""Networks for texts: an LSTM that chooses one token after the other, and a convolutional judge of whole texts."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from gan_core.layers.blocks import Dropout, logit_head

State = tuple[Tensor, Tensor]  # hidden state and cell of an LSTM, (B, hidden) each
END = 0  # the token after which nothing follows, as in `data.tokens`
LEAST = 1e-20  # below which no number goes whose logarithm is taken


class TextGenerator(nn.Module):
    """p(y_t | y_1 .. y_{t-1}) = softmax((W h_t + b) / temperature), with h of an LSTM over embedded tokens.

    Called as it is, latents (B, at least T) -> tokens (B, T): each latent number, through the normal distribution's
    function, is a point in (0, 1) that falls into one token's share of the probability.
    """

    def __init__(self, tokens: int, length: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.tokens, self.length = tokens, length
        self.embedding = nn.Embedding(tokens, embedding)  # END stands for the beginning, too
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True)
        self.output = nn.Linear(hidden, tokens)

    def logits(self, texts: Tensor) -> Tensor:
        """Logits of each token of texts (B, T), given those before it, (B, T, V)."""
        before = torch.cat([torch.full_like(texts[:, :1], END), texts[:, :-1]], 1)
        found: Tensor = self.output(self.lstm(self.embedding(before))[0])
        return found

    def begin(self, count: int) -> tuple[Tensor, State]:
        """The embedded beginning (count, embedding), and the first state."""
        weight = self.output.weight
        token = torch.full((count,), END, device=weight.device)
        nothing = weight.new_zeros(count, self.lstm.hidden_size)
        return self.embedding(token), (nothing, nothing)

    def step(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """The embedded last token (B, embedding) -> logits of the next (B, V), and the state."""
        cell = self.lstm
        # the cell alone, which is as quick as the layer, and can be exported
        weights = cast("list[Tensor]", [cell.weight_ih_l0, cell.weight_hh_l0, cell.bias_ih_l0, cell.bias_hh_l0])
        hidden, memory = torch.lstm_cell(inputs, state, *weights)
        return self.output(hidden), (hidden, memory)

    def forward(self, latents: Tensor) -> Tensor:
        return self.draw(latents)

    def draw(self, latents: Tensor, temperature: float = 1.0) -> Tensor:
        """Texts (B, T) int64 from latents (B, at least T); after the first end there are only ends."""
        inputs, state = self.begin(latents.shape[0])
        ended = latents[:, 0] > math.inf
        chosen = []
        for place in range(self.length):
            logits, state = self.step(inputs, state)
            token = pick(logits / temperature, as_uniform(latents[:, place])).masked_fill(ended, END)
            ended = ended | (token == END)
            chosen.append(token)
            inputs = self.embedding(token)
        return torch.stack(chosen, 1)

    def relaxed(self, noise: Tensor, temperature: float) -> Tensor:
        """Texts as shares of tokens (B, T, V) that have gradients (Gumbel-softmax, 1611.01144), from uniform noise.

        y = softmax((log p + g) / temperature) with g = -log(-log(noise)), noise (B, T, V) in [0, 1). The next step
        reads the mean of the embeddings. What comes after an end is an end, as far as the end has a share.
        """
        gumbel = -(-noise.clamp_min(LEAST).log()).clamp_min(LEAST).log()
        inputs, state = self.begin(len(noise))
        alive = noise.new_ones(len(noise), 1)
        end = one_hot(torch.tensor(END, device=noise.device), self.tokens).to(noise.dtype)
        made = []
        for place in range(self.length):
            logits, state = self.step(inputs, state)
            share = ((logits.log_softmax(1) + gumbel[:, place]) / temperature).softmax(1)
            share = alive * share + (1 - alive) * end
            alive = alive * (1 - share[:, END : END + 1])
            made.append(share)
            inputs = share @ self.embedding.weight
        return torch.stack(made, 1)


class TextDiscriminator(nn.Module):
    """A text is real or not (Kim, 1408.5882, as in SeqGAN): logits (B,) of tokens (B, T) or their shares (B, T, V).

    Convolutions over 1 to `widest` embedded tokens, the maximum over all places, a highway layer (1505.00387), dropout.
    """

    def __init__(
        self,
        tokens: int,
        length: int,
        embedding: int,
        channels: int,
        widest: int,
        dropout: float = 0.0,
        minibatch: str = "none",
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, embedding)
        nn.init.normal_(self.embedding.weight, 0.0, embedding**-0.5)
        sizes = range(1, min(widest, length) + 1)
        self.convolutions = nn.ModuleList(nn.Conv1d(embedding, channels, size) for size in sizes)
        width = channels * len(sizes)
        self.gate, self.change = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = Dropout(dropout)
        self.head = logit_head(width, 0, minibatch)

    def forward(self, texts: Tensor) -> Tensor:
        shares = texts.is_floating_point()
        embedded = texts @ self.embedding.weight if shares else self.embedding(texts)
        embedded = embedded.transpose(1, 2)  # (B, T, E) -> (B, E, T)
        found = torch.cat([nn.functional.leaky_relu(one(embedded), 0.2).amax(2) for one in self.convolutions], 1)
        gate = self.gate(found).sigmoid()
        features = gate * nn.functional.leaky_relu(self.change(found), 0.2) + (1 - gate) * found
        logits: Tensor = self.head(self.dropout(features))
        return logits.squeeze(1)  # (B, 1) -> (B,)


def as_uniform(latents: Tensor) -> Tensor:
    """Phi(z): numbers that are even in (0, 1)."""
    return 0.5 * (1 + torch.erf(latents / math.sqrt(2)))


def pick(logits: Tensor, points: Tensor) -> Tensor:
    """The tokens (B,) into whose shares of softmax(logits) (B, V) the points (B,) in (0, 1) fall."""
    sums = logits.softmax(1).cumsum(1)
    # the last sum is 1 but for rounding
    return (sums < points[:, None] * sums[:, -1:]).sum(1)


def said(texts: Tensor) -> Tensor:
    """Which tokens of texts (B, T) are the writer's choice: all up to the first end, the end included; bool."""
    ends = (texts == END).int()
    return ends.cumsum(1) - ends == 0
