"""The train stage: draws random patches, computes features, fits ridge regression, saves."""

import json
import os
from pathlib import Path

import numpy as np

from features import features_of, patches_of, whitening_of

PATCHES = 400
RIDGE = 3000.0

data = Path(os.environ["HAET_TRAIN_DIR"])
images = np.load(data / "images.npy")
labels = np.load(data / "labels.npy")
random = np.random.default_rng(int(os.environ["HAET_SEED"]))

some = images[random.choice(len(images), min(500, len(images)), replace=False)]
patches = patches_of(some).reshape(-1, patches_of(some[:1]).shape[-1])
whitening = whitening_of(patches)
dictionary = patches[random.choice(len(patches), PATCHES, replace=len(patches) < PATCHES)] @ whitening
dictionary /= np.linalg.norm(dictionary, axis=1, keepdims=True) + 1e-6

features = features_of(images, whitening, dictionary)
mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
scaled = (features - mean) / spread
targets = np.eye(labels.max() + 1, dtype=np.float32)[labels]
weights = np.linalg.solve(
    scaled.T @ scaled + RIDGE * np.eye(scaled.shape[1]), scaled.T @ (targets - targets.mean(axis=0))
)
accuracy = float(((scaled @ weights).argmax(axis=1) == labels).mean())

out = Path(os.environ["HAET_OUT_DIR"])
np.savez(
    out / "model.part.npz",
    whitening=whitening,
    dictionary=dictionary,
    mean=mean,
    spread=spread,
    weights=weights,
)
(out / "model.part.npz").rename(out / "model.npz")  # atomically
os.write(3, (json.dumps({"step": 1, "epoch": 1, "accuracy": accuracy}) + "\n").encode())
