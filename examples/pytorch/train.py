"""Train stage: read HAET_TRAIN_DIR, use the time there is, keep the newest weights in HAET_OUT_DIR."""

import time

started = time.monotonic()  # before the slow imports: the clock of the contract runs from process start

import argparse
import json
import os

import numpy as np
import torch
import torch.nn.functional as F

from model import ResNet9, to_input

BATCH = 250
WEIGHT_DECAY = 5e-4
SAVE_EVERY_SECONDS = 20

# Words of the train command: `haet dry-run --entry-arg`, or the arms of `haet study`.
options = argparse.ArgumentParser()
options.add_argument("--peak-learning-rate", type=float, default=0.2)
options.add_argument("--epochs", type=float, default=0, help="0: as many as the time allows")
options = options.parse_args()

budget = float(os.environ["HAET_BUDGET_SECONDS"])
usable = budget - max(1.5, 0.02 * budget)  # the rest is for the last save and the exit
torch.set_num_threads(int(os.environ["HAET_CPUS"]))
torch.manual_seed(int(os.environ["HAET_SEED"]))
device = "cuda" if torch.cuda.is_available() else "cpu"


def has_fast_bfloat16() -> bool:
    """On a CPU without bfloat16 instructions, autocast is ten times slower than float32."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    try:
        with open("/proc/cpuinfo") as cpuinfo:
            return "bf16" in cpuinfo.read()
    except OSError:
        return False


fast_bfloat16 = has_fast_bfloat16()

train_dir = os.environ["HAET_TRAIN_DIR"]
images = np.load(os.path.join(train_dir, "images.npy"))  # uint8 [n, 32, 32, 3]
labels = torch.from_numpy(np.load(os.path.join(train_dir, "labels.npy")).astype(np.int64)).to(device)
classes = int(labels.max()) + 1
pixels = torch.from_numpy(images).float() / 255
mean, std = pixels.mean((0, 1, 2)), pixels.std((0, 1, 2))
padded = F.pad(to_input(images, mean, std), (4, 4, 4, 4), mode="reflect").to(device)  # [n, 3, 40, 40]

model = ResNet9(classes).to(device, memory_format=torch.channels_last)
optimizer = torch.optim.SGD(
    model.parameters(), lr=0.0, momentum=0.9, nesterov=True, weight_decay=WEIGHT_DECAY
)
progress = open(int(os.environ["HAET_PROGRESS_FD"]), "w", buffering=1)  # noqa: SIM115, open to the end


def elapsed() -> float:
    return time.monotonic() - started


def used() -> float:
    """Returns the share of the budget that is used up: of the epochs, if they are given, else of the time."""
    return step / (options.epochs * per_epoch) if options.epochs > 0 else elapsed() / usable


def learning_rate(fraction: float) -> float:
    """Rises for the first fifth of the budget, then falls to 0, whatever the speed of the machine."""
    return options.peak_learning_rate * min(fraction / 0.2, (1 - fraction) / 0.8)


def augment(index: torch.Tensor) -> torch.Tensor:
    """Returns random 32x32 windows of the padded images, half of them mirrored: [batch, 3, 32, 32]."""
    window = torch.arange(32, device=device)
    rows = torch.randint(0, 9, (len(index), 1), device=device) + window
    columns = torch.randint(0, 9, (len(index), 1), device=device) + window
    mirrored = torch.rand(len(index), 1, device=device) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    x = padded.permute(0, 2, 3, 1)[index[:, None, None], rows[:, :, None], columns[:, None, :]]
    return x.permute(0, 3, 1, 2)


def save() -> None:
    """Saves atomically: a kill during the save leaves the previous weights."""
    path = os.path.join(os.environ["HAET_OUT_DIR"], "model.pt")
    torch.save({"weights": model.state_dict(), "classes": classes, "mean": mean, "std": std}, path + ".part")
    os.replace(path + ".part", path)


batch = min(BATCH, len(images))
per_epoch = len(images) // batch
step, slowest_step, saved_at = 0, 0.0, elapsed()
order = torch.randperm(len(images), device=device)
model.train()
while used() < 1 and elapsed() + 1.5 * slowest_step < usable:
    step_started = elapsed()
    if step % per_epoch == 0:
        order = torch.randperm(len(images), device=device)
    index = order[step % per_epoch * batch :][:batch]
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(used())
    with torch.autocast(device, dtype=torch.bfloat16, enabled=fast_bfloat16):
        logits = model(augment(index))
    loss = F.cross_entropy(logits.float(), labels[index], label_smoothing=0.1)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    step += 1
    seconds = elapsed() - step_started
    slowest_step = max(slowest_step, seconds)
    line = {
        "step": step,
        "epoch": step / per_epoch,
        "loss": round(loss.item(), 4),
        "accuracy": round((logits.argmax(1) == labels[index]).float().mean().item(), 4),
        "imagesPerSecond": round(batch / seconds, 1),
    }
    progress.write(json.dumps(line) + "\n")
    if elapsed() - saved_at > SAVE_EVERY_SECONDS:
        save()
        saved_at = elapsed()
save()
if options.epochs > 0 and used() < 1:
    raise SystemExit(f"out of time after {step / per_epoch:.1f} of {options.epochs:g} epochs")
os._exit(0)  # at once: PyTorch's normal exit takes 2 to 3 s, which may pass the deadline
