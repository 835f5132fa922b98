#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Records the released network as PyTorch runs it: outputs and gradients, for tests/model/pytorch_test.cpp.

    tests/oracles/setup.sh --torch && ~/.cache/clustermass/oracles/bin/python tests/oracles/record_network.py

writes into tests/data/network
    weights.safetensors   random weights (He et al. 2015), under the names of the state_dict, that is of a weight file
    image_32x32, image_37x29, head_7x9 (.safetensors)   one case each

A case holds
    input                 five images [5,1,h,w], or for head_7x9 joined features [2,240,h,w]
    coverage, context     [n,1,h,w], [n,17] of the mass head;  band_coverage [5,1,h,w] of the band head
    features, mass, band  outputs: [5,48,h,w], [heads,n,2], [5,5]
    mass.cotangent        the scalar whose gradient is taken is sum(mass * mass.cotangent); band likewise
    gradient.mass.NAME    its gradient with respect to the parameter NAME or to `input`; gradient.band.NAME likewise
Weights and inputs are multiples of what bfloat16 holds and are stored so, without loss. PyTorch runs in double; the
results are stored as float32. A gradient is stored whole up to 600 elements (and for images), otherwise every 29th
element; after these come two numbers over all elements k: sum of g_k cos(k), and the Euclidean norm.
The seed is the first for which no unit lies so near the kink of its ReLU that float32 could take the other branch.
"""
import itertools
import math
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data" / "network"
HEADS, CONTEXT = 2, 17
WHOLE, STRIDE = 600, 29
MARGIN = 1e-5  # smallest distance of any unit from its kink, in units of the layer's rms

margins = []


def relu(x):
    margins.append((x.abs().min() / x.square().mean().sqrt()).item())
    return torch.relu(x)


class Conv(nn.Conv2d):
    def __init__(self, inputs, outputs, size, stride=1):
        super().__init__(inputs, outputs, size, stride=stride, padding=size // 2)

    def forward(self, x):
        return relu(super().forward(x))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return relu(x + self.conv2(relu(self.conv1(x))))


class Dense(nn.Linear):
    def forward(self, x):
        return relu(super().forward(x))


class Pool(nn.Module):
    """Coverage-weighted means over the whole map and, where asked, over four rings, followed by the context."""

    def __init__(self, rings):
        super().__init__()
        self.rings = rings

    def forward(self, x, coverage, context=None):
        h, w = x.shape[-2:]
        row = (2 * torch.arange(h, dtype=torch.float64) + 1) / h - 1
        column = (2 * torch.arange(w, dtype=torch.float64) + 1) / w - 1
        radius = torch.sqrt(row[:, None] ** 2 + column[None, :] ** 2)
        bounds = torch.tensor([0.3, 0.55, 0.8], dtype=torch.float64)
        assert (radius[..., None] - bounds).abs().min() > 1e-6, "a cell on the border of two rings decides nothing"
        ring = torch.bucketize(radius, bounds)
        regions = [torch.ones(h, w)] + ([(ring == k).double() for k in range(4)] if self.rings else [])
        means = []
        for region in regions:
            weight = coverage * region
            total = weight.sum((2, 3))
            means.append((weight * x).sum((2, 3)) / torch.where(total > 0, total, 1))
        return torch.cat(means + ([] if context is None else [context]), 1)


class MassHead(nn.Sequential):
    def __init__(self):
        super().__init__(Conv(240, 64, 1), Conv(64, 64, 3), Pool(True), Dense(64 * 5 + CONTEXT, 64), nn.Linear(64, 2))

    def forward(self, joined, coverage, context):
        first, second, pool, hidden, last = self
        return last(hidden(pool(second(first(joined)), coverage, context)))


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(Conv(1, 16, 3, 2), Residual(16), Conv(16, 16, 3, 2), Residual(16),
                                      Conv(16, 32, 3, 2), Residual(32), Conv(32, 48, 3, 2), Residual(48))
        self.band = nn.Sequential(Pool(False), nn.Linear(48, 5))
        self.mass = nn.ModuleList(MassHead() for _ in range(HEADS))


def exact(x):
    """The nearest numbers that bfloat16 holds, in double."""
    return x.to(torch.bfloat16).double()


def random_network():
    network = Network().double()
    with torch.no_grad():
        for parameter in network.parameters():
            sigma = math.sqrt(2 / parameter[0].numel()) if parameter.dim() > 1 else 0.1
            parameter.copy_(exact(sigma * torch.randn(parameter.shape)))
    return network


def random_coverage(n, h, w):
    """Valid fractions, a fifth of them zero, as many one."""
    return exact((1.4 * torch.rand(n, 1, h, w) - 0.2).clamp(0, 1))


def stored(gradient, whole=False):
    flat = gradient.flatten()
    waves = torch.cos(torch.arange(flat.numel(), dtype=torch.float64))
    picked = flat if whole or flat.numel() <= WHOLE else flat[::STRIDE]
    return torch.cat([picked, (flat * waves).sum()[None], flat.norm()[None]])


def add_gradients(case, path, scalar, network, prefixes, x, whole):
    named = {name: p for name, p in network.named_parameters() if name.startswith(prefixes)}
    gradients = torch.autograd.grad(scalar, list(named.values()) + [x], retain_graph=True)
    for name, gradient in zip([*named, "input"], gradients):
        case[f"gradient.{path}.{name}"] = stored(gradient, whole and name == "input")


def add_mass(case, network, joined, x, prefixes, whole):
    n, _, h, w = joined.shape
    coverage, context = random_coverage(n, h, w), exact(torch.rand(n, CONTEXT))
    if n > 1:
        coverage[1, 0, h // 2 - 1:h // 2 + 2, w // 2 - 1:w // 2 + 2] = 0  # nothing valid in the innermost ring
    mass = torch.stack([head(joined, coverage, context) for head in network.mass])
    cotangent = exact(torch.randn(mass.shape))
    case |= {"coverage": coverage, "context": context, "mass": mass, "mass.cotangent": cotangent}
    add_gradients(case, "mass", (mass * cotangent).sum(), network, prefixes, x, whole)


def image_case(network, h, w):
    x = exact(torch.randn(5, 1, h, w).abs())
    x[:, :, h // 3:h // 2, : w // 2] = 0  # invalid pixels
    x.requires_grad_()
    features = network.features(x)
    case = {"input": x, "features": features}
    add_mass(case, network, features.reshape(1, 240, *features.shape[2:]), x, ("features", "mass"), True)

    band_coverage = random_coverage(5, *features.shape[2:])
    band_coverage[3] = 0  # a band that is not there
    pool, dense = network.band
    band = dense(pool(features, band_coverage))
    cotangent = exact(torch.randn(band.shape))
    case |= {"band_coverage": band_coverage, "band": band, "band.cotangent": cotangent}
    add_gradients(case, "band", (band * cotangent).sum(), network, ("features", "band"), x, True)
    return case


def head_case(network, h, w):
    x = exact(torch.randn(2, 240, h, w).relu()).requires_grad_()
    case = {"input": x}
    add_mass(case, network, x, x, "mass", False)
    return case


def main():
    lossless = ("input", "coverage", "context", "band_coverage", "mass.cotangent", "band.cotangent")
    for seed in itertools.count():
        torch.manual_seed(seed)
        margins.clear()
        network = random_network()
        cases = {"image_32x32": image_case(network, 32, 32), "image_37x29": image_case(network, 37, 29),
                 "head_7x9": head_case(network, 7, 9)}
        if min(margins) > MARGIN:
            break
    metadata = {"written_by": f"tests/oracles/record_network.py, PyTorch {torch.__version__}, seed {seed}"}
    FOLDER.mkdir(parents=True, exist_ok=True)
    weights = {name: value.to(torch.bfloat16).contiguous() for name, value in network.state_dict().items()}
    save_file(weights, FOLDER / "weights.safetensors", metadata)
    for name, case in cases.items():
        tensors = {k: v.detach().to(torch.bfloat16 if k in lossless else torch.float32).contiguous() for k, v in case.items()}
        assert all((tensors[k].double() == case[k]).all() for k in lossless if k in case)
        save_file(tensors, FOLDER / f"{name}.safetensors", metadata)
    print(f"{metadata['written_by']}; nearest kink at {min(margins):.1e} of the layer's rms")


if __name__ == "__main__":
    main()
