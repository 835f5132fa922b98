# SPDX-License-Identifier: BSD-3-Clause
"""A rival that comes for Python only, by itself: load the model, run it once on one cutout. `none` is the zero."""
import os
import sys

import numpy

kind, folder = sys.argv[1], sys.argv[2]
images, regions, context = (numpy.zeros(shape, numpy.float32) for shape in ((1, 5, 128, 128), (1, 5, 64), (1, 17)))
output = numpy.zeros(1)
if kind == "onnxruntime":
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder + "/network.onnx", options)
    output = session.run(None, {"images": images, "regions": regions, "context": context})[0]
elif kind == "ncnn":
    import ncnn
    nets = []
    for name in ("features", "heads"):
        net = ncnn.Net()
        net.opt.num_threads = 1
        net.load_param(f"{folder}/{name}.param")
        net.load_model(f"{folder}/{name}.bin")
        nets.append(net)
    joined = []
    for band in range(5):
        extractor = nets[0].create_extractor()
        extractor.input("image", ncnn.Mat(images[0, band][None]))
        joined.append(numpy.array(extractor.extract("features.7.relu")[1]))
    joined = numpy.concatenate(joined)  # a Mat does not own what it is made of
    extractor = nets[1].create_extractor()
    extractor.input("joined", ncnn.Mat(joined))
    extractor.input("regions", ncnn.Mat(regions[0]))
    extractor.input("context", ncnn.Mat(context[0]))
    output = numpy.array(extractor.extract("mass.0.4")[1])
if os.environ.get("CLUSTERMASS_PEERS_MAPS"):
    with open("/proc/self/maps") as file:
        sys.stdout.write(file.read())
sys.exit(0 if numpy.isfinite(output).all() else 1)
