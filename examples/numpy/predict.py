"""The predict stage: scores of every class for every test image."""

import os
from pathlib import Path

import numpy as np

from features import features_of

model = np.load(Path(os.environ["HAET_MODEL_DIR"]) / "model.npz")
images = np.load(os.environ["HAET_TEST_IMAGES"])
features = features_of(images, model["whitening"], model["dictionary"])
scores = ((features - model["mean"]) / model["spread"]) @ model["weights"]
np.save(Path(os.environ["HAET_OUT_DIR"]) / "predictions.npy", np.ascontiguousarray(scores, dtype=np.float32))
