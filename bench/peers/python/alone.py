#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""This library alone, by its own benchmarks (bench/*_bench.cpp): where a walk's time goes, layer by layer; what one band
image costs, and `prepare`. Rows of JSON go to --rows. Without Google Benchmark there are no such programs and no rows."""
import argparse
import ctypes
import json
import os
import pathlib
import subprocess
import sys

import timing

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--libraries", type=pathlib.Path, required=True, help="folder of libfma_peak.so")
parser.add_argument("--programs", type=pathlib.Path, required=True, help="folder of network_bench and prepare_bench")
parser.add_argument("--rows", type=pathlib.Path, required=True)
parser.add_argument("--quick", action="store_true")
arguments = parser.parse_args()
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
REPETITIONS = 3 if arguments.quick else 5

# Convolutions of a cutout: what network_bench calls them, and how often. Its `wide` is the reference network.
LAYERS = {
    "reference": {"3x3/stride:2/1to16/side:128": 5, "3x3/16to16/side:64": 10, "3x3/stride:2/16to32/side:64": 5,
                  "3x3/32to32/side:32": 10, "3x3/stride:2/32to64/side:32": 5, "3x3/64to64/side:16": 10,
                  "3x3/stride:2/64to128/side:16": 5, "3x3/128to128/side:8/images:5": 2, "1x1/640to128/side:8": 1,
                  "3x3/128to128/side:8": 1},
    "released": {"3x3/stride:2/1to16/side:128": 5, "3x3/16to16/side:64": 10, "3x3/stride:2/16to16/side:64": 5,
                 "3x3/16to16/side:32": 10, "3x3/stride:2/16to32/side:32": 5, "3x3/32to32/side:16": 10,
                 "3x3/stride:2/32to48/side:16": 5, "3x3/48to48/side:8/images:5": 2, "1x1/240to64/side:8": 5,
                 "3x3/64to64/side:8": 5}}
BENCH_NAMES = {"reference": "wide", "released": "released"}

# Rows of the table "This library with itself": what stands over what, from the counters of prepare_bench.
PREPARE = [("native/z:0.2/degrees:0", "five native bands, z = 0.2, north up"),
           ("native/z:0.2/degrees:41.7", "the same, turned by 41.7 degrees"),
           ("ready/z:0.3", "a ready cutout of 128 x 128")]


def say(text):
    print(text, file=sys.stderr, flush=True)


def write_row(**row):
    with open(arguments.rows, "a") as file:
        file.write(json.dumps(row) + "\n")


def run(program, pattern, *options):
    """{name of a benchmark: its results, one for each repetition}, the repetitions of all in turns."""
    shown = subprocess.run([arguments.programs / program, f"--benchmark_filter={pattern}", "--benchmark_format=json",
                            f"--benchmark_repetitions={REPETITIONS}", *options], check=True, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    results = {}
    for result in json.loads(shown)["benchmarks"]:
        if result["run_type"] == "iteration":
            results.setdefault(result["run_name"], []).append(result)
    return results


def median(values):
    return timing.quartiles(values)[1]


def scaling_row(name, network, ratios, others):
    low, ratio, high = timing.quartiles(ratios)
    write_row(rival=name, version="", what="scaling", network=network, batch=1, threads=1, ratio=round(ratio, 4),
              spread=round((high - low) / 2, 4), agreement=None, others=others)
    say(f"    {name}, {network} network: {ratio:.3f}")


def layers_and_images():
    library = ctypes.CDLL(str(arguments.libraries / "libfma_peak.so"))
    library.fma_peak.restype = ctypes.c_double
    width = 64 if library.fma_peak(64) else 32
    isa = "avx512" if width == 64 else "avx2"
    load, peaks = timing.Load(), [library.fma_peak(width)]
    results = run("network_bench", f"^(convolve/.*|network/.*|band_image/.*)/{isa}$", "--benchmark_min_time=0.02",
                  "--benchmark_enable_random_interleaving=true")
    peaks.append(library.fma_peak(width))
    others = load.look()
    for network, counts in LAYERS.items():
        bench = BENCH_NAMES[network]
        walks = [r["cpu_time"] * 1e3 for r in results[f"network/{bench}/{isa}"]]  # it counts them in milliseconds
        images = [r["cpu_time"] * 1e3 for r in results[f"band_image/{bench}/{isa}"]]
        scaling_row("one band image through the extractor / a cutout", network, [a / b for a, b in zip(images, walks)], others)
        rest = median(walks)
        for layer, count in counts.items():
            runs = results[f"convolve/{layer}/{isa}"]
            each = median([r["cpu_time"] for r in runs]) * 1e-3  # nanoseconds
            rest -= count * each
            write_row(rival="clustermass", version="", what="layer", network=network, batch=1, threads=1, ratio=None,
                      spread=None, agreement=None, layer=layer, count=count, microseconds=each,
                      share=count * each / median(walks), rate=median([r["FLOP/s"] for r in runs]), peak=max(peaks))
        write_row(rival="clustermass", version="", what="layer", network=network, batch=1, threads=1, ratio=None, spread=None,
                  agreement=None, layer="all else", count=1, microseconds=rest, share=rest / median(walks), rate=None,
                  peak=max(peaks))


def prepare():
    load = timing.Load()
    results = run("prepare_bench", "^prepare/(native/z:0.2/degrees:(0|41.7)|ready/z:0.3|row_sums/.*)/min_time")
    others = load.look()
    found = {name.split("/min_time")[0].removeprefix("prepare/"): runs for name, runs in results.items()}
    for name, text in PREPARE:
        if name.startswith("native"):
            scaling_row(f"prepare, {text} / reading their pixels from memory", "-", [1 / r["of_memory"] for r in found[name]], others)
    scaling_row("of it the running sums of the rows / reading", "-",
                [1 / r["of_memory"] for r in found["row_sums/z:0.2/degrees:41.7"]], others)
    for name, text in PREPARE:
        scaling_row(f"prepare, {text} / a walk of the network", "released", [r["of_network"] for r in found[name]], others)


if (arguments.programs / "network_bench").exists():
    say("this library alone: layers, band images, prepare")
    layers_and_images()
    prepare()
else:
    say("no Google Benchmark: no rows of layers, band images and prepare")
