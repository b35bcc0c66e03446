"""Networks for texts: an LSTM that generates one token after the other, and a convolutional discriminator of texts."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from gan_core.layers.blocks import Dropout, logit_head

State = tuple[Tensor, Tensor]  # hidden state and cell of an LSTM, (B, hidden) each
END = 0  # the token after which nothing follows, as in `data.tokens`
LEAST = 1e-20  # lower limit before logarithms


class TextGenerator(nn.Module):
    """p(y_t | y_1 .. y_{t-1}) = softmax((W h_t + b) / temperature), with h of an LSTM over embedded tokens.

    Its forward pass maps latents (B, at least T) -> tokens (B, T): the normal distribution's function maps each latent
    number to a point in (0, 1), which selects a token by its share of the probability.
    """

    def __init__(self, tokens: int, length: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.tokens, self.length = tokens, length
        self.embedding = nn.Embedding(tokens, embedding)  # END also marks the beginning
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
        # the cell, which is as fast as the layer, and can be exported
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
        reads the mean of the embeddings. After an end follow only ends, in proportion to the end's share.
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
    """Classifies texts as real or not (Kim, 1408.5882, as in SeqGAN): tokens (B, T) or shares (B, T, V) -> logits (B,).

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
    """Phi(z): uniform numbers in (0, 1)."""
    return 0.5 * (1 + torch.erf(latents / math.sqrt(2)))


def pick(logits: Tensor, points: Tensor) -> Tensor:
    """The tokens (B,) selected by points (B,) in (0, 1) by their shares of softmax(logits) (B, V)."""
    sums = logits.softmax(1).cumsum(1)
    # the last sum is 1 up to rounding
    return (sums < points[:, None] * sums[:, -1:]).sum(1)


def said(texts: Tensor) -> Tensor:
    """Which tokens of texts (B, T) were chosen: all up to and including the first end; bool."""
    ends = (texts == END).int()
    return ends.cumsum(1) - ends == 0
