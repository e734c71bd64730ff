"""The train stage: draws random patches, then fits ridge regression to as many images as the time allows."""

import os
import time

started = time.monotonic()  # the clock of the contract runs from process start
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["HAET_CPUS"]  # read when NumPy is imported

import json
from pathlib import Path

import numpy as np

from features import features_of, patches_of, whitening_of

PATCHES = 200
RIDGE = 3000.0
BATCH = 250
SAVE_EVERY_SECONDS = 20

budget = float(os.environ["HAET_BUDGET_SECONDS"])
usable = budget - max(1.5, 0.02 * budget)  # the rest is for the exit
data = Path(os.environ["HAET_TRAIN_DIR"])
out = Path(os.environ["HAET_OUT_DIR"])
images = np.load(data / "images.npy")  # uint8 [n, 32, 32, 3]
labels = np.load(data / "labels.npy")  # uint8 [n]
random = np.random.default_rng(int(os.environ["HAET_SEED"]))

some = images[random.choice(len(images), min(200, len(images)), replace=False)]
patches = patches_of(some).reshape(-1, patches_of(some[:1]).shape[-1])
whitening = whitening_of(patches)
dictionary = patches[random.choice(len(patches), PATCHES, replace=len(patches) < PATCHES)] @ whitening
dictionary /= np.linalg.norm(dictionary, axis=1, keepdims=True) + 1e-6
whitening, dictionary = whitening.astype(np.float32), dictionary.astype(np.float32)


def elapsed():
    return time.monotonic() - started


class Ridge:
    """Sums over the images seen so far, from which the regression can be solved at any time."""

    def __init__(self, dimensions, classes):
        self.count = 0
        self.features = np.zeros(dimensions)
        self.targets = np.zeros(classes)
        self.squares = np.zeros((dimensions, dimensions))
        self.products = np.zeros((dimensions, classes))

    def include(self, features, targets):
        self.count += len(features)
        self.features += features.sum(axis=0)
        self.targets += targets.sum(axis=0)
        self.squares += features.T @ features
        self.products += features.T @ targets

    def solve(self):
        """Returns mean and spread of the features, and weights of the scaled ones: [dimensions, classes]."""
        mean = self.features / self.count
        covered = self.squares - self.count * np.outer(mean, mean)
        spread = np.sqrt(np.maximum(covered.diagonal(), 0) / self.count) + 1e-3
        squares = covered / np.outer(spread, spread)
        products = (self.products - np.outer(mean, self.targets)) / spread[:, None]
        return mean, spread, np.linalg.solve(squares + RIDGE * np.eye(len(mean)), products)


def save(mean, spread, weights):
    """Saves atomically: a kill during the save leaves the previous model."""
    np.savez(
        out / "model.part.npz",
        whitening=whitening,
        dictionary=dictionary,
        mean=mean,
        spread=spread,
        weights=weights,
    )
    (out / "model.part.npz").rename(out / "model.npz")


order = random.permutation(len(images))
one_hot = np.eye(labels.max() + 1, dtype=np.float32)
ridge = None
slowest_batch = slowest_save = 0.0
saved_at = -np.inf
for start in range(0, len(images), BATCH):
    batch_started = elapsed()
    if ridge is not None and batch_started + 1.5 * slowest_batch + 2 * slowest_save > usable:
        break
    chosen = order[start : start + BATCH]
    features = features_of(images[chosen], whitening, dictionary)
    ridge = ridge or Ridge(features.shape[1], one_hot.shape[1])
    ridge.include(features, one_hot[labels[chosen]])
    slowest_batch = max(slowest_batch, elapsed() - batch_started)
    is_last = start + BATCH >= len(images)
    if not is_last and elapsed() - saved_at > SAVE_EVERY_SECONDS:
        save(*ridge.solve())
        saved_at = elapsed()
        slowest_save = max(slowest_save, saved_at - batch_started - slowest_batch)
mean, spread, weights = ridge.solve()
save(mean, spread, weights)

accuracy = float((((features - mean) / spread @ weights).argmax(axis=1) == labels[chosen]).mean())
line = {"step": 1, "epoch": ridge.count / len(images), "accuracy": accuracy}
os.write(int(os.environ["HAET_PROGRESS_FD"]), (json.dumps(line) + "\n").encode())
