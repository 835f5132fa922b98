# SPDX-License-Identifier: BSD-3-Clause
"""The rivals and the settings each may run in. A setting is a function open(weights, n, threads) that gives bind(data),
which gives call(): the timed call, whose result is an array [n,heads,2]."""
import dataclasses
import queue
import threading

import numpy

from compiled import Library
from network import BANDS, onnx_network, torch_network


@dataclasses.dataclass
class Rival:
    name: str
    version: str
    settings: dict  # name: open


def slices(data, n):
    return [{name: numpy.ascontiguousarray(values[k:k + 1]) for name, values in data.items()} for k in range(n)]


def one_by_one(open_one):
    """A batch as single cutouts, which keeps the maps in cache."""

    def open_batch(weights, n, threads):
        bind = open_one(weights, 1, threads)

        def bind_all(data):
            calls = [bind(one) for one in slices(data, n)]
            output = numpy.zeros((n, weights.heads, 2), numpy.float32)

            def call():
                for k, single in enumerate(calls):
                    output[k] = single()[0]
                return output

            return call

        return bind_all

    return open_batch


def shared_out(open_one, prepare_thread=lambda: None):
    """A batch as single cutouts, handed out to threads that run the rival on one thread each."""

    def open_batch(weights, n, threads):
        work, done = queue.SimpleQueue(), queue.SimpleQueue()
        output = numpy.zeros((n, weights.heads, 2), numpy.float32)

        def finish(count):
            for _ in range(count):
                if (error := done.get()) is not None:
                    raise error

        def serve(data):
            try:
                prepare_thread()
                bind = open_one(weights, 1, 1)  # here: oneDNN keeps scratch memory per thread, from the opening on
                calls = [bind(one) for one in slices(data, n)]
                done.put(None)
                while (k := work.get()) is not None:
                    output[k] = calls[k]()[0]
                    done.put(None)
            except BaseException as error:  # shown by whoever waits
                done.put(error)

        def bind_all(data):
            for _ in range(threads):
                threading.Thread(target=serve, args=(data,), daemon=True).start()
                finish(1)

            def call():
                for k in range(n):
                    work.put(k)
                finish(n)
                return output

            def close():
                for _ in range(threads):
                    work.put(None)

            call.close = close
            return call

        return bind_all

    return open_batch


def with_batches(settings, n, threads, prepare_thread=lambda: None, apart=None):
    """For a batch also the ways to take it apart, of all settings or of those named by `apart`."""
    if n == 1:
        return dict(settings)
    ways = dict(settings)
    for name, open_one in settings.items():
        if apart and name not in apart:
            continue
        ways[f"{name}, one by one"] = one_by_one(open_one)
        if threads > 1:
            ways[f"{name}, one per thread"] = shared_out(open_one, prepare_thread)
    return ways


# --- PyTorch ----------------------------------------------------------------------------------------------------------
def torch_settings(kind, quick=False):
    import torch

    def bind_to(run):
        def bind(data):
            images, regions, context = (torch.from_numpy(data[k]) for k in ("images", "regions", "context"))

            def call():
                with torch.inference_mode():
                    return run(images, regions, context).numpy()

            return call

        return bind

    def network_of(weights, channels_last):
        network = torch_network(weights).eval()
        return network.to(memory_format=torch.channels_last) if channels_last else network

    def example(n):
        return torch.rand(n, BANDS, 128, 128), torch.rand(n, 5, 64), torch.rand(n, 17)

    def eager(channels_last):
        def open_network(weights, n, threads):
            return bind_to(network_of(weights, channels_last))
        return open_network

    def script(channels_last):
        def open_network(weights, n, threads):
            with torch.no_grad():
                traced = torch.jit.trace(network_of(weights, channels_last), example(n), check_trace=False)
                frozen = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
                for _ in range(3):  # the profiling executor settles
                    frozen(*example(n))
            return bind_to(frozen)
        return open_network

    def compiled(channels_last):
        def open_network(weights, n, threads):
            import torch._inductor.config as inductor
            inductor.freezing = True
            inductor.cpp.threads = threads
            torch._dynamo.config.recompile_limit = 256  # beyond it a network would silently run eagerly
            network = torch.compile(network_of(weights, channels_last), dynamic=False)
            with torch.inference_mode():
                network(*example(n))
            return bind_to(network)
        return open_network

    if kind == "eager":
        return {"eager": eager(False)}
    settings = {"compile": compiled(False), "frozen TorchScript": script(False)}
    if not quick:
        settings |= {"channels_last": eager(True), "compile, channels_last": compiled(True),
                     "frozen TorchScript, channels_last": script(True)}
    return settings


# --- ONNX Runtime -----------------------------------------------------------------------------------------------------
def open_onnxruntime(weights, n, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(onnx_network(weights, n).SerializeToString(), options, ["CPUExecutionProvider"])

    def bind(data):
        binding = session.io_binding()
        output = numpy.zeros((n, weights.heads, 2), numpy.float32)
        values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(data[name]) for name in ("images", "regions", "context")}
        for name, value in values.items():
            binding.bind_ortvalue_input(name, value)
        binding.bind_output("output", "cpu", 0, numpy.float32, output.shape, output.ctypes.data)

        def call():
            session.run_with_iobinding(binding)
            return output

        call.keeps = (values, data)
        return call

    return bind


