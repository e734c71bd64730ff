"""ResNet-9 with mirror-equivariant filters and patch whitening: the network of submission/model."""

import torch
import torch.nn.functional as F
from torch import nn

CELU_ALPHA = 0.3
LOGIT_SCALE = 1 / 16
STATISTICS_MOMENTUM = 0.2


def mirrored(stored: torch.Tensor, swaps_inputs: bool) -> torch.Tensor:
    """Returns the filters of all channels: the stored half [out / 2, in, 3, 3], then its mirror image."""
    image = stored.flip(3)
    if swaps_inputs:
        image = torch.cat(image.chunk(2, 1)[::-1], 1)
    return torch.cat((stored, image), 0)


def uniform(*shape: int, inputs: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape).uniform_(-(inputs**-0.5), inputs**-0.5))


class Block(nn.Module):
    """Convolution, pool, batch norm without a scale, celu."""

    def __init__(self, inputs: int, outputs: int, pool: bool = False):
        super().__init__()
        self.pool = pool
        self.filter = uniform(outputs // 2, inputs, 3, 3, inputs=9 * inputs)
        self.offset = nn.Parameter(torch.zeros(outputs // 2))
        self.register_buffer("mean", torch.zeros(outputs))
        self.register_buffer("variance", torch.ones(outputs))
        self.register_buffer("scale", torch.ones(outputs))

    def weight(self) -> torch.Tensor:
        return mirrored(self.filter, True)

    def forward(self, x: torch.Tensor, keeps_statistics: bool) -> torch.Tensor:
        x = F.conv2d(x, self.weight(), padding=1)
        if self.pool:
            x = F.max_pool2d(x, 2)
        statistics = (self.mean, self.variance) if keeps_statistics or not self.training else (None, None)
        offset = torch.cat((self.offset, self.offset))
        x = F.batch_norm(x, *statistics, self.scale, offset, self.training, STATISTICS_MOMENTUM, 1e-5)
        return F.celu(x, CELU_ALPHA)


class Stem(Block):
    """Frozen whitening filters and a learnt projection, as one convolution by their product."""

    def __init__(self, outputs: int, whitening: torch.Tensor):
        super().__init__(3, outputs)
        del self.filter
        self.register_buffer("whitening", whitening)
        self.projection = uniform(outputs // 2, 27, inputs=27)

    def weight(self) -> torch.Tensor:
        return mirrored((self.projection @ self.whitening).view(-1, 3, 3, 3), False)


class ResNet9(nn.Module):
    def __init__(self, width: float, classes: int, whitening: torch.Tensor):
        super().__init__()
        # Multiples of 16, as in our network.
        c1, c2, c3, c4 = (max(16, int(width * full / 16 + 0.5) * 16) for full in (64, 128, 256, 512))
        self.stem = Stem(c1, whitening)
        self.layer1 = Block(c1, c2, pool=True)
        self.residual1 = nn.ModuleList((Block(c2, c2), Block(c2, c2)))
        self.layer2 = Block(c2, c3, pool=True)
        self.layer3 = Block(c3, c4, pool=True)
        self.residual3 = nn.ModuleList((Block(c4, c4), Block(c4, c4)))
        self.head = uniform(classes, c4 // 2, inputs=c4)

    def forward(self, x: torch.Tensor, keeps_statistics: bool = False) -> torch.Tensor:
        """[batch, 3, 32, 32] -> [batch, classes]"""
        x = self.layer1(self.stem(x, keeps_statistics), keeps_statistics)
        first, second = self.residual1
        x = x + second(first(x, keeps_statistics), keeps_statistics)
        x = self.layer3(self.layer2(x, keeps_statistics), keeps_statistics)
        first, second = self.residual3
        x = x + second(first(x, keeps_statistics), keeps_statistics)
        return LOGIT_SCALE * F.linear(x.amax((2, 3)), torch.cat((self.head, self.head), 1))

    def pool_statistics(self) -> None:
        """Gives both halves of the channels the statistics of both: mirror images get the same scores."""
        for block in self.modules():
            if isinstance(block, Block):
                means, variances = block.mean.view(2, -1), block.variance.view(2, -1)
                between = ((means[0] - means[1]) / 2) ** 2
                block.mean.copy_(means.mean(0).repeat(2))
                block.variance.copy_((variances.mean(0) + between).repeat(2))


def whitening_filters(images: torch.Tensor, epsilon: float = 1e-2) -> torch.Tensor:
    """Returns filters [27, 27] that whiten 3x3 patches of images [n, 3, 32, 32], a row per filter."""
    patches = images.unfold(2, 3, 2).unfold(3, 3, 2).permute(0, 2, 3, 1, 4, 5).reshape(-1, 27)
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    return vectors.T / (values.clamp(min=0) + epsilon).sqrt()[:, None]
