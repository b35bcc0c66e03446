"""DCGAN at 64 pixels, fully convolutional, as in PyTorch's tutorial."""

import torch
from torch import nn

from gan_core import data

BATCH, CHANNELS, STEPS, EVERY = 128, 64, 6_000, 100


def initialise(layer):
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


def up(inputs, outputs):
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)


def down(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)


torch.manual_seed(0)
C = CHANNELS
G = nn.Sequential(
    nn.ConvTranspose2d(100, 8 * C, 4, bias=False), nn.BatchNorm2d(8 * C), nn.ReLU(),
    up(8 * C, 4 * C), nn.BatchNorm2d(4 * C), nn.ReLU(),
    up(4 * C, 2 * C), nn.BatchNorm2d(2 * C), nn.ReLU(),
    up(2 * C, C), nn.BatchNorm2d(C), nn.ReLU(),
    up(C, 3), nn.Tanh(),
)  # fmt: skip
G.apply(initialise)
D = nn.Sequential(
    down(3, C), nn.LeakyReLU(0.2),
    down(C, 2 * C), nn.BatchNorm2d(2 * C), nn.LeakyReLU(0.2),
    down(2 * C, 4 * C), nn.BatchNorm2d(4 * C), nn.LeakyReLU(0.2),
    down(4 * C, 8 * C), nn.BatchNorm2d(8 * C), nn.LeakyReLU(0.2),
    nn.Conv2d(8 * C, 1, 4, bias=False), nn.Sigmoid(), nn.Flatten(0),
)  # fmt: skip
D.apply(initialise)

images = torch.from_numpy(data.load("avatars", 64).arrays["real"])  # (N, 3, 64, 64), uint8
bce = nn.BCELoss()
G_adam = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
D_adam = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
latents, orders = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
order = torch.randperm(len(images), generator=orders)
for step in range(STEPS):
    if len(order) < BATCH:
        order = torch.cat([order, torch.randperm(len(images), generator=orders)])
    real, order = images[order[:BATCH]].float() / 127.5 - 1, order[BATCH:]
    fake = G(torch.randn(BATCH, 100, generator=latents).reshape(BATCH, 100, 1, 1))
    ones, zeros = torch.ones(BATCH), torch.zeros(BATCH)
    D_loss = bce(D(real), ones) + bce(D(fake.detach()), zeros)  # D: real is 1, fake is 0
    D_adam.zero_grad()
    D_loss.backward()
    D_adam.step()
    G_loss = bce(D(fake), ones)  # G: -log D(G(z)), so that D takes its images for real
    G_adam.zero_grad()
    G_loss.backward()
    G_adam.step()
    if step % EVERY == 0:
        print(step, D_loss.item(), G_loss.item())
