"""Optimizers: orthogonalised momentum for the matrices, Adam for everything else."""

import torch
from torch import Tensor

from model import Model


def orthogonalise(gradient: Tensor, steps: int = 5) -> Tensor:
    """Pushes all singular values of a matrix towards one by a quintic Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = gradient.bfloat16()
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x.T if tall else x).float()


class Matrices:
    """Momentum whose updates are orthogonalised."""

    def __init__(self, parameters: list, rate: float, momentum: float = 0.95, decay: float = 0.01):
        self.parameters, self.rate, self.momentum, self.decay = parameters, rate, momentum, decay
        self.buffers = [torch.zeros_like(p) for p in parameters]

    @torch.no_grad()
    def step(self, factor: float) -> None:
        rate = self.rate * factor
        for parameter, buffer in zip(self.parameters, self.buffers):
            if parameter.grad is None:
                continue
            buffer.lerp_(parameter.grad, 1 - self.momentum)
            update = orthogonalise(parameter.grad.lerp(buffer, self.momentum))
            scale = max(1.0, parameter.shape[0] / parameter.shape[1]) ** 0.5
            parameter.mul_(1 - rate * self.decay)
            parameter.add_(update, alpha=-rate * scale)


class Vectors:
    """Adam for the embedding, the norms and the biases."""

    def __init__(self, parameters: list, rate: float):
        self.rate = rate
        self.adam = torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.98), eps=1e-10, weight_decay=0.0)

    def step(self, factor: float) -> None:
        for group in self.adam.param_groups:
            group["lr"] = self.rate * factor
        self.adam.step()


def build(model: Model, matrix_rate: float, vector_rate: float, rank: int = 0, size: int = 1) -> list:
    """Assigns the parameters to their optimizers; process `rank` of `size` gets its share."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and not name.startswith("embed")]
    chosen = {id(p) for p in matrices}
    vectors = [p for p in model.parameters() if id(p) not in chosen]
    return [Matrices(matrices[rank::size], matrix_rate), Vectors(vectors[rank::size], vector_rate)]
