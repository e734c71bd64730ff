"""Augmented batches: the steps of submission/augment.ts and submission/distort.ts on whole batches."""

import math

import torch
import torch.nn.functional as F

EDGE = 32
CROP_PADDING = 4
LABEL_SMOOTHING = 0.1
ROTATION, ZOOM, SHEAR = math.radians(15), 0.25, 0.2
GAIN, SHIFT = 0.2, 0.15


def signed(*shape: int) -> torch.Tensor:
    return 2 * torch.rand(shape) - 1


class Augmenter:
    def __init__(self, images: torch.Tensor, labels: torch.Tensor, classes: int, batch: int):
        """images: normalised, [n, 3, 32, 32]"""
        padding = (CROP_PADDING,) * 4
        self.padded = F.pad(images, padding, mode="reflect").permute(0, 2, 3, 1).contiguous()
        self.labels, self.classes, self.batch = labels, classes, batch
        self.mirrored_first = torch.rand(len(labels)) < 0.5
        self.order, self.seen = torch.randperm(len(labels)), 0

    def epochs(self) -> float:
        return self.seen / len(self.labels)

    def _indices(self) -> "tuple[torch.Tensor, torch.Tensor]":
        """Returns the next images, and the epoch that each belongs to."""
        indices, epochs = [], []
        missing = self.batch
        while missing > 0:
            epoch, position = divmod(self.seen, len(self.labels))
            if position == 0:
                self.order = torch.randperm(len(self.labels))
            some = self.order[position : position + missing]
            indices.append(some)
            epochs.append(torch.full((len(some),), epoch))
            self.seen += len(some)
            missing -= len(some)
        return torch.cat(indices), torch.cat(epochs)

    def next(self, cutmix: float, distortion: float) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor]":
        """Returns images [batch, 3, 32, 32], targets [batch, classes], and the class of the larger part.

        cutmix: probability that the batch is mixed; distortion: of each image, of shape and of colour.
        """
        index, epoch = self._indices()
        x = self._cropped(index, (self.mirrored_first[index].long() + epoch) % 2 == 1)
        if distortion > 0:
            x = distorted(x, distortion)
        own = F.one_hot(self.labels[index], self.classes).float()
        share = torch.zeros(len(x), 1)
        if torch.rand(()) < cutmix:
            x, share = mixed(x)
        targets = own * (1 - share) + own.roll(-1, 0) * share
        larger = torch.where(share[:, 0] > 0.5, self.labels[index].roll(-1, 0), self.labels[index])
        return x, targets * (1 - LABEL_SMOOTHING) + LABEL_SMOOTHING / self.classes, larger

    def _cropped(self, index: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
        places = torch.arange(EDGE)
        rows = torch.randint(0, 2 * CROP_PADDING + 1, (len(index), 1)) + places
        columns = torch.randint(0, 2 * CROP_PADDING + 1, (len(index), 1)) + places
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
        return self.padded[index[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def distorted(x: torch.Tensor, probability: float) -> torch.Tensor:
    """Rotates, zooms and shears a share of the images, and changes the colours of a share."""
    warped = torch.nonzero(torch.rand(len(x)) < probability)[:, 0]
    if len(warped) > 0:
        x[warped] = warp(x[warped])
    recoloured = (torch.rand(len(x), 1, 1, 1) < probability).float()
    gain = 1 + recoloured * signed(len(x), 3, 1, 1) * GAIN
    return x * gain + recoloured * signed(len(x), 3, 1, 1) * SHIFT


def warp(x: torch.Tensor) -> torch.Tensor:
    count = len(x)
    angle, zoom, shear = signed(count) * ROTATION, (1 + ZOOM) ** signed(count), signed(count) * SHEAR
    cosine, sine, zero = angle.cos() / zoom, angle.sin() / zoom, torch.zeros(count)
    rows = (cosine, cosine * shear - sine, zero, sine, sine * shear + cosine, zero)
    maps = torch.stack(rows, 1).view(count, 2, 3)
    grid = F.affine_grid(maps, (count, 3, EDGE, EDGE), align_corners=True)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=True)


def mixed(x: torch.Tensor) -> "tuple[torch.Tensor, torch.Tensor]":
    """CutMix with the next image of the batch, a box per image.

    Returns images, and the share of the partner in each, [batch, 1].
    """
    edge = (EDGE * torch.rand(len(x), 1).sqrt()).round().long()
    places = torch.arange(EDGE)

    def inside() -> torch.Tensor:
        start = torch.randint(0, EDGE, (len(x), 1)) - edge // 2
        return (places >= start) & (places < start + edge)

    box = inside()[:, :, None] & inside()[:, None, :]
    return torch.where(box[:, None], x.roll(-1, 0), x), box.float().mean((1, 2))[:, None]
