#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Before the measurements: the networks of random weights, the released one, and what is known of the machine and the versions."""
import argparse
import ctypes
import datetime
import json
import os
import pathlib
import platform
import subprocess

import numpy
from network import CONTEXT, Weights
from safetensors.numpy import save_file

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--libraries", type=pathlib.Path, required=True)
parser.add_argument("--released", type=pathlib.Path, required=True)
parser.add_argument("--rows", type=pathlib.Path, required=True)
parser.add_argument("--quick", action="store_true")
arguments = parser.parse_args()

ours = ctypes.CDLL(str(arguments.libraries / "libclustermass.so"))
ours.peer_error.restype = ctypes.c_char_p
for architecture, name in (("16-32-64-128-128", "reference"), ("16-16-32-48-64", "released_untrained")):
    if ours.clustermass_write_random(architecture.encode(), str(arguments.libraries / f"{name}.safetensors").encode()):
        raise SystemExit(ours.peer_error().decode())

# The released network in a file of the present version, that all read alike: the heads' hidden layer of an older one has
# shorter rows, and zeros for what it does not look at.
released = Weights.read(arguments.released, "released")
for head in range(released.heads):
    name = f"mass.{head}.3.weight"
    missing = 5 * released.channels[4] + CONTEXT - released.tensors[name].shape[1]
    released.tensors[name] = numpy.pad(released.tensors[name], ((0, 0), (0, missing)))
save_file(released.tensors, arguments.libraries / "released.safetensors", released.metadata | {"format_version": "2"})


def first(path, key):
    with open(path) as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith(key)), "unknown")


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


caches = {}
base = pathlib.Path("/sys/devices/system/cpu/cpu0/cache")
for index in sorted(base.glob("index*")):
    if (index / "type").read_text().strip() != "Instruction":
        caches["L" + (index / "level").read_text().strip()] = (index / "size").read_text().strip()
flags = first("/proc/cpuinfo", "flags").split()
with open(arguments.rows, "a") as file:
    file.write(json.dumps({
        "what": "machine", "date": datetime.date.today().isoformat(), "quick": arguments.quick,
        "processor": f"{first('/proc/cpuinfo', 'model name')} (family {first('/proc/cpuinfo', 'cpu family')}, "
                     f"model {first('/proc/cpuinfo', 'model')}), {os.cpu_count()} cores",
        "instruction_sets": [name for name in ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile") if name in flags],
        "caches": caches, "memory": first("/proc/meminfo", "MemTotal"), "system": platform.platform(terse=True),
        "compiler": output("g++", "--version"), "python": platform.python_version(),
        "commit": output("git", "describe", "--always", "--dirty"), "load": os.getloadavg()[0]}) + "\n")
