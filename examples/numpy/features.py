"""Features of an image without a learned layer: how much each part looks like each of some random patches.
After Coates, Ng and Lee, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning" (2011)."""

import numpy as np

EDGE = 6  # pixels of a patch
STRIDE = 2


def patches_of(images):
    """float32 [images, rows, columns, EDGE * EDGE * 3]; images uint8 [n, 32, 32, 3]"""
    windows = np.lib.stride_tricks.sliding_window_view(images, (EDGE, EDGE), axis=(1, 2))
    windows = windows[:, ::STRIDE, ::STRIDE]  # [n, rows, columns, 3, EDGE, EDGE]
    flat = windows.reshape(*windows.shape[:3], -1).astype(np.float32)
    flat -= flat.mean(axis=-1, keepdims=True)
    return flat / np.sqrt(flat.var(axis=-1, keepdims=True) + 10)


def whitening_of(patches):
    """Returns the matrix that decorrelates neighbouring pixels of patches: [dimensions, dimensions]."""
    values, vectors = np.linalg.eigh(np.cov(patches.T))
    return (vectors / np.sqrt(values + 0.1)) @ vectors.T


def features_of(images, whitening, dictionary, batch=100):
    """Returns float32 [n, 8 * patches of the dictionary]: similarity and dissimilarity per image quarter."""
    parts = []
    for start in range(0, len(images), batch):
        likeness = patches_of(images[start : start + batch]) @ (whitening @ dictionary.T)
        middle = likeness.shape[1] // 2
        quarters = [
            likeness[:, y, x]
            for y in (slice(middle), slice(middle, None))
            for x in (slice(middle), slice(middle, None))
        ]
        sums = [
            np.maximum(sign * quarter - 1, 0).sum(axis=(1, 2)) for quarter in quarters for sign in (1, -1)
        ]
        parts.append(np.concatenate(sums, axis=1))
    return np.concatenate(parts)
