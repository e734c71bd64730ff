"""Muon and SGD with Nesterov's momentum, both with gradient centralization, as in submission/engine."""

import torch


def centralized(gradient: torch.Tensor) -> torch.Tensor:
    """Subtracts the mean over the inputs of each output, the first axis."""
    if gradient.ndim < 2:
        return gradient
    return gradient - gradient.mean(tuple(range(1, gradient.ndim)), keepdim=True)


class Sgd:
    def __init__(self, weights, momentum=0.9, decay=5e-4, offset_rate=4.0, offset_decay=4.0):
        self.weights, self.momentum = weights, momentum
        self.velocities = [torch.zeros_like(weight) for weight in weights]
        self.decays = [decay * (offset_decay if weight.ndim == 1 else 1) for weight in weights]
        self.rates = [offset_rate if weight.ndim == 1 else 1.0 for weight in weights]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for weight, velocity, decay, factor in zip(self.weights, self.velocities, self.decays, self.rates):
            direction = centralized(weight.grad).add(weight, alpha=decay)
            velocity.mul_(self.momentum).add_(direction)
            weight.sub_(direction.add_(velocity, alpha=self.momentum), alpha=factor * rate)


class Muon:
    """Muon (Keller Jordan), for filters of a fixed norm (airbench94_muon)."""

    def __init__(self, weights, momentum=0.9, iterations=5):
        self.weights, self.momentum, self.iterations = weights, momentum, iterations
        self.velocities = [torch.zeros_like(weight) for weight in weights]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for weight, velocity in zip(self.weights, self.velocities):
            direction = centralized(weight.grad)
            velocity.mul_(self.momentum).add_(direction)
            direction = direction.add(velocity, alpha=self.momentum).flatten(1)
            update = orthogonalised(direction, self.iterations).view_as(weight)
            weight.mul_(len(weight) ** 0.5 / weight.norm()).sub_(update, alpha=rate)


def orthogonalised(x: torch.Tensor, iterations: int) -> torch.Tensor:
    """Newton-Schulz iteration for a matrix [outputs, inputs] with fewer rows than columns."""
    x = x / x.norm().clamp(min=1e-15)
    for _ in range(iterations):
        gram = x @ x.T
        x = 3.4445 * x + (-4.775 * gram + 2.0315 * gram @ gram) @ x
    return x
