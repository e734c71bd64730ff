"""The peer: one full training step of the same ResNet-9 in PyTorch, as a user would write it for speed.

Arguments: width, batch size, threads, float32 or bfloat16 (autocast). channels_last; Nesterov SGD; label
smoothing.
Reads lines "STEPS n" or "MEMORY n" and answers each with one JSON line; exits at the end of its input.
"""

import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def unit(inputs, outputs, pool=False):
    layers = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)]
    if pool:
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.BatchNorm2d(outputs), nn.CELU(0.3))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.branch = nn.Sequential(unit(channels, channels), unit(channels, channels))

    def forward(self, x):
        return x + self.branch(x)


class ResNet9(nn.Module):
    def __init__(self, width):
        super().__init__()
        # Multiples of 16, as in our network.
        c1, c2, c3, c4 = (max(16, int(width * c / 16 + 0.5) * 16) for c in (64, 128, 256, 512))
        self.whitening = nn.Conv2d(3, 27, 3, padding=1, bias=False)
        self.whitening.weight.requires_grad_(False)
        self.body = nn.Sequential(
            nn.Conv2d(27, c1, 1, bias=False),
            nn.BatchNorm2d(c1),
            nn.CELU(0.3),
            unit(c1, c2, pool=True),
            Residual(c2),
            unit(c2, c3, pool=True),
            unit(c3, c4, pool=True),
            Residual(c4),
        )
        self.head = nn.Linear(c4, 10, bias=False)

    def forward(self, x):
        return self.head(self.body(self.whitening(x)).amax((2, 3))) / 16


def main(width, batch, threads, precision):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = ResNet9(width).to(memory_format=torch.channels_last)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)
    images = torch.randn(batch, 3, 32, 32).to(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch,))

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = model(images)
        F.cross_entropy(logits.float(), labels, label_smoothing=0.1).backward()
        optimizer.step()
        optimizer.zero_grad()

    for line in sys.stdin:
        command, steps = line.split()[0], int(line.split()[1])
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        for _ in range(steps):
            step()
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
        faults = after.ru_minflt + after.ru_majflt - before.ru_minflt - before.ru_majflt
        memory = {"bytes": 1024 * after.ru_maxrss, "faultsAStep": faults / steps}
        print(json.dumps(memory if command == "MEMORY" else {"seconds": seconds}), flush=True)


main(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
