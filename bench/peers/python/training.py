# SPDX-License-Identifier: BSD-3-Clause
"""A training step (forward, backward, clipping, AdamW) of the library's trainer and of PyTorch, in turns."""
import ctypes

import numpy

import timing
from network import BANDS, CELLS, CONTEXT, SIDE, regions_of, torch_network

BATCH, CHECKED_STEPS, LARGEST_ERROR = 32, 4, 2e-3
SMOOTHING, BETA, CENTRE, WIDTH, LABEL_ERROR = 0.05, 0.5, 14.45, 0.45, 0.1
WEIGHT_DECAY, CLIP = 1e-4, 1.0


class Trainer:
    """The library's trainer on one batch."""

    def __init__(self, libraries, weights, stage, threads, rate):
        self.calls = calls = ctypes.CDLL(str(libraries / "libtrainer.so"))
        calls.trainer_open.restype = ctypes.c_void_p
        calls.trainer_open.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_double]
        calls.trainer_step.restype, calls.trainer_step.argtypes = ctypes.c_double, [ctypes.c_void_p]
        calls.trainer_augment.argtypes = calls.trainer_close.argtypes = [ctypes.c_void_p]
        calls.trainer_inputs.argtypes = [ctypes.c_void_p] * 6
        calls.trainer_error.restype = ctypes.c_char_p
        self.handle = calls.trainer_open(str(weights.path).encode(), stage.encode(), BATCH, threads, rate)
        if not self.handle:
            raise RuntimeError(calls.trainer_error().decode())

    def step(self):
        return self.calls.trainer_step(self.handle)

    def augment(self):
        self.calls.trainer_augment(self.handle)

    def inputs(self):
        """What the next step will see."""
        data = {name: numpy.zeros((BATCH, *shape), numpy.float32) for name, shape in
                (("images", (BANDS, SIDE, SIDE)), ("band_coverage", (BANDS, CELLS)), ("coverage", (CELLS,)),
                 ("context", (CONTEXT,)), ("labels", ()))}
        self.calls.trainer_inputs(self.handle, *(values.ctypes.data for values in data.values()))
        return data

    def close(self):
        self.calls.trainer_close(self.handle)


class TorchTrainer:
    """The same step in PyTorch. micro_batches: parts of the batch whose gradients are summed."""

    def __init__(self, weights, stage, rate, channels_last=False, compiled=False, micro_batches=1):
        import torch
        self.torch, self.rate, self.steps, self.micro_batches = torch, rate, 0, micro_batches
        self.network = torch_network(weights).train()
        if channels_last:
            self.network.to(memory_format=torch.channels_last)
        self.last = channels_last
        tops = self.network.band if stage == "bands" else self.network.mass
        self.parameters = [*self.network.features.parameters(), *tops.parameters()]
        self.optimizer = torch.optim.AdamW(self.parameters, rate, weight_decay=WEIGHT_DECAY, fused=True)
        self.loss = self.band_loss if stage == "bands" else self.mass_loss
        if compiled:
            torch._dynamo.config.recompile_limit = 256
            self.loss = torch.compile(self.loss, dynamic=False)

    def band_loss(self, images, band_weights, regions, context, labels):
        logits = self.network.name_bands(images, band_weights)
        names = self.torch.arange(BANDS).repeat(images.shape[0])
        return self.torch.nn.functional.cross_entropy(logits, names, label_smoothing=SMOOTHING)

    def mass_loss(self, images, band_weights, regions, context, labels):
        """The gradient's loss is weighted by v^beta; the loss reported is not."""
        mean, log_variance = self.network(images, regions, context)[:, 0].unbind(1)
        variance = self.torch.exp(log_variance.clamp(-8, 4)) + (LABEL_ERROR / WIDTH) ** 2
        each = 0.5 * (self.torch.log(variance) + ((labels - CENTRE) / WIDTH - mean) ** 2 / variance)
        return (variance.detach() ** BETA * each).mean(), each.detach().mean()

    def bind(self, data):
        torch = self.torch
        cover = data["band_coverage"].reshape(-1, 1, CELLS)
        numbers = [data["images"], (cover / numpy.maximum(cover.sum(2, keepdims=True), 1e-20)).reshape(-1, BANDS, 1, CELLS),
                   regions_of(data["coverage"]), data["context"], data["labels"]]
        parts = [[torch.from_numpy(numpy.ascontiguousarray(part)) for part in numpy.split(values, self.micro_batches)]
                 for values in numbers]

        def step():
            total = 0.0
            self.optimizer.zero_grad(set_to_none=True)
            for images, band_weights, regions, context, labels in zip(*parts):
                loss = self.loss(images, band_weights.flatten(0, 1), regions, context, labels)
                loss, shown = loss if isinstance(loss, tuple) else (loss, loss)
                (loss / self.micro_batches).backward()
                total += float(shown) / self.micro_batches
            torch.nn.utils.clip_grad_norm_(self.parameters, CLIP)
            self.steps += 1
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate * min(1.0, self.steps / 100)
            self.optimizer.step()
            return total

        return step


