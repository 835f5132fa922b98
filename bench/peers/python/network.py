# SPDX-License-Identifier: BSD-3-Clause
"""The network in PyTorch and ONNX, from a weight file of the library, and inputs to feed it with."""
import dataclasses
import pathlib

import numpy
from safetensors.numpy import load_file
from safetensors import safe_open

BANDS, SIDE, CELLS, CONTEXT, HIDDEN = 5, 128, 64, 17, 64


@dataclasses.dataclass
class Weights:
    """A weight file: tensors by their name, and what they say about the network."""
    path: pathlib.Path
    tensors: dict
    label: str

    @classmethod
    def read(cls, path, label):
        with safe_open(path, "numpy") as file:
            metadata = file.metadata()
        weights = cls(pathlib.Path(path), load_file(path), label)
        weights.metadata, weights.architecture = metadata, metadata["arch"]
        weights.channels = [int(c) for c in weights.architecture.split("-")]
        weights.heads = sum(name.endswith(".0.weight") and name.startswith("mass.") for name in weights.tensors)
        return weights

    def convolutions(self):
        """(out, in, size, rows and columns of the output) of every convolution of one cutout, repeated as it runs."""
        side = SIDE
        for layer in range(8):
            side = side // 2 if layer % 2 == 0 else side
            prefix = f"features.{layer}."
            for name in ("weight", "conv1.weight", "conv2.weight"):
                if prefix + name in self.tensors:
                    yield (*self.tensors[prefix + name].shape[:3], side, BANDS)
        for head in range(self.heads):
            for layer in range(2):
                yield (*self.tensors[f"mass.{head}.{layer}.weight"].shape[:3], side, 1)

    def flop(self):
        """Of one cutout, counted as a direct convolution does it."""
        return sum(2 * out * inputs * size * size * side * side * times
                   for out, inputs, size, side, times in self.convolutions())


def regions_of(coverage):
    """Weights [n,5,64] of the pooling: the whole field and four rings, each of sum 1. As Pool of nn/pool.hpp."""
    axis = (2 * numpy.arange(8) + 1) / 8 - 1
    ring = numpy.digitize(numpy.hypot(axis[:, None], axis), [0.3, 0.55, 0.8]).ravel()
    masks = numpy.stack([numpy.ones(CELLS)] + [ring == k for k in range(4)])
    weights = coverage[:, None].astype(float) * masks
    return numpy.ascontiguousarray(weights / weights.sum(2, keepdims=True), numpy.float32)


def random_input(n, seed=0):
    """n cutouts as the network sees them: noise around zero with a bright centre, a part of it not covered."""
    random = numpy.random.default_rng(seed)
    axis = (numpy.arange(SIDE) - 63.5) / 16
    profile = 2 * numpy.exp(-(axis[:, None] ** 2 + axis**2))
    images = 0.4 * random.standard_normal((n, BANDS, SIDE, SIDE)) + profile
    coverage = random.uniform(0.5, 1, (n, CELLS)).astype(numpy.float32)
    return {"images": images.astype(numpy.float32), "coverage": coverage, "regions": regions_of(coverage),
            "context": random.random((n, CONTEXT), numpy.float32)}


