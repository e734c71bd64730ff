"""The peer: the same blocks in PyTorch, channels_last.

Arguments: threads, float32 or bfloat16 (autocast).
Reads questions, one line of JSON each, and answers with one line of JSON, the seconds of every repeat.
Exits at the end of its standard input.
"""

import json
import sys
import time

import torch
from torch.nn import functional as F


def image(batch, channels, edge, dtype):
    return torch.randn(batch, channels, edge, edge).to(dtype).to(memory_format=torch.channels_last)


def block(x, filters, weight, bias, pool):
    x = F.conv2d(x, filters, padding=1)
    if pool:
        x = F.max_pool2d(x, 2)
    return F.celu(F.batch_norm(x, None, None, weight, bias, training=True), 0.3)


def prepare(kernel, batch, edge, inputs, outputs, pool, wants_input, dtype):
    """Returns a function without arguments that runs the kernel once and nothing else."""
    # Images are float32, and the activations of a block are what it computes in.
    x = image(batch, inputs, edge, dtype if wants_input else torch.float32).requires_grad_(wants_input)
    filters = torch.randn(outputs, inputs, 3, 3).to(memory_format=torch.channels_last).requires_grad_()
    weight, bias = torch.ones(outputs), torch.zeros(outputs, requires_grad=True)
    if kernel == "forward":
        return lambda: block(x, filters, weight, bias, pool)
    result = block(x, filters, weight, bias, pool)
    gradient = torch.randn_like(result)
    wanted = [filters, bias] + ([x] if wants_input else [])
    return lambda: torch.autograd.grad(result, wanted, gradient, retain_graph=True)


def main(threads, precision):
    torch.set_num_threads(threads)
    dtype = getattr(torch, precision)
    for line in sys.stdin:
        question = json.loads(line)
        repeats, warm_ups, wants_input = (question.pop(name) for name in ("repeats", "warmUps", "wantsInput"))
        seconds = []
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            run = prepare(**question, wants_input=wants_input, dtype=dtype)
            for _ in range(warm_ups + repeats):
                started = time.perf_counter()
                run()
                seconds.append(time.perf_counter() - started)
        print(json.dumps({"seconds": seconds[warm_ups:]}), flush=True)


main(int(sys.argv[1]), sys.argv[2])