RIVALS = {"PyTorch": {}, "PyTorch, channels_last": {"channels_last": True},
          "PyTorch, channels_last, 4 micro-batches": {"channels_last": True, "micro_batches": 4},
          "PyTorch, compile": {"channels_last": True, "compiled": True}}


def compare_training(weights, stage, arguments, write_row, say, load):
    import torch
    torch.set_num_threads(arguments.threads)
    threads = arguments.threads

    # Agreement: the same weights, the same numbers step by step, steps large enough that a wrong gradient shows.
    rate = 0.03
    ours = Trainer(arguments.libraries, weights, stage, threads, rate)
    theirs = TorchTrainer(weights, stage, rate)
    losses = []
    for _ in range(CHECKED_STEPS):
        data = ours.inputs()
        losses.append((ours.step(), theirs.bind(data)()))
    ours.close()
    agreement = max(abs(a - b) / max(abs(b), 0.1) for a, b in losses)
    say("    losses of the first steps, ours and PyTorch's: " + ", ".join(f"{a:.5f} {b:.5f}" for a, b in losses))

    ours = Trainer(arguments.libraries, weights, stage, threads, 1e-5)
    data = ours.inputs()
    calls = {"clustermass": (ours.step, 0), "augmentation": (ours.augment, 0)}
    for name, how in RIVALS.items():
        if arguments.quick and (how.get("compiled") or how.get("micro_batches")):
            continue
        try:
            step = TorchTrainer(weights, stage, 1e-5, **how).bind(data)
            step()
            step()
            calls[name] = (step, 0)
        except Exception as failure:
            say(f"    {name}: {type(failure).__name__}: {str(failure).splitlines()[0][:160]}")
    if not agreement <= LARGEST_ERROR:
        say(f"    the losses differ by {agreement:.1e}, more than {LARGEST_ERROR:g}: not timed")
        calls = {}
    load.look()
    times = timing.interleaved(calls, 4 if arguments.quick else 16, 3 if arguments.quick else 5, 15, 0.02) if calls else {}
    others = load.look()
    clock = 1 if threads == 1 else 0
    columns = {name: [t[clock] for t in series] for name, series in times.items()}
    if columns:
        augmented = [a + b for a, b in zip(columns["clustermass"], columns["augmentation"])]
    for name in ("clustermass", *RIVALS):
        if name not in columns and arguments.quick and name in RIVALS and agreement <= LARGEST_ERROR:
            continue
        if name not in columns:
            write_row(rival=name, version=torch.__version__, what="train", stage=stage, network=weights.label, batch=BATCH,
                      threads=threads, ratio=None, spread=None, agreement=agreement)
            continue
        series = columns[name]
        ratio, spread = timing.ratio(columns["clustermass"], series)
        whole = timing.ratio(augmented, series)[0]
        rate = BATCH / timing.quartiles(series)[1]
        write_row(rival=name, version=torch.__version__ if "PyTorch" in name else "", what="train", stage=stage,
                  network=weights.label, batch=BATCH, threads=threads, ratio=round(ratio, 4), spread=round(spread, 4),
                  agreement=agreement, ratio_with_augmentation=round(whole, 4), samples_per_second=rate,
                  augmented_per_second=BATCH / timing.quartiles(augmented)[1] if name == "clustermass" else None,
                  clock="processor" if clock else "wall", rounds=len(series), others=others)
        say(f"    {name:40} {rate:8.1f} samples/s   time, ours / theirs {ratio:6.3f} +- {spread:.3f}   "
            f"with our augmentation {whole:.3f}")
    ours.close()
