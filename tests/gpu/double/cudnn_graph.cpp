// SPDX-License-Identifier: BSD-3-Clause
// TEST DOUBLE of cuDNN's graph interface (see device.hpp): descriptors are bags of attributes that must be complete
// when they are finalized and may not change after; a plan is carried out operation by operation with the reference
// engine.
#include <array>
#include <cstring>
#include <memory>
#include <set>

#include "compute.hpp"

using clustermass::View;
using test_double::rule;
using test_double::Shape;

namespace {

struct Attribute {
  cudnnBackendAttributeType_t type;
  std::int64_t count;
  std::vector<std::byte> bytes;
};

/// Engines that the double's heuristics offer: what a caller has to pass over before the good one.
enum EngineKind : std::int64_t { tensor_core, not_deterministic, refuses_to_plan, good, good_and_fast, engine_count };

struct Descriptor {
  cudnnBackendDescriptorType_t kind;
  bool finalized = false;
  std::map<int, Attribute> attributes;
  std::int64_t engine = 0;            // of engine and engine configuration
  const Descriptor* graph = nullptr;  // of engine configuration and plan
};

Descriptor& of(cudnnBackendDescriptor_t d) { return *static_cast<Descriptor*>(d); }

template <class T>
std::vector<T> values(const Descriptor& d, int name) {
  const auto found = d.attributes.find(name);
  if (found == d.attributes.end()) return {};
  std::vector<T> result(static_cast<std::size_t>(found->second.count));
  std::memcpy(result.data(), found->second.bytes.data(), found->second.bytes.size());
  return result;
}
template <class T>
T value(const Descriptor& d, int name, T otherwise = {}) {
  const auto all = values<T>(d, name);
  return all.empty() ? otherwise : all[0];
}
const Descriptor& part(const Descriptor& d, int name) { return of(value<cudnnBackendDescriptor_t>(d, name)); }

std::size_t size_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_BOOLEAN:
    case CUDNN_TYPE_CHAR:
      return 1;
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
      return 8;
    default:
      return 4;
  }
}

const std::map<int, std::vector<int>>& required() {
  static const std::map<int, std::vector<int>> table{
      {CUDNN_BACKEND_TENSOR_DESCRIPTOR,
       {CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_ATTR_TENSOR_STRIDES,
        CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT}},
      {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR,
       {CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_ATTR_CONVOLUTION_CONV_MODE,
        CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_ATTR_CONVOLUTION_DILATIONS,
        CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES}},
      {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, {CUDNN_ATTR_POINTWISE_MODE, CUDNN_ATTR_POINTWISE_MATH_PREC}},
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
       {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA}},
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
       {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA}},
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
       {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA}},
      {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR,
       {CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
        CUDNN_ATTR_OPERATION_POINTWISE_YDESC}},
      {CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, {CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_ATTR_OPERATIONGRAPH_HANDLE}},
      {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, {CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_ATTR_ENGINEHEUR_MODE}},
      {CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR,
       {CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_ATTR_EXECUTION_PLAN_HANDLE}},
      {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR,
       {CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_ATTR_VARIANT_PACK_WORKSPACE}},
  };
  return table;
}

constexpr std::int64_t workspace_bytes = 4096;

Shape shape_of(const Descriptor& tensor) {
  const auto d = values<std::int64_t>(tensor, CUDNN_ATTR_TENSOR_DIMENSIONS);
  return {static_cast<int>(d[0]), static_cast<int>(d[1]), static_cast<int>(d[2]), static_cast<int>(d[3])};
}
bool is_virtual(const Descriptor& tensor) { return value<char>(tensor, CUDNN_ATTR_TENSOR_IS_VIRTUAL) != 0; }
cudnnDataType_t type_of(const Descriptor& tensor) {
  return value<cudnnDataType_t>(tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_FLOAT);
}
std::int64_t id_of(const Descriptor& tensor) { return value<std::int64_t>(tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID); }

