"""Describes the pip of this Python as JSON: its version, how it is started, and the user's settings.

`problem` is what pip said if it cannot be used. Only pip knows all places of its settings, so they are read
from `pip config list`.
"""

import ast
import importlib.util
import json
import os
import subprocess
import sys

# Settings that would change or hide the list itself.
harmless = {"QUIET": "0", "VERBOSE": "0", "USER": "0", "GLOBAL": "0", "SITE": "0", "LOG": os.devnull}
plain = {name: value for name, value in os.environ.items() if name != "PIP_PYTHON"}
plain.update({"PIP_" + name: value for name, value in harmless.items()})


def pip(flags, *words):
    command = [sys.executable, *flags, "-m", "pip", *words]
    done = subprocess.run(
        command, env=plain, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, done.stdout.decode("utf-8", "replace")


conda = os.path.isdir(os.path.join(sys.prefix, "conda-meta"))
kind = "conda" if conda else "venv" if sys.prefix != sys.base_prefix else "system"
if kind == "system" and sys.prefix != "/usr":
    kind = "own"
facts = {
    "flags": [],
    "version": None,
    "settings": [],
    "problem": None,
    "kind": kind,
    "prefix": sys.prefix,
    "ensurepip": importlib.util.find_spec("ensurepip") is not None,
}
# The user's pip can be in PYTHONPATH or the user's own packages, and these can also be what breaks it.
for flags in ([], ["-I"]):
    status, output = pip(flags, "--version")
    if status == 0:
        facts.update(flags=flags, version=output.split()[1], problem=None)
        break
    facts["problem"] = facts["problem"] or output
if facts["version"] is not None:
    status, output = pip(facts["flags"], "config", "list")
    if status != 0:
        facts["problem"] = output
    for line in output.splitlines():
        name, equals, value = line.partition("=")
        if equals and value[:1] in "'\"" and value[-1:] == value[:1]:
            facts["settings"].append([name, ast.literal_eval(value)])
print(json.dumps(facts))