def torch_network(weights):
    """The module, in float32: forward(images [n,5,128,128], regions, context) gives [n,heads,2]."""
    import torch
    from torch import nn

    class Conv(nn.Conv2d):
        def __init__(self, inputs, outputs, size, stride=1):
            super().__init__(inputs, outputs, size, stride=stride, padding=size // 2)

        def forward(self, x):
            return torch.relu(super().forward(x))

    class Residual(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
            self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

        def forward(self, x):
            return torch.relu(x + self.conv2(torch.relu(self.conv1(x))))

    def pool(x, regions):
        return torch.matmul(regions, x.flatten(2).transpose(1, 2)).flatten(1)

    class MassHead(nn.Sequential):
        def __init__(self, joined, channels):
            super().__init__(Conv(joined, channels, 1), Conv(channels, channels, 3), nn.Identity(),
                             nn.Linear(5 * channels + CONTEXT, HIDDEN), nn.Linear(HIDDEN, 2))

        def forward(self, joined, regions, context):
            first, second, _, hidden, last = self
            pooled = torch.cat([pool(second(first(joined)), regions), context], 1)
            return last(torch.relu(hidden(pooled)))

    class Network(nn.Module):
        def __init__(self, c1, c2, c3, c4, head, heads):
            super().__init__()
            self.features = nn.Sequential(Conv(1, c1, 3, 2), Residual(c1), Conv(c1, c2, 3, 2), Residual(c2),
                                          Conv(c2, c3, 3, 2), Residual(c3), Conv(c3, c4, 3, 2), Residual(c4))
            self.band = nn.Sequential(nn.Identity(), nn.Linear(c4, BANDS))
            self.mass = nn.ModuleList(MassHead(BANDS * c4, head) for _ in range(heads))

        def forward(self, images, regions, context):
            features = self.features(images.view(-1, 1, SIDE, SIDE))
            joined = features.reshape(images.shape[0], -1, 8, 8)
            return torch.stack([head(joined, regions, context) for head in self.mass], 1)

        def name_bands(self, images, band_weights):
            """Logits [5n,5]; band_weights [5n,1,64] are of sum 1."""
            return self.band(pool(self.features(images.view(-1, 1, SIDE, SIDE)), band_weights))

    network = Network(*weights.channels, weights.heads)
    state = {name: torch.from_numpy(weights.tensors[name]) for name in network.state_dict()}
    network.load_state_dict(state)
    return network


def onnx_network(weights, n):
    """The same as an ONNX model for batches of n, written node by node."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = [], []

    def constant(name, values):
        constants.append(numpy_helper.from_array(numpy.ascontiguousarray(values), name))
        return name

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(name, x, stride=1):
        weight, bias = weights.tensors[name + ".weight"], weights.tensors[name + ".bias"]
        padding = weight.shape[2] // 2
        return node("Conv", [x, constant(name + ".weight", weight), constant(name + ".bias", bias)], name,
                    kernel_shape=weight.shape[2:], strides=[stride] * 2, pads=[padding] * 4)

    def relu(x):
        return node("Relu", [x], x + ".relu")

    x = node("Reshape", ["images", constant("shape.images", numpy.array([BANDS * n, 1, SIDE, SIDE]))], "bands")
    for layer in range(0, 8, 2):
        x = relu(conv(f"features.{layer}", x, 2))
        inner = conv(f"features.{layer + 1}.conv2", relu(conv(f"features.{layer + 1}.conv1", x)))
        x = relu(node("Add", [inner, x], f"features.{layer + 1}"))
    channels = BANDS * weights.channels[3]
    joined = node("Reshape", [x, constant("shape.joined", numpy.array([n, channels, 8, 8]))], "joined")
    cells = constant("shape.cells", numpy.array([n, weights.channels[4], CELLS]))
    flat = constant("shape.flat", numpy.array([n, 5 * weights.channels[4]]))
    heads = []
    for head in range(weights.heads):
        name = f"mass.{head}"
        maps = node("Reshape", [relu(conv(f"{name}.1", relu(conv(f"{name}.0", joined)))), cells], f"{name}.cells")
        means = node("MatMul", ["regions", node("Transpose", [maps], f"{name}.turned", perm=[0, 2, 1])], f"{name}.means")
        x = node("Concat", [node("Reshape", [means, flat], f"{name}.flat"), "context"], f"{name}.pooled", axis=1)
        for layer in (3, 4):
            parameters = [constant(f"{name}.{layer}.{kind}", weights.tensors[f"{name}.{layer}.{kind}"])
                          for kind in ("weight", "bias")]
            x = node("Gemm", [x, *parameters], f"{name}.{layer}", transB=1)
            x = relu(x) if layer == 3 else x
        heads.append(node("Unsqueeze", [x, constant(f"{name}.axis", numpy.array([1]))], f"{name}.output"))
    node("Concat", heads, "output", axis=1)

    def value(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(nodes, "clustermass",
                              [value("images", n, BANDS, SIDE, SIDE), value("regions", n, 5, CELLS),
                               value("context", n, CONTEXT)], [value("output", n, weights.heads, 2)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model