/// What an operation reads and writes, in the order (inputs..., output).
std::vector<const Descriptor*> tensors_of(const Descriptor& op) {
  switch (op.kind) {
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
      return {&part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X),
              &part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W),
              &part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y)};
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
      return {&part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY),
              &part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W),
              &part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX)};
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
      return {&part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X),
              &part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY),
              &part(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW)};
    default: {
      std::vector<const Descriptor*> all{&part(op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC)};
      if (op.attributes.contains(CUDNN_ATTR_OPERATION_POINTWISE_BDESC))
        all.push_back(&part(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC));
      all.push_back(&part(op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC));
      return all;
    }
  }
}

/// NHWC, packed, and of the channels that the fused kernels take.
bool check_tensor(const Descriptor& tensor) {
  const Shape s = shape_of(tensor);
  const auto strides = values<std::int64_t>(tensor, CUDNN_ATTR_TENSOR_STRIDES);
  const std::int64_t c = s.c, row = c * s.w;
  const bool good = strides.size() == 4 && strides[0] == row * s.h && strides[1] == 1 && strides[2] == row &&
                    strides[3] == c && value<std::int64_t>(tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT) == 16 &&
                    s.c % (type_of(tensor) == CUDNN_DATA_HALF ? 8 : 4) == 0;
  rule(good, "a tensor of the graph interface that is not packed NHWC");
  return good;
}

/// One step of a plan, kept apart from the descriptors, which may be gone when it runs.
struct Step {
  cudnnBackendDescriptorType_t kind;
  clustermass::KernelGeometry geometry;
  cudnnPointwiseMode_t mode = CUDNN_POINTWISE_ADD;
  std::vector<std::int64_t> ids;
  std::vector<Shape> shapes;
};
struct TensorInfo {
  Shape shape;
  cudnnDataType_t type;
  bool is_virtual, is_output;
};

void add_broadcast(std::vector<float>& sum, const Shape& s, const std::vector<float>& other, const Shape& t) {
  const View<float> a{sum.data(), s};
  const View<const float> b{other.data(), t};
  for (int n = 0; n < s.n; ++n)
    for (int c = 0; c < s.c; ++c)
      for (int i = 0; i < s.h; ++i)
        for (int j = 0; j < s.w; ++j) a(n, c, i, j) += b(t.n == 1 ? 0 : n, c, t.h == 1 ? 0 : i, t.w == 1 ? 0 : j);
}

