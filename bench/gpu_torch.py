# SPDX-License-Identifier: BSD-3-Clause
"""PyTorch on the network of gpu_speed.cpp, each way at its best: eager, torch.compile, CUDA graphs; channels_last; TF32 on
and off; fp16. Prints rows like those of gpu_speed. Times are from pinned host memory to the outputs on the host."""
import statistics
import sys
import time

import torch
from torch import nn

HEADS, CONTEXT, CLASSES = 5, 14, [16, 16, 32, 48]


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x):
        return torch.relu(x + self.conv2(torch.relu(self.conv1(x))))


def halve(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, stride=2, padding=1), nn.ReLU())


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        c = CLASSES
        self.features = nn.Sequential(halve(1, c[0]), Residual(c[0]), halve(c[0], c[1]), Residual(c[1]), halve(c[1], c[2]),
                                      Residual(c[2]), halve(c[2], c[3]), Residual(c[3]))
        self.heads = nn.ModuleList(nn.ModuleDict({
            "a": nn.Conv2d(5 * c[3], 64, 1), "b": nn.Conv2d(64, 64, 3, padding=1), "c": nn.Linear(5 * 64 + CONTEXT, 64),
            "d": nn.Linear(64, 2)}) for _ in range(HEADS))
        i = (2 * torch.arange(8) + 1) / 8 - 1
        square = i[:, None] ** 2 + i[None] ** 2
        ring = sum((square >= b * b).long() for b in (0.3, 0.55, 0.8))
        self.register_buffer("regions", torch.stack([torch.ones(8, 8)] + [(ring == k).float() for k in range(4)]))

    def forward(self, x, coverage, context):
        f = self.features(x).reshape(coverage.shape[0], -1, 8, 8)  # five bands as channels
        weight = coverage * self.regions
        out = []
        for head in self.heads:
            y = torch.relu(head["b"](torch.relu(head["a"](f))))
            pooled = torch.einsum("nchw,nrhw->nrc", y, weight) / weight.sum((2, 3)).clamp_min(1e-9)[..., None]
            out.append(head["d"](torch.relu(head["c"](torch.cat([pooled.flatten(1), context], 1)))))
        return torch.stack(out)


def median(work):
    for _ in range(3):
        work()
    times, total = [], 0.0
    while (total < 1 and len(times) < 300) or len(times) < 5:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
        total += times[-1]
    return statistics.median(times)


def inference(way, precision, batch):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
    torch.backends.cudnn.benchmark = True
    kind = torch.float16 if precision == "fp16" else torch.float32
    net = Network().cuda().to(kind).to(memory_format=torch.channels_last).eval()
    if way == "compile":
        net = torch.compile(net, mode="max-autotune-no-cudagraphs")
    host = [torch.randn(5 * batch, 1, 128, 128).to(kind).pin_memory(), torch.rand(batch, 1, 8, 8).to(kind).pin_memory(),
            torch.randn(batch, CONTEXT).to(kind).pin_memory()]
    device = [h.cuda() for h in host]
    device[0] = device[0].to(memory_format=torch.channels_last)
    with torch.inference_mode():
        for _ in range(3):
            out = net(*device)
        if way == "graph":
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                out = net(*device)

        def work():
            nonlocal out
            for d, h in zip(device, host):
                d.copy_(h, non_blocking=True)
            if way == "graph":
                graph.replay()
            else:
                out = net(*device)
            return out.cpu()

        return median(work)


def training(precision, batch):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
    net = Network().cuda().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-5, fused=True)
    x = torch.randn(5 * batch, 1, 128, 128, device="cuda").to(memory_format=torch.channels_last)
    coverage, context = torch.rand(batch, 1, 8, 8, device="cuda"), torch.randn(batch, CONTEXT, device="cuda")
    target = torch.randn(batch, device="cuda")

    def work():
        out = net(x, coverage, context)
        loss = (0.5 * (out[..., 1] + (target - out[..., 0]) ** 2 * torch.exp(-out[..., 1]))).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        return loss.item()

    return median(work)


if not torch.cuda.is_available():
    sys.exit("gpu_torch.py: skipped, PyTorch sees no CUDA device")
print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}")
print("\n| way | numbers | batch | us per cutout | cutouts/s |\n| --- | --- | --- | --- | --- |")
for way in ("eager", "graph", "compile"):
    for precision in ("fp32", "tf32", "fp16"):
        for batch in (1, 32, 256, 1024) if way != "compile" else (1, 256):  # each compilation takes its half minute
            t = inference(way, precision, batch) / batch
            print(f"| PyTorch {way} | {precision} | {batch} | {1e6 * t:.2f} | {1 / t:.0f} |", flush=True)
print("\n| training step | numbers | batch | ms | samples/s |\n| --- | --- | --- | --- | --- |")
for precision in ("fp32", "tf32"):
    for batch in (32, 256):
        t = training(precision, batch)
        print(f"| PyTorch eager | {precision} | {batch} | {1e3 * t:.2f} | {batch / t:.0f} |", flush=True)