# --- OpenVINO ---------------------------------------------------------------------------------------------------------
def openvino_model(weights, n, threads, streams):
    import openvino

    core = openvino.Core()
    model = core.read_model(onnx_network(weights, n).SerializeToString())
    return core.compile_model(model, "CPU", {
        "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": streams,
        "ENABLE_CPU_PINNING": False, "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT"})


def openvino_tensors(data):
    import openvino
    return {name: openvino.Tensor(data[name], shared_memory=True) for name in ("images", "regions", "context")}


def open_openvino(weights, n, threads):
    model = openvino_model(weights, n, threads, 1)

    def bind(data):
        request = model.create_infer_request()
        for name, tensor in openvino_tensors(data).items():
            request.set_tensor(name, tensor)
        output = request.get_output_tensor(0).data

        def call():
            request.infer()
            return output

        call.keeps = data
        return call

    return bind


def open_openvino_streams(weights, n, threads):
    """Throughput mode: as many streams as threads, single cutouts started all at once."""
    model = openvino_model(weights, 1, threads, threads)

    def bind(data):
        requests, outputs = [], []
        for one in slices(data, n):
            request = model.create_infer_request()
            for name, tensor in openvino_tensors(one).items():
                request.set_tensor(name, tensor)
            requests.append((request, one))
            outputs.append(request.get_output_tensor(0).data)
        output = numpy.zeros((n, weights.heads, 2), numpy.float32)

        def call():
            for request, _ in requests:
                request.start_async()
            for k, (request, _) in enumerate(requests):
                request.wait()
                output[k] = outputs[k][0]
            return output

        return call

    return bind


# --- ncnn -------------------------------------------------------------------------------------------------------------
def write_ncnn(weights, folder):
    """Two nets, `features` and `heads`: ncnn has no batch, so the five bands run one after the other. Returns the names
    of the extractor's output and of the heads' outputs."""
    tensors, c4, head_channels = weights.tensors, weights.channels[3], weights.channels[4]

    class Builder:
        def __init__(self):
            self.layers, self.blobs, self.binary = [], [], b""

        def add(self, kind, name, inputs, outputs, parameters=""):
            self.layers.append((kind, name, inputs, outputs, parameters))
            self.blobs += outputs
            return outputs[0] if len(outputs) == 1 else outputs

        def numbers(self, values, flag):
            self.binary += (b"\0\0\0\0" if flag else b"") + numpy.ascontiguousarray(values, numpy.float32).tobytes()

        def conv(self, name, x, stride=1, relu=True):
            weight = tensors[name + ".weight"]
            self.numbers(weight, True)
            self.numbers(tensors[name + ".bias"], False)
            size = weight.shape[2]
            return self.add("Convolution", name, [x], [name], f"0={weight.shape[0]} 1={size} 3={stride} "
                            f"4={size // 2} 5=1 6={weight.size} 9={int(relu)}")

        def dense(self, name, x, relu):
            weight = tensors[name + ".weight"]
            self.numbers(weight, True)
            self.numbers(tensors[name + ".bias"], False)
            return self.add("InnerProduct", name, [x], [name], f"0={weight.shape[0]} 1=1 2={weight.size} 9={int(relu)}")

        def split(self, x, count):
            return self.add("Split", f"{x}.split", [x], [f"{x}.{k}" for k in range(count)])

        def write(self, name):
            lines = [f"{kind} {name} {len(ins)} {len(outs)} {' '.join((*ins, *outs))} {parameters}".strip()
                     for kind, name, ins, outs, parameters in self.layers]
            with open(f"{folder}/{name}.param", "w") as file:
                file.write(f"7767517\n{len(lines)} {len(self.blobs)}\n" + "\n".join(lines) + "\n")
            with open(f"{folder}/{name}.bin", "wb") as file:
                file.write(self.binary)

    features = Builder()
    x = features.add("Input", "image", [], ["image"], "0=128 1=128 2=1")
    for layer in range(0, 8, 2):
        one, two = features.split(features.conv(f"features.{layer}", x, 2), 2)
        block = f"features.{layer + 1}"
        inner = features.conv(f"{block}.conv2", features.conv(f"{block}.conv1", one), relu=False)
        x = features.add("ReLU", f"{block}.relu", [features.add("BinaryOp", block, [inner, two], [block], "0=0")],
                         [f"{block}.relu"])
    heads = Builder()
    joined = heads.add("Input", "joined", [], ["joined"], f"0=8 1=8 2={BANDS * c4}")
    regions = heads.add("Input", "regions", [], ["regions"], "0=64 1=5")
    context = heads.add("Input", "context", [], ["context"], "0=17")
    inputs = [heads.split(blob, weights.heads) if weights.heads > 1 else [blob] for blob in (joined, regions, context)]
    outputs = []
    for head in range(weights.heads):
        name = f"mass.{head}"
        maps = heads.conv(f"{name}.1", heads.conv(f"{name}.0", inputs[0][head]))
        cells = heads.add("Reshape", f"{name}.cells", [maps], [f"{name}.cells"], f"0=64 1={head_channels}")
        means = heads.add("MatMul", f"{name}.means", [inputs[1][head], cells], [f"{name}.means"], "0=1")
        flat = heads.add("Reshape", f"{name}.flat", [means], [f"{name}.flat"], f"0={5 * head_channels}")
        pooled = heads.add("Concat", f"{name}.pooled", [flat, inputs[2][head]], [f"{name}.pooled"], "0=0")
        outputs.append(heads.dense(f"{name}.4", heads.dense(f"{name}.3", pooled, True), False))
    features.write("features")
    heads.write("heads")
    return x, outputs


