"""Asks the NVIDIA driver for its GPUs, in the way TensorFlow does.

Prints {"gpus": [NAME, ...]}; {"library": REASON} if its library does not load; {"driver": REASON} on errors.
"""

import ctypes
import json


def ask():
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return {"library": str(error)}
    status = cuda.cuInit(0)
    count = ctypes.c_int(0)
    if status == 0:
        status = cuda.cuDeviceGetCount(ctypes.byref(count))
    if status != 0:
        return {"driver": describe(cuda, status)}
    return {"gpus": [name_of(cuda, index) for index in range(count.value)]}


def describe(cuda, status):
    parts = []
    for function in (cuda.cuGetErrorName, cuda.cuGetErrorString):
        text = ctypes.c_char_p()
        if function(status, ctypes.byref(text)) == 0 and text.value:
            parts.append(text.value.decode(errors="replace"))
    return ": ".join(parts) or f"CUDA error {status}"


def name_of(cuda, index):
    device = ctypes.c_int(0)
    name = ctypes.create_string_buffer(256)
    if cuda.cuDeviceGet(ctypes.byref(device), index) or cuda.cuDeviceGetName(name, len(name), device):
        return "GPU"
    return name.value.decode(errors="replace")


print(json.dumps(ask()))
