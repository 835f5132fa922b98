#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What it costs to have the network in a program: cold start, memory, size and compile time, beside programs that do the
same with a rival. All of them run the released network once on one cutout; ours makes a whole estimate of it."""
import argparse
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import warnings

import numpy

from compiled import Library
from network import Weights, onnx_network, torch_network
from rivals import write_ncnn

warnings.filterwarnings("ignore")
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--libraries", type=pathlib.Path, required=True)
parser.add_argument("--released", type=pathlib.Path, required=True)
parser.add_argument("--rows", type=pathlib.Path, required=True)
parser.add_argument("--quick", action="store_true")
arguments = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = "1"
folder = arguments.libraries.resolve()
tree = pathlib.Path(__file__).resolve().parents[3]
site = pathlib.Path(numpy.__file__).resolve().parents[1]
SYSTEM = re.compile(r"/(libc|libm|libdl|librt|libpthread|ld-linux-x86-64|libstdc\+\+|libgcc_s)[.-]")


def say(text):
    print(text, file=sys.stderr, flush=True)


def write_row(**row):
    with open(arguments.rows, "a") as file:
        file.write(json.dumps(row) + "\n")


def version(module):
    from importlib.metadata import version as of
    return of(module)


def write_models(weights):
    import onnx
    import torch
    onnx.save(onnx_network(weights, 1), str(folder / "network.onnx"))
    write_ncnn(weights, folder)
    with torch.no_grad():
        example = torch.zeros(1, 5, 128, 128), torch.zeros(1, 5, 64), torch.zeros(1, 17)
        traced = torch.jit.trace(torch_network(weights).eval(), example, check_trace=False)
        torch.jit.save(torch.jit.freeze(traced), str(folder / "network.pt"))


def loaded_files(command):
    """The files a program has mapped at its end: [(path, bytes)], system libraries left out."""
    shown = subprocess.run(command.split(), capture_output=True, text=True, check=True,
                           env={**os.environ, "CLUSTERMASS_PEERS_MAPS": "1"}).stdout
    paths = {line.split()[-1] for line in shown.splitlines() if len(line.split()) == 6 and line.split()[-1][0] == "/"}
    return {path: os.path.getsize(path) for path in paths
            if os.path.exists(path) and (".so" in path or path == command.split()[0]) and not SYSTEM.search(path)}


def stripped_size(path):
    with tempfile.NamedTemporaryFile() as copy:
        subprocess.run(["strip", "-o", copy.name, path], check=True)
        return os.path.getsize(copy.name)


def programs():
    """(name, version, command, zero) of every program there is; zero is what it is measured from."""
    python = f"{sys.executable} {tree / 'bench/peers/cold/python.py'}"
    empty, nothing = f"{folder}/cold_empty", f"{python} none {folder}"
    onednn = folder / "libonednn3.so"
    table = [("empty program", "", empty, None), ("Python with NumPy", "", nothing, None),
             ("clustermass", "", f"{folder}/cold_embedded", empty),
             ("clustermass, from_file", "", f"{folder}/cold_from_file {arguments.released.resolve()}", empty),
             ("oneDNN 3", Library(onednn).version if onednn.exists() else "", f"{folder}/cold_onednn {arguments.released.resolve()} any", empty),
             ("libtorch", version("torch"), f"{folder}/cold_torch {folder}/network.pt", empty),
             ("OpenVINO", version("openvino"), f"{folder}/cold_openvino {folder}/network.onnx", empty),
             ("ONNX Runtime (Python)", version("onnxruntime"), f"{python} onnxruntime {folder}", nothing),
             ("ncnn (Python)", version("ncnn"), f"{python} ncnn {folder}", nothing)]
    return [row for row in table if os.path.exists(row[2].split()[0])]


def cold_starts(table):
    rounds = 5 if arguments.quick else 25
    found = subprocess.run([f"{folder}/launch", str(rounds), *(row[2] for row in table)], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    times = {command: [float(x) for x in line.split()] for (_, _, command, _), line in zip(table, found)}
    ours = {}
    for name, number, command, zero in table:
        median, least, processor, resident = times[command]
        extra = median - times[zero][0] if zero else median
        memory = (resident - (times[zero][3] if zero else 0)) / 1024
        files = loaded_files(command)
        size = sum(files.values())
        if command.split()[0] in files and "python" not in command:
            size += stripped_size(command.split()[0]) - files[command.split()[0]]
        if zero and "python" in zero:
            size -= sum(loaded_files(zero).values())
        values = {"cold start": extra, "peak memory": memory, "size": size / 2**20}
        if name == "clustermass":
            ours = values
        for what, unit in (("cold start", "ms"), ("peak memory", "MiB"), ("size", "MiB")):
            ratio = ours[what] / values[what] if zero and ours else None
            write_row(rival=name, version=number, what=what, network="released", batch=1, threads=1,
                      ratio=ratio and round(ratio, 5), spread=None, agreement=None, value=values[what], unit=unit,
                      least=least, processor=processor, resident=resident / 1024)
        say(f"    {name:28} {extra:8.1f} ms {'over ' + ('nothing' if not zero else 'its zero'):14}"
            f"{memory:8.1f} MiB of memory {size / 2**20:8.2f} MiB of files")


def compile_times():
    """Processor time of one -O2 compilation, best of three."""
    sources = {
        "an empty file": ("int nothing;", []),
        "Eigen/Dense, one product": ("#include <Eigen/Dense>\nvoid f(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b, "
                                     "Eigen::MatrixXf& c);\nvoid f(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b, "
                                     "Eigen::MatrixXf& c) { c.noalias() = a * b; }", ["-isystem", "/usr/include/eigen3"]),
        "clustermass/pretrained.hpp": ("#include <clustermass/pretrained.hpp>", []),
        "clustermass, the whole network": ("#include <clustermass/clustermass.hpp>\ndouble f(const clustermass::Cutout& c);"
                                           "\ndouble f(const clustermass::Cutout& c) { return clustermass::Estimator::"
                                           "from_file(\"w\").estimate_mass(c).log10_m500c; }", []),
        "dnnl.hpp": ("#include <dnnl.hpp>", []),
        "torch/script.h": ("#include <torch/script.h>", [f"-I{site}/torch/include",
                                                         f"-I{site}/torch/include/torch/csrc/api/include"]),
        "openvino/openvino.hpp": ("#include <openvino/openvino.hpp>", [f"-I{site}/openvino/include"]),
    }
    seconds = {}
    with tempfile.TemporaryDirectory() as work:
        for name, (text, options) in sources.items():
            pathlib.Path(work, "unit.cpp").write_text(text + "\n")
            best = None
            for _ in range(1 if arguments.quick else 3):
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                done = subprocess.run(["g++", "-std=c++20", "-O2", f"-I{tree}/include", *options, "-c", f"{work}/unit.cpp",
                                       "-o", f"{work}/unit.o"], capture_output=True)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                if done.returncode:
                    say(f"    {name} does not compile: left out")
                    break
                spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                best = spent if best is None else min(best, spent)
            if best is not None:
                seconds[name] = best
    for name, value in seconds.items():
        say(f"    {name:40} {value:6.2f} s")
        write_row(rival=name, version="", what="compile time", network="released", batch=None, threads=1,
                  ratio=round(seconds["clustermass, the whole network"] / value, 4), spread=None, agreement=None,
                  value=value, unit="s")


say("footprint: cold start, memory, size")
write_models(Weights.read(arguments.released, "released"))
cold_starts(programs())
say("footprint: compile time")
compile_times()
