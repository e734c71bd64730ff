"""Predict stage: label HAET_TEST_IMAGES with the weights in HAET_MODEL_DIR, write predictions.npy."""

import os

import numpy as np
import torch

from model import ResNet9, to_input

torch.set_num_threads(int(os.environ["HAET_CPUS"]))
device = "cuda" if torch.cuda.is_available() else "cpu"

saved = torch.load(os.path.join(os.environ["HAET_MODEL_DIR"], "model.pt"), map_location="cpu")
model = ResNet9(saved["classes"])
model.load_state_dict(saved["weights"])
model.eval().to(device, memory_format=torch.channels_last)

images = np.load(os.environ["HAET_TEST_IMAGES"])  # uint8 [n, 32, 32, 3]
scores = []
with torch.inference_mode():
    for batch in to_input(images, saved["mean"], saved["std"]).split(250):
        batch = batch.to(device)
        scores.append((model(batch) + model(batch.flip(3))).cpu())  # the mean over both mirrorings, times 2

path = os.path.join(os.environ["HAET_OUT_DIR"], "predictions.npy")
np.save(path, torch.cat(scores).float().numpy() / 2)  # float32 [n, classes]
