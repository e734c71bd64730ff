"""Train stage: the recipe of docs/recipe.md in PyTorch, as a user would write it for speed."""

import time

started = time.monotonic()  # before the slow imports: the clock of the contract runs from process start

import argparse
import copy
import json
import math
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

from augment import Augmenter
from model import Block, ResNet9, whitening_filters
from optimizers import Muon, Sgd

BATCH = 128
WARM_UP = 0.2
MUON_RATE, SGD_RATE = 0.05, 0.5
CUTMIX_FROM_EPOCHS, CUTMIX_FULL_EPOCHS = 25, 40
DISTORT_FROM_EPOCHS, DISTORT_FULL_EPOCHS = 10, 20
STRONG_SHARE, STRONG_UNTIL = 0.5, 0.9
AVERAGE_HORIZON, AVERAGE_EVERY = 0.02, 5
SAVE_EVERY_SECONDS = 15
PREDICT_SECONDS, MOST_SHIFT = 30, 3

options = argparse.ArgumentParser()
options.add_argument("--width", type=float, default=0.5)
options.add_argument("--epochs", type=float, default=0, help="0: as many as the time allows")
options = options.parse_args()

budget = float(os.environ["HAET_BUDGET_SECONDS"])
usable = budget - 1.5  # the rest is for the last save
torch.set_num_threads(int(os.environ["HAET_CPUS"]))
torch.manual_seed(int(os.environ["HAET_SEED"]))
with open("/proc/cpuinfo") as cpuinfo:
    fast_bfloat16 = "bf16" in cpuinfo.read()

train_dir = os.environ["HAET_TRAIN_DIR"]
pixels = torch.from_numpy(np.load(os.path.join(train_dir, "images.npy"))).float()  # [n, 32, 32, 3]
labels = torch.from_numpy(np.load(os.path.join(train_dir, "labels.npy")).astype(np.int64))
classes = int(labels.max()) + 1
mean, std = pixels.mean((0, 1, 2)), pixels.std((0, 1, 2))
images = ((pixels - mean) / std).permute(0, 3, 1, 2)  # [n, 3, 32, 32]

model = ResNet9(options.width, classes, whitening_filters(images)).to(memory_format=torch.channels_last)
average = copy.deepcopy(model)
model.train()
by_muon = [block.filter for block in model.modules() if type(block) is Block]
muon = Muon(by_muon)
sgd = Sgd([weight for weight in model.parameters() if all(weight is not other for other in by_muon)])
augmenter = Augmenter(images, labels, classes, BATCH)
progress = open(int(os.environ["HAET_PROGRESS_FD"]), "w", buffering=1)  # noqa: SIM115, open to the end


def elapsed() -> float:
    return time.monotonic() - started


def used() -> float:
    """Returns the share of the budget that is used up: of the epochs, if they are given, else of the time."""
    return augmenter.epochs() / options.epochs if options.epochs > 0 else elapsed() / usable


def rate_at(fraction: float) -> float:
    return min(fraction / WARM_UP, (1 - fraction) / (1 - WARM_UP))


def expected_epochs(fraction: float) -> float:
    if options.epochs > 0:
        return options.epochs
    done = fraction - training_from
    return augmenter.epochs() / done * (1 - training_from) if done > 0 else 0.0


def strong_share(fraction: float, from_epochs: float, full_epochs: float) -> float:
    """Returns the share of batches with CutMix, or of images that are distorted."""
    rise = (expected_epochs(fraction) - from_epochs) / (full_epochs - from_epochs)
    return STRONG_SHARE * min(1.0, max(0.0, rise)) if fraction < STRONG_UNTIL else 0.0


@torch.no_grad()
def include_in_average(decay: float) -> None:
    for (name, kept), latest in zip(average.state_dict().items(), model.state_dict().values()):
        if not name.endswith((".whitening", ".scale")):
            kept.lerp_(latest, 1 - decay)


def shift() -> int:
    """Returns how far test-time views may be shifted: a forward pass takes a third of a step's time."""
    seconds_per_view = 1000 / 3 * (elapsed() - trained_from) / max(1, augmenter.seen)
    allowed = min(PREDICT_SECONDS, budget / 10)
    fitting = [each for each in range(MOST_SHIFT + 1) if (2 * each + 1) ** 2 * seconds_per_view <= allowed]
    return max(fitting, default=0)


def save() -> None:
    """Saves atomically: a kill during the save leaves the previous weights."""
    path = os.path.join(os.environ["HAET_OUT_DIR"], "model.pt")
    state = {"weights": average.state_dict(), "width": options.width, "classes": classes}
    torch.save({**state, "mean": mean, "std": std, "shift": shift()}, path + ".part")
    os.replace(path + ".part", path)


training_from, trained_from = used(), elapsed()
step, slowest_step, saved_at = 0, 0.0, elapsed()
included, included_at = 0, training_from
while used() < 1 and elapsed() + 1.5 * slowest_step < usable:
    step_started, fraction = elapsed(), used()
    x, targets, larger = augmenter.next(
        strong_share(fraction, CUTMIX_FROM_EPOCHS, CUTMIX_FULL_EPOCHS),
        strong_share(fraction, DISTORT_FROM_EPOCHS, DISTORT_FULL_EPOCHS),
    )
    with torch.autocast("cpu", torch.bfloat16, enabled=fast_bfloat16):
        logits = model(x.contiguous(memory_format=torch.channels_last), step % AVERAGE_EVERY == 0)
    loss = F.cross_entropy(logits.float(), targets)
    model.zero_grad()
    (loss / 2).backward()  # a stored weight occurs twice in the network
    muon.step(MUON_RATE * rate_at(fraction))
    sgd.step(SGD_RATE * rate_at(fraction))
    if step % AVERAGE_EVERY == 0:
        decay = min(math.exp(-(fraction - included_at) / AVERAGE_HORIZON), included / (included + 1))
        include_in_average(decay)
        included, included_at = included + 1, fraction
    step += 1
    seconds = elapsed() - step_started
    slowest_step = max(slowest_step, seconds) if step > 1 else 0.0
    line = {
        "step": step,
        "epoch": augmenter.epochs(),
        "loss": round(loss.item(), 4),
        "accuracy": round((logits.argmax(1) == larger).float().mean().item(), 4),
        "imagesPerSecond": round(BATCH / seconds, 1),
    }
    progress.write(json.dumps(line) + "\n")
    if elapsed() - saved_at > SAVE_EVERY_SECONDS:
        save()
        saved_at = elapsed()
save()
print(f"{step} steps, {augmenter.epochs():.1f} epochs of width {options.width} in {elapsed():.1f} s")
if options.epochs > 0 and used() < 1:
    raise SystemExit(f"out of time after {augmenter.epochs():.1f} of {options.epochs:g} epochs")
sys.stdout.flush()
os._exit(0)  # at once: PyTorch's normal exit takes 2 to 3 s