def ncnn_setting(**options):
    def open_network(weights, n, threads):
        import ncnn
        import tempfile
        assert n == 1, "ncnn has no batch"
        nets, c4 = [], weights.channels[3]
        with tempfile.TemporaryDirectory() as folder:
            feature_blob, head_blobs = write_ncnn(weights, folder)
            for name in ("features", "heads"):
                net = ncnn.Net()
                net.opt.num_threads = threads
                net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
                net.opt.use_bf16_storage = net.opt.use_vulkan_compute = False
                for option, value in options.items():
                    setattr(net.opt, option, value)
                if net.load_param(f"{folder}/{name}.param") or net.load_model(f"{folder}/{name}.bin"):
                    raise RuntimeError("ncnn does not load the network")
                nets.append(net)
        features, heads = nets

        def bind(data):
            images = [ncnn.Mat(data["images"][0, b][None]) for b in range(BANDS)]
            regions, context = ncnn.Mat(data["regions"][0]), ncnn.Mat(data["context"][0])
            joined = numpy.zeros((BANDS, c4, 8, 8), numpy.float32)
            joined_mat = ncnn.Mat(joined.reshape(-1, 8, 8))
            output = numpy.zeros((1, weights.heads, 2), numpy.float32)

            def call():
                for b, image in enumerate(images):
                    extractor = features.create_extractor()
                    extractor.input("image", image)
                    joined[b] = numpy.asarray(extractor.extract(feature_blob)[1])
                extractor = heads.create_extractor()
                extractor.input("joined", joined_mat)
                extractor.input("regions", regions)
                extractor.input("context", context)
                for k, blob in enumerate(head_blobs):
                    output[0, k] = numpy.asarray(extractor.extract(blob)[1])
                return output

            call.keeps = data
            return call

        return bind

    return open_network


# --- all of them ------------------------------------------------------------------------------------------------------
def compiled_settings(library, settings):
    """settings: {what it is called: the library's word for it}."""
    return {name: (lambda weights, n, threads, word=word: library.open(weights, n, threads, word))
            for name, word in settings.items()}


def all_rivals(libraries, n, threads, quick):
    """In the order of the tables. `libraries`: the folder run.sh builds into. quick: without the settings that have
    hardly ever won."""
    import ncnn
    import onnxruntime
    import openvino
    import torch

    def one_thread():
        torch.set_num_threads(1)

    ov = with_batches({"f32": open_openvino}, n, threads)
    ov.pop("f32, one per thread", None)
    if n > 1:
        ov["f32, streams"] = open_openvino_streams
    ncnn_ways = {"Winograd": ncnn_setting(), "Winograd without F(4x4)": ncnn_setting(use_winograd43_convolution=False)}
    if not quick:
        ncnn_ways["no Winograd"] = ncnn_setting(use_winograd_convolution=False)
    ncnn_ways = {name: way for name, way in with_batches(ncnn_ways, n, threads).items() if n == 1 or ", one" in name}
    layouts = {"nhwc": "nhwc", "own layouts": "any"}
    rivals = [
        Rival("PyTorch", torch.__version__, with_batches(torch_settings("best", quick), n, threads, one_thread,
                                                       ("compile", "frozen TorchScript"))),
        Rival("PyTorch eager", torch.__version__, torch_settings("eager")),
        Rival("ONNX Runtime", onnxruntime.__version__, with_batches({"all optimisations": open_onnxruntime}, n, threads)),
        Rival("OpenVINO", openvino.__version__.split("-")[0], ov),
        Rival("ncnn", ncnn.__version__, ncnn_ways),
    ]
    for label, name, settings in (("oneDNN 3, direct", "onednn3", layouts), ("oneDNN 2, direct", "onednn2", layouts),
                                  ("oneDNN 2, Winograd", "onednn2", {"Winograd": "winograd"}),
                                  ("Eigen, im2col", "eigen", {"-O3 -march=native": ""})):
        path = libraries / f"lib{name}.so"
        if path.exists():
            library = Library(path)
            rivals.append(Rival(label, library.version, with_batches(compiled_settings(library, settings), n, threads)))
    return rivals
