#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Times the library and its rivals in turns, in one process, for one number of threads. Started by run.sh, which sets
the environment. One row of JSON per comparison goes to --rows, progress to standard error."""
import argparse
import ctypes
import faulthandler
import json
import os
import pathlib
import sys
import time
import warnings

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--libraries", type=pathlib.Path, required=True, help="folder of what run.sh has built")
parser.add_argument("--networks", nargs="+", required=True, metavar="LABEL=FILE")
parser.add_argument("--what", nargs="+", default=["forward", "train"], choices=["forward", "train"])
parser.add_argument("--batches", nargs="+", type=int, default=[1, 32])
parser.add_argument("--rows", type=pathlib.Path, required=True)
parser.add_argument("--quick", action="store_true")
arguments = parser.parse_args()
if arguments.threads == 1:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before any library counts the cores
warnings.filterwarnings("ignore")
faulthandler.enable()  # rivals are native code

import numpy  # noqa: E402

import timing  # noqa: E402
from compiled import Library  # noqa: E402
from network import Weights, random_input, torch_network  # noqa: E402

LARGEST_ERROR = 1e-4  # relative, of the outputs; a rival beyond it is not timed
load = timing.Load()


def say(text):
    print(text, file=sys.stderr, flush=True)


def write_row(**row):
    with open(arguments.rows, "a") as file:
        file.write(json.dumps(row) + "\n")


class Peak:
    def __init__(self):
        library = ctypes.CDLL(str(arguments.libraries / "libfma_peak.so"))
        library.fma_peak.restype = ctypes.c_double
        self.measure = library.fma_peak

        self.wide, self.narrow = [], []  # FLOP/s of one core, turn by turn

    def __call__(self):
        self.narrow.append(self.measure(32))
        self.wide.append(self.measure(64) or self.narrow[-1])


class Refused(Exception):
    pass


def checked(call, wanted):
    """The call, and the largest error of its outputs relative to the largest output, or Refused."""
    error = float(numpy.abs(call() - wanted).max() / numpy.abs(wanted).max())
    if not error <= LARGEST_ERROR:
        raise Refused(f"its outputs differ by {error:.1e}, more than {LARGEST_ERROR:g}: not timed")
    return error


def best_setting(rival, weights, n, data, wanted):
    """The fastest setting that agrees: (name, call, error, seconds)."""
    best, reasons = None, []
    clock = 1 if arguments.threads == 1 else 0
    for name, open_setting in rival.settings.items():
        try:
            call = open_setting(weights, n, arguments.threads)(data)
            error = checked(call, wanted)
        except Refused as refusal:
            reasons.append(f"{name}: {refusal}")
            continue
        except Exception as failure:
            reasons.append(f"{name}: {type(failure).__name__}: {str(failure).splitlines()[0][:160]}")
            continue
        seconds = []
        for _ in range(2 if arguments.quick else 4):
            seconds.append(timing.turn(call, 1 if not seconds else timing.repeats_for(seconds[-1]), 0)[clock])
            if best and seconds[-1] > 2 * best[3]:
                break
        if best is None or min(seconds) < best[3]:
            close(best)
            best = (name, call, error, min(seconds))
        else:
            close((name, call))
    for reason in reasons:
        say(f"    {rival.name}, {reason}")
    return best


def close(setting):
    if setting and hasattr(setting[1], "close"):
        setting[1].close()


def double_outputs(weights, data):
    """What PyTorch computes in double precision."""
    import torch
    network = torch_network(weights).double().eval()
    with torch.inference_mode():
        return network(*(torch.from_numpy(data[name]).double() for name in ("images", "regions", "context"))).numpy()


def compare_forward(weights, n):
    from rivals import Rival, all_rivals, compiled_settings

    threads, label = arguments.threads, weights.label
    data, ours = random_input(n), Library(arguments.libraries / "libclustermass.so")
    wanted = double_outputs(weights, data)
    one = {name: values[:1] for name, values in data.items()}
    checked(ours.open(weights, 1, 1, "float64")(one), wanted[:1])  # the library's own oracle, too slow for all
    participants = [Rival("clustermass", ours.version, compiled_settings(ours, {"as it chooses": ""}))]
    participants += all_rivals(arguments.libraries, n, threads, arguments.quick)
    if n == 1 and threads == 1:  # what the instruction sets are worth, and a host without any of them
        participants += [Rival("clustermass, AVX2", ours.version, compiled_settings(ours, {"avx2": "avx2"})),
                         Rival("clustermass, baseline", ours.version, compiled_settings(ours, {"baseline": "baseline"}))]
        plain = Library(arguments.libraries / "libeigen_plain.so")
        participants.append(Rival("Eigen, im2col, plain flags", plain.version, compiled_settings(plain, {"-O2": ""})))

    chosen = {}
    for rival in participants:
        best = best_setting(rival, weights, n, data, wanted)
        if best is None:
            say(f"    {rival.name}: no setting runs and agrees; left out")
            write_row(rival=rival.name, version=rival.version, what="forward", network=label, batch=n, threads=threads,
                      ratio=None, spread=None, agreement=None)
            continue
        chosen[rival.name] = (rival, *best)
    load.look()
    peak = Peak()
    calls = {name: (call, timing.repeats_for(seconds)) for name, (_, _, call, _, seconds) in chosen.items()}
    calls["peak"] = (peak, 0)
    budget = {1: 8, 32: 30}.get(n, 15) * (0.2 if arguments.quick else 1)
    times = timing.interleaved(calls, budget, 5 if arguments.quick else 9, 41, 0.004 if threads > 1 else 0)
    others = load.look()

    if others > 0.1:
        say(f"    other programs used {100 * others:.0f} % of the processors: these figures mean little")
    clock = 1 if threads == 1 else 0
    columns = {name: [t[clock] for t in series] for name, series in times.items()}
    for name, (rival, setting, call, error, _) in chosen.items():
        compared_with = "clustermass, baseline" if name == "Eigen, im2col, plain flags" else "clustermass"
        ratio, spread = timing.ratio(columns[compared_with], columns[name])
        seconds = timing.quartiles(columns[name])[1]
        write_row(rival=name, version=rival.version, setting=setting, what="forward", network=label, batch=n,
                  threads=threads, ratio=round(ratio, 4), spread=round(spread, 4), agreement=error,
                  milliseconds=seconds * 1e3, clock="processor" if clock else "wall",
                  ratio_wall=timing.ratio([t[0] for t in times[compared_with]], [t[0] for t in times[name]])[0],
                  rounds=len(times[name]), others=others, flop=weights.flop() * n, peak=timing.quartiles(peak.narrow if setting == "avx2" else peak.wide)[1])
        say(f"    {name:28} {seconds * 1e3:9.3f} ms   ours / theirs {ratio:6.3f} +- {spread:.3f}   {setting}")
        close((setting, call))


def compare_scaling(weights):
    """This library with itself: a batch against single cutouts, several threads against one."""
    library, threads = Library(arguments.libraries / "libclustermass.so"), arguments.threads
    calls = {}
    for n in (1, 32):
        for t in {1, threads}:
            call = library.open(weights, n, t)(random_input(n))
            call()
            calls[n, t] = call, timing.repeats_for(timing.turn(call, 1, 0)[0])
    clock = 1 if threads == 1 else 0
    load.look()
    times = timing.interleaved(calls, 2 if arguments.quick else 6, 5, 41, 0)
    others, seconds = load.look(), {key: [t[clock] / key[0] for t in series] for key, series in times.items()}
    pairs = [("batch 32 / batch 1, per cutout", 32, (32, 1), (1, 1))] if threads == 1 else [
        (f"{threads} threads / 1 thread", n, (n, threads), (n, 1)) for n in (1, 32)]
    for name, n, one, other in pairs:
        ratio, spread = timing.ratio(seconds[one], seconds[other])
        write_row(rival=name, version=library.version, what="scaling", network=weights.label, batch=n, threads=threads,
                  ratio=round(ratio, 4), spread=round(spread, 4), agreement=None, others=others)
        say(f"    {name}, batch {n}: {ratio:.3f} +- {spread:.3f}")


def compare_peaks():
    """What the machine has to give: rows of time ratios, so that speed-ups can be held against it."""
    library, threads = ctypes.CDLL(str(arguments.libraries / "libfma_peak.so")), arguments.threads
    for function in (library.fma_peak, library.fma_peak_together, library.bfloat16_peak):
        function.restype = ctypes.c_double
    width = 64 if library.fma_peak(64) else 32
    name, other = ((f"FMA peak, {threads} cores at once / one", lambda: library.fma_peak_together(width, threads))
                   if threads > 1 else ("peak in bfloat16 / in float32", library.bfloat16_peak))
    load.look()
    ratios = [library.fma_peak(width) / (other() or float("nan")) for _ in range(41)]
    low, ratio, high = timing.quartiles(ratios)
    if ratio == ratio:
        write_row(rival=name, version="", what="scaling", network="-", batch="-", threads=threads, ratio=round(ratio, 4),
                  spread=round((high - low) / 2, 4), agreement=None, others=load.look())
        say(f"    {name}: {1 / ratio:.2f}")


def main():
    if "forward" in arguments.what:
        compare_peaks()
    for entry in arguments.networks:
        label, _, file = entry.partition("=")
        weights = Weights.read(file, label)
        for what in arguments.what:
            if what == "forward":
                for n in arguments.batches:
                    say(f"forward, {label} network, batch {n}, {arguments.threads} threads")
                    compare_forward(weights, n)
                compare_scaling(weights)
            else:
                from training import compare_training
                for stage in ("bands", "all"):
                    say(f"train, stage {stage}, {label} network, {arguments.threads} threads")
                    compare_training(weights, stage, arguments, write_row, say, load)


start = time.time()
main()
say(f"measured {' and '.join(arguments.what)} on {arguments.threads} threads in {time.time() - start:.0f} s")
