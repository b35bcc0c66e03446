"""The GAN of many blogs: two perceptrons and binary cross-entropy on MNIST."""

import torch
from torch import nn

from gan_core import data

BATCH, STEPS, EVERY = 128, 20_000, 100

torch.manual_seed(0)
G = nn.Sequential(
    nn.Linear(100, 256), nn.LeakyReLU(0.2),
    nn.Linear(256, 512), nn.LeakyReLU(0.2),
    nn.Linear(512, 1024), nn.LeakyReLU(0.2),
    nn.Linear(1024, 784), nn.Tanh(),
)  # fmt: skip
D = nn.Sequential(
    nn.Linear(784, 512), nn.LeakyReLU(0.2),
    nn.Linear(512, 256), nn.LeakyReLU(0.2),
    nn.Linear(256, 1), nn.Sigmoid(), nn.Flatten(0),
)  # fmt: skip

images = torch.from_numpy(data.load("mnist", 28).arrays["real"])  # (N, 1, 28, 28), uint8
bce = nn.BCELoss()
G_adam = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
D_adam = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
latents, orders = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
order = torch.randperm(len(images), generator=orders)
for step in range(STEPS):
    if len(order) < BATCH:
        order = torch.cat([order, torch.randperm(len(images), generator=orders)])
    real, order = images[order[:BATCH]].flatten(1).float() / 127.5 - 1, order[BATCH:]
    fake = G(torch.randn(BATCH, 100, generator=latents))
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