void carry_out(const std::vector<Step>& steps, const std::map<std::int64_t, TensorInfo>& tensors,
               const std::map<std::int64_t, void*>& memory) {
  std::map<std::int64_t, std::vector<float>> numbers;
  for (const auto& [id, info] : tensors) {
    if (info.is_virtual) continue;
    if (!test_double::is_good_memory("cudnnBackendExecute", "a tensor", memory.at(id),
                                     test_double::bytes_of(info.shape, info.type)))
      return;
    numbers[id] = info.is_output ? std::vector<float>(info.shape.size())
                                 : test_double::read(memory.at(id), info.shape, info.type);
  }
  for (const Step& step : steps) {
    const std::int64_t result = step.ids.back();
    std::vector<float>&a = numbers[step.ids[0]], &b = numbers[step.ids[step.ids.size() > 2 ? 1 : 0]];
    std::vector<float> y(step.shapes.back().size());
    const View<float> in{a.data(), step.shapes[0]}, out{y.data(), step.shapes.back()};
    std::vector<float> bias(static_cast<std::size_t>(step.geometry.out));
    test_double::Engine engine;
    switch (step.kind) {
      case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
        engine.convolve(in, {step.geometry, b.data(), bias.data()}, {}, clustermass::Activation::none, out);
        break;
      case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
        engine.convolve_input_gradient(in, {step.geometry, b.data(), bias.data()}, {}, out);
        break;
      case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
        engine.convolve_weight_gradient(in, {b.data(), step.shapes[1]}, step.geometry, y.data(), bias.data());
        break;
      default:
        y = a;
        if (step.mode == CUDNN_POINTWISE_ADD) add_broadcast(y, step.shapes.back(), b, step.shapes[1]);
        if (step.mode == CUDNN_POINTWISE_RELU_FWD)
          for (float& v : y) v = v > 0 ? v : 0;
    }
    numbers[result] = std::move(y);
    if (!tensors.at(result).is_virtual)
      test_double::write(numbers[result], memory.at(result), tensors.at(result).shape, tensors.at(result).type);
  }
  test_double::count_run("cudnnBackendExecute");
}

}  // namespace

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t kind, cudnnBackendDescriptor_t* made) {
  const test_double::Turn turn;
  if (test_double::fails("cudnnBackendCreateDescriptor")) return CUDNN_STATUS_ALLOC_FAILED;
  *made = new Descriptor{kind, false, {}, 0, nullptr};
  test_double::made("graph descriptor");
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t d) {
  const test_double::Turn turn;
  delete static_cast<Descriptor*>(d);
  test_double::made("graph descriptor", -1);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, std::int64_t count, const void* data) {
  const test_double::Turn turn;
  if (test_double::fails("cudnnBackendSetAttribute")) return CUDNN_STATUS_BAD_PARAM;
  rule(!of(d).finalized, "an attribute of a finalized descriptor is set");
  if (of(d).finalized || count < 1) return CUDNN_STATUS_BAD_PARAM;
  const auto* bytes = static_cast<const std::byte*>(data);
  of(d).attributes[name] = {type, count, {bytes, bytes + static_cast<std::size_t>(count) * size_of(type)}};
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
    for (const auto one : values<cudnnBackendDescriptor_t>(of(d), name))
      rule(of(one).finalized, "a descriptor is used before it is finalized");
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t raw) {
  const test_double::Turn turn;
  Descriptor& d = of(raw);
  if (test_double::fails("cudnnBackendFinalize")) return CUDNN_STATUS_BAD_PARAM;
  const auto wanted = required().find(d.kind);
  rule(wanted != required().end(), "a kind of descriptor that the double does not know");
  if (wanted == required().end()) return CUDNN_STATUS_NOT_SUPPORTED;
  for (const int name : wanted->second)
    if (!d.attributes.contains(name)) {
      rule(false, "descriptor " + std::to_string(d.kind) + " lacks attribute " + std::to_string(name));
      return CUDNN_STATUS_BAD_PARAM;
    }
  if (d.kind == CUDNN_BACKEND_TENSOR_DESCRIPTOR && !check_tensor(d)) return CUDNN_STATUS_BAD_PARAM;
  if (d.kind == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
    const Descriptor& config = part(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    if (config.engine == refuses_to_plan) return CUDNN_STATUS_NOT_SUPPORTED;
    rule(config.engine != not_deterministic, "an engine that is not deterministic is planned with");
    d.engine = config.engine;
  }
  d.finalized = true;
  return CUDNN_STATUS_SUCCESS;
}

namespace {
/// A plan outlives the graph it was made from, so it keeps what it needs.
struct PlanText {
  std::vector<Step> steps;
  std::map<std::int64_t, TensorInfo> tensors;
};
std::map<const Descriptor*, PlanText>& plans_of_graphs() {
  static std::map<const Descriptor*, PlanText> plans;
  return plans;
}
PlanText text_of(const Descriptor& graph) {
  PlanText text{};
  std::set<std::int64_t> made;
  for (const auto raw : values<cudnnBackendDescriptor_t>(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS)) {
    const Descriptor& op = of(raw);
    Step step{op.kind, {}, CUDNN_POINTWISE_ADD, {}, {}};
    const auto tensors = tensors_of(op);
    for (const Descriptor* tensor : tensors) {
      step.ids.push_back(id_of(*tensor));
      step.shapes.push_back(shape_of(*tensor));
      const bool output = tensor == tensors.back();
      rule(output || !is_virtual(*tensor) || made.contains(id_of(*tensor)),
           "an operation reads a tensor that nobody made");
      text.tensors[id_of(*tensor)] = {shape_of(*tensor), type_of(*tensor), is_virtual(*tensor), output};
      if (output) made.insert(id_of(*tensor));
    }
    if (op.kind == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR) {
      step.mode = value<cudnnPointwiseMode_t>(part(op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR),
                                              CUDNN_ATTR_POINTWISE_MODE, CUDNN_POINTWISE_ADD);
    } else {
      const bool forward = op.kind == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR;
      const bool input = op.kind == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR;
      const Descriptor& conv = part(op, forward ? CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC
                                        : input ? CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC
                                                : CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC);
      const Shape w = step.shapes[forward || input ? 1 : 2], x = step.shapes[input ? 2 : 0];
      const Shape y = step.shapes[forward ? 2 : input ? 0 : 1];
      const auto stride = static_cast<int>(value<std::int64_t>(conv, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES));
      rule(value<std::int64_t>(conv, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS) == w.h / 2 &&
               value<std::int64_t>(conv, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS) == w.h / 2 &&
               y == clustermass::strided(x, w.n, stride) && x.c == w.c,
           "a convolution whose tensors do not fit");
      step.geometry = {w.c, w.n, w.h, stride};
    }
    text.steps.push_back(std::move(step));
  }
  return text;
}
}  // namespace

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t raw, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t, std::int64_t wanted, std::int64_t* count,
                                       void* data) {
  const test_double::Turn turn;
  if (test_double::fails("cudnnBackendGetAttribute")) return CUDNN_STATUS_BAD_PARAM;
  Descriptor& d = of(raw);
  rule(d.finalized || d.kind == CUDNN_BACKEND_ENGINE_DESCRIPTOR, "an attribute of an unfinished descriptor is read");
  switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS: {
      *count = engine_count;
      auto* configs = static_cast<cudnnBackendDescriptor_t*>(data);
      for (std::int64_t k = 0; k < std::min<std::int64_t>(wanted, engine_count); ++k) {
        Descriptor& config = of(configs[k]);
        rule(config.kind == CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "results of heuristics go into engine configurations");
        config.engine = k;
        config.graph = &part(d, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
        config.finalized = true;
      }
      return CUDNN_STATUS_SUCCESS;
    }
    case CUDNN_ATTR_ENGINECFG_ENGINE: {
      Descriptor& engine = of(*static_cast<cudnnBackendDescriptor_t*>(data));
      engine.engine = d.engine;
      engine.finalized = true;
      *count = 1;
      return CUDNN_STATUS_SUCCESS;
    }
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE: {
      auto* notes = static_cast<cudnnBackendNumericalNote_t*>(data);
      *count = d.engine <= not_deterministic ? 1 : 0;
      if (d.engine == tensor_core) notes[0] = CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
      if (d.engine == not_deterministic) notes[0] = CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC;
      return CUDNN_STATUS_SUCCESS;
    }
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
      *static_cast<std::int64_t*>(data) = workspace_bytes;
      *count = 1;
      // The graph is alive when a plan is made; what the plan needs of it is kept with the plan.
      plans_of_graphs()[&d] = text_of(*part(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG).graph);
      return CUDNN_STATUS_SUCCESS;
    default:
      rule(false, "an attribute that the double does not know");
      return CUDNN_STATUS_NOT_SUPPORTED;
  }
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack) {
  const test_double::Turn turn;
  if (test_double::fails("cudnnBackendExecute") || test_double::lost()) return CUDNN_STATUS_EXECUTION_FAILED;
  rule(of(plan).finalized && of(pack).finalized, "an unfinished plan or variant pack is executed");
  const std::int64_t engine = of(plan).engine;
  const PlanText text = plans_of_graphs()[&of(plan)];
  const auto ids = values<std::int64_t>(of(pack), CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto pointers = values<void*>(of(pack), CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  std::map<std::int64_t, void*> memory;
  for (std::size_t k = 0; k < ids.size(); ++k) memory[ids[k]] = pointers[k];
  for (const auto& [id, info] : text.tensors)
    if (!info.is_virtual && !memory.contains(id)) {
      rule(false, "the variant pack lacks tensor " + std::to_string(id));
      return CUDNN_STATUS_BAD_PARAM;
    }
  void* workspace = value<void*>(of(pack), CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
  auto work = [=] {
    if (!test_double::is_good_memory("cudnnBackendExecute", "workspace", workspace, workspace_bytes)) return;
    std::memset(workspace, 0xff, workspace_bytes);
    carry_out(text.steps, text.tensors, memory);
    test_double::take_time(engine == good_and_fast ? 1.0f : 2.0f);
    if (engine == good_and_fast) test_double::count_run("the fast engine");
  };
  return test_double::queue(handle->stream, work) ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}
