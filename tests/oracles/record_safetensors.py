#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Interchange with the `safetensors` package, in both directions.

    record_safetensors.py record FOLDER   writes interchange.safetensors with the package (into tests/data/safetensors)
    record_safetensors.py check FILE      reads a file of our writer with the package; it must hold the same content

The content is a formula that tests/io/weight_file_test.cpp repeats; its test "... for the package" writes FILE where
CLUSTERMASS_WRITE_INTERCHANGE names it.
"""
import pathlib
import sys

import numpy
import safetensors
import safetensors.numpy

METADATA = {"written_by": "caf\u00e9 \"quoted\" \\ back\nslash \U0001d11e"}


def content():
    ramp = numpy.arange(24, dtype=numpy.float32)
    return {
        "features.0.weight": ((ramp - 11.5) / 8).reshape(2, 3, 2, 2),
        "features.0.bias": numpy.array([1e-30, -3.25], numpy.float32),
        "mass.0.4.weight": numpy.float32(2) ** (ramp - 12).reshape(4, 6),
        "half": (((ramp - 11.5) / 8).astype(numpy.float16)),
        "nothing": numpy.zeros((3, 0), numpy.float32),
        "scalar": numpy.array(0.5, numpy.float32),
    }


def main():
    command, path = sys.argv[1:]
    if command == "record":
        file = pathlib.Path(path) / "interchange.safetensors"
        safetensors.numpy.save_file(content(), file, METADATA)
        print(f"{file}: written by safetensors {safetensors.__version__}, numpy {numpy.__version__}")
        return
    with safetensors.safe_open(path, "numpy") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}
        assert file.metadata() == METADATA, file.metadata()
    wanted = content()
    assert found.keys() == wanted.keys(), found.keys()
    for name, value in wanted.items():
        assert found[name].dtype == value.dtype and found[name].shape == value.shape, name
        assert (found[name] == value).all(), name
    print(f"{path}: all {len(wanted)} tensors and the metadata as expected, read by safetensors {safetensors.__version__}")


if __name__ == "__main__":
    main()
