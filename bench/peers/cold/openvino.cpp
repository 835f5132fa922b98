// SPDX-License-Identifier: BSD-3-Clause
// OpenVINO by itself: read the ONNX model, compile it, run it once on one cutout.
#include <openvino/openvino.hpp>

#include "maps.hpp"

int main(int, char** argv) {
  ov::Core core;
  auto model =
      core.compile_model(argv[1], "CPU", ov::inference_num_threads(1), ov::hint::inference_precision(ov::element::f32));
  auto request = model.create_infer_request();
  request.infer();
  return finish(request.get_output_tensor(0).data<float>()[0]);
}
