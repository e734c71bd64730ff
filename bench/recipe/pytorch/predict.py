"""Predict stage: scores averaged over shifted views of HAET_TEST_IMAGES, with the averaged weights."""

import os

import numpy as np
import torch
import torch.nn.functional as F

from model import ResNet9

torch.set_num_threads(int(os.environ["HAET_CPUS"]))
saved = torch.load(os.path.join(os.environ["HAET_MODEL_DIR"], "model.pt"))
model = ResNet9(saved["width"], saved["classes"], torch.zeros(27, 27))
model.load_state_dict(saved["weights"])
model.eval().to(memory_format=torch.channels_last)
model.pool_statistics()

shift = saved["shift"]
places = range(2 * shift + 1)
pixels = torch.from_numpy(np.load(os.environ["HAET_TEST_IMAGES"]))  # uint8 [n, 32, 32, 3]
scores = []
with torch.inference_mode():
    for batch in pixels.split(250):
        x = ((batch.float() - saved["mean"]) / saved["std"]).permute(0, 3, 1, 2)
        padded = F.pad(x, (shift,) * 4, mode="reflect") if shift > 0 else x
        views = (padded[:, :, top : top + 32, left : left + 32] for top in places for left in places)
        logits = [model(view.contiguous(memory_format=torch.channels_last)) for view in views]
        scores.append(torch.stack(logits).mean(0))

path = os.path.join(os.environ["HAET_OUT_DIR"], "predictions.npy")
np.save(path, torch.cat(scores).float().numpy())  # float32 [n, classes]
