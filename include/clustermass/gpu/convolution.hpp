// SPDX-License-Identifier: BSD-3-Clause
// Every convolution call of cuDNN, in both of its generations: the fixed-function calls (deprecated, still the only way
// to name an algorithm) and the graph interface through its C API (the only one that stays). Above 300 lines because
// cuDNN 10 will be met by changing this file and no other.
//
// Maps are NHWC, kernels [out,K,K,in]. Nothing here keeps device memory: a prepared convolution says how much
// workspace it needs and is lent it.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "clustermass/core/engine.hpp"
#include "clustermass/gpu/device_memory.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu {

/// Numbers that convolutions run on. fp32: products and sums in single precision, no tensor cores. tf32: products of
/// ten-bit fractions, float maps. fp16: half maps, products and sums on tensor cores with float sums.
enum class Precision { fp32, tf32, fp16 };

/// Which calls of cuDNN a convolution uses.
enum class Generation { fixed_function, graph };

enum class Direction { forward, input_gradient, weight_gradient };

/// All that tells one convolution from another.
struct ConvolutionShape {
  Direction direction = Direction::forward;
  KernelGeometry geometry;
  Shape x;                                   ///< [n,in,h,w]
  bool skip = false;                         ///< forward only
  Activation activation = Activation::none;  ///< forward only
  Precision precision = Precision::fp32;

  Shape y() const { return strided(x, geometry.out, geometry.stride); }
  cudnnDataType_t type() const { return precision == Precision::fp16 ? CUDNN_DATA_HALF : CUDNN_DATA_FLOAT; }
  friend bool operator==(const ConvolutionShape&, const ConvolutionShape&) = default;
};

/// What a run reads and writes: forward writes y, input_gradient x, weight_gradient kernel.
struct ConvolutionMemory {
  void *x = nullptr, *kernel = nullptr, *y = nullptr;
  const void *bias = nullptr, *skip = nullptr;
};

class PreparedConvolution {
 public:
  virtual ~PreparedConvolution() = default;
  virtual std::size_t workspace_bytes() const = 0;
  virtual void run(cudnnHandle_t handle, const ConvolutionMemory& memory, void* workspace) const = 0;
};

// --- fixed-function calls --------------------------------------------------------------------------------------------

class FixedFunctionConvolution final : public PreparedConvolution {
 public:
  /// autotune: measure the algorithms on the device instead of taking the deterministic default.
  FixedFunctionConvolution(cudnnHandle_t handle, const ConvolutionShape& shape, bool autotune) : shape_(shape) {
    describe();
    if (autotune) choose_measured(handle);
    ask_workspace(handle);
  }

  std::size_t workspace_bytes() const override { return workspace_bytes_; }

  void run(cudnnHandle_t handle, const ConvolutionMemory& m, void* workspace) const override {
    const float one = 1, zero = 0, skip = shape_.skip ? 1.0f : 0.0f;
    switch (shape_.direction) {
      case Direction::forward:  // without a skip, z is not read but must be given
        check(cudnnConvolutionBiasActivationForward(handle, &one, x_.get(), m.x, kernel_.get(), m.kernel,
                                                    convolution_.get(), forward_, workspace, workspace_bytes_, &skip,
                                                    y_.get(), shape_.skip ? m.skip : m.y, bias_.get(), m.bias,
                                                    activation_.get(), y_.get(), m.y),
              "cudnnConvolutionBiasActivationForward");
        break;
      case Direction::input_gradient:
        check(cudnnConvolutionBackwardData(handle, &one, kernel_.get(), m.kernel, y_.get(), m.y, convolution_.get(),
                                           input_gradient_, workspace, workspace_bytes_, &zero, x_.get(), m.x),
              "cudnnConvolutionBackwardData");
        break;
      case Direction::weight_gradient:
        check(cudnnConvolutionBackwardFilter(handle, &one, x_.get(), m.x, y_.get(), m.y, convolution_.get(),
                                             weight_gradient_, workspace, workspace_bytes_, &zero, kernel_.get(),
                                             m.kernel),
              "cudnnConvolutionBackwardFilter");
    }
  }

 private:
  using Tensor = Owned<cudnnTensorDescriptor_t, &cudnnDestroyTensorDescriptor>;

  static Tensor tensor(Shape shape, cudnnDataType_t type) {
    cudnnTensorDescriptor_t made = nullptr;
    check(cudnnCreateTensorDescriptor(&made), "cudnnCreateTensorDescriptor");
    Tensor owned(made);
    check(cudnnSetTensor4dDescriptor(made, CUDNN_TENSOR_NHWC, type, shape.n, shape.c, shape.h, shape.w),
          "cudnnSetTensor4dDescriptor");
    return owned;
  }

  void describe() {
    const auto [in, out, size, stride] = shape_.geometry;
    x_ = tensor(shape_.x, shape_.type());
    y_ = tensor(shape_.y(), shape_.type());
    bias_ = tensor({1, out, 1, 1}, shape_.type());

    cudnnFilterDescriptor_t kernel = nullptr;
    check(cudnnCreateFilterDescriptor(&kernel), "cudnnCreateFilterDescriptor");
    kernel_ = Owned<cudnnFilterDescriptor_t, &cudnnDestroyFilterDescriptor>(kernel);
    check(cudnnSetFilter4dDescriptor(kernel, shape_.type(), CUDNN_TENSOR_NHWC, out, in, size, size),
          "cudnnSetFilter4dDescriptor");

    cudnnConvolutionDescriptor_t convolution = nullptr;
    check(cudnnCreateConvolutionDescriptor(&convolution), "cudnnCreateConvolutionDescriptor");
    convolution_ = Owned<cudnnConvolutionDescriptor_t, &cudnnDestroyConvolutionDescriptor>(convolution);
    check(cudnnSetConvolution2dDescriptor(convolution, size / 2, size / 2, stride, stride, 1, 1,
                                          CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
          "cudnnSetConvolution2dDescriptor");
    check(cudnnSetConvolutionMathType(convolution, math_type()), "cudnnSetConvolutionMathType");

    cudnnActivationDescriptor_t activation = nullptr;
    check(cudnnCreateActivationDescriptor(&activation), "cudnnCreateActivationDescriptor");
    activation_ = Owned<cudnnActivationDescriptor_t, &cudnnDestroyActivationDescriptor>(activation);
    const bool relu = shape_.activation == Activation::relu;
    check(cudnnSetActivationDescriptor(activation, relu ? CUDNN_ACTIVATION_RELU : CUDNN_ACTIVATION_IDENTITY,
                                       CUDNN_PROPAGATE_NAN, 0),
          "cudnnSetActivationDescriptor");
  }

  /// CUDNN_DEFAULT_MATH is TF32 for float tensors, CUDNN_FMA_MATH forbids tensor cores.
  cudnnMathType_t math_type() const {
    if (shape_.precision == Precision::fp32) return CUDNN_FMA_MATH;
    return shape_.precision == Precision::tf32 ? CUDNN_DEFAULT_MATH : CUDNN_TENSOR_OP_MATH;
  }

  void ask_workspace(cudnnHandle_t handle) {
    if (shape_.direction == Direction::forward)
      check(cudnnGetConvolutionForwardWorkspaceSize(handle, x_.get(), kernel_.get(), convolution_.get(), y_.get(),
                                                    forward_, &workspace_bytes_),
            "cudnnGetConvolutionForwardWorkspaceSize");
    else if (shape_.direction == Direction::input_gradient)
      check(cudnnGetConvolutionBackwardDataWorkspaceSize(handle, kernel_.get(), y_.get(), convolution_.get(), x_.get(),
                                                         input_gradient_, &workspace_bytes_),
            "cudnnGetConvolutionBackwardDataWorkspaceSize");
    else
      check(cudnnGetConvolutionBackwardFilterWorkspaceSize(handle, x_.get(), y_.get(), convolution_.get(),
                                                           kernel_.get(), weight_gradient_, &workspace_bytes_),
            "cudnnGetConvolutionBackwardFilterWorkspaceSize");
  }

  /// The fastest deterministic algorithm of our own math type; the default stays if none is reported.
  template <class Found, class Algorithm>
  void take_fastest(const Found& found, int count, Algorithm& algorithm) const {
    for (int k = 0; k < count; ++k) {
      const auto& one = found[static_cast<std::size_t>(k)];  // sorted by time
      if (one.status != CUDNN_STATUS_SUCCESS || one.determinism != CUDNN_DETERMINISTIC || one.mathType != math_type())
        continue;
      algorithm = one.algo;
      return;
    }
  }
  void choose_measured(cudnnHandle_t handle) {
    constexpr int most = 8;
    int count = 0;
    if (shape_.direction == Direction::forward) {
      if (shape_.activation != Activation::relu) return;  // cuDNN: the identity goes with the default algorithm only
      std::array<cudnnConvolutionFwdAlgoPerf_t, most> found{};
      check(cudnnFindConvolutionForwardAlgorithm(handle, x_.get(), kernel_.get(), convolution_.get(), y_.get(), most,
                                                 &count, found.data()),
            "cudnnFindConvolutionForwardAlgorithm");
      take_fastest(found, count, forward_);
    } else if (shape_.direction == Direction::input_gradient) {
      std::array<cudnnConvolutionBwdDataAlgoPerf_t, most> found{};
      check(cudnnFindConvolutionBackwardDataAlgorithm(handle, kernel_.get(), y_.get(), convolution_.get(), x_.get(),
                                                      most, &count, found.data()),
            "cudnnFindConvolutionBackwardDataAlgorithm");
      take_fastest(found, count, input_gradient_);
    } else {
      std::array<cudnnConvolutionBwdFilterAlgoPerf_t, most> found{};
      check(cudnnFindConvolutionBackwardFilterAlgorithm(handle, x_.get(), y_.get(), convolution_.get(), kernel_.get(),
                                                        most, &count, found.data()),
            "cudnnFindConvolutionBackwardFilterAlgorithm");
      take_fastest(found, count, weight_gradient_);
    }
  }

  ConvolutionShape shape_;
  Tensor x_, y_, bias_;
  Owned<cudnnFilterDescriptor_t, &cudnnDestroyFilterDescriptor> kernel_;
  Owned<cudnnConvolutionDescriptor_t, &cudnnDestroyConvolutionDescriptor> convolution_;
  Owned<cudnnActivationDescriptor_t, &cudnnDestroyActivationDescriptor> activation_;
  cudnnConvolutionFwdAlgo_t forward_ = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
  cudnnConvolutionBwdDataAlgo_t input_gradient_ = CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
  cudnnConvolutionBwdFilterAlgo_t weight_gradient_ = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1;
  std::size_t workspace_bytes_ = 0;
};

// --- graph interface
// --------------------------------------------------------------------------------------------------

/// One descriptor of the graph interface.
class BackendDescriptor {
 public:
  BackendDescriptor() = default;
  explicit BackendDescriptor(cudnnBackendDescriptorType_t kind) {
    cudnnBackendDescriptor_t made = nullptr;
    check(cudnnBackendCreateDescriptor(kind, &made), "cudnnBackendCreateDescriptor");
    owned_ = Owned<cudnnBackendDescriptor_t, &cudnnBackendDestroyDescriptor>(made);
  }

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, const void* values) {
    check(cudnnBackendSetAttribute(get(), name, type, count, values), "cudnnBackendSetAttribute");
  }
  void set(cudnnBackendAttributeName_t name, const BackendDescriptor& other) {
    const cudnnBackendDescriptor_t raw = other.get();
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &raw);
  }
  void set(cudnnBackendAttributeName_t name, std::initializer_list<std::int64_t> numbers) {
    set(name, CUDNN_TYPE_INT64, static_cast<std::int64_t>(numbers.size()), numbers.begin());
  }
  void finalize() { check(cudnnBackendFinalize(get()), "cudnnBackendFinalize"); }
  bool try_finalize() { return cudnnBackendFinalize(get()) == CUDNN_STATUS_SUCCESS; }
  cudnnBackendDescriptor_t get() const { return owned_.get(); }

 private:
  Owned<cudnnBackendDescriptor_t, &cudnnBackendDestroyDescriptor> owned_;
};

/// The operations of a convolution: conv, then skip, bias and activation as far as they are wanted. Needs no device.
class ConvolutionOperations {
 public:
  enum Id : std::int64_t { x = 'x', kernel = 'w', y = 'y', skip = 's', bias = 'b' };

  explicit ConvolutionOperations(const ConvolutionShape& shape) : shape_(shape) {
    const auto [in, out, size, stride] = shape.geometry;
    const Shape input = shape.x, output = shape.y();
    const BackendDescriptor& x_tensor = tensor(x, input);
    const BackendDescriptor& kernel_tensor = tensor(kernel, {out, in, size, size});
    if (shape.direction == Direction::input_gradient) {
      const BackendDescriptor& y_tensor = tensor(y, output);
      BackendDescriptor& op = operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR);
      op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, convolution());
      op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, kernel_tensor);
      op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, y_tensor);
      op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, x_tensor);
      scale(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA);
      op.finalize();
      return;
    }
    if (shape.direction == Direction::weight_gradient) {
      const BackendDescriptor& y_tensor = tensor(y, output);
      BackendDescriptor& op = operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR);
      op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, convolution());
      op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, x_tensor);
      op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, y_tensor);
      op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, kernel_tensor);
      scale(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA);
      op.finalize();
      return;
    }
    // Between the operations lie virtual tensors, which never reach memory; the last one is y.
    const bool relu = shape.activation == Activation::relu;
    std::int64_t between = 1000;
    const BackendDescriptor* sum = &tensor(between++, output, true);
    BackendDescriptor& op = operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, convolution());
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x_tensor);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, kernel_tensor);
    op.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, *sum);
    scale(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA);
    op.finalize();
    if (shape.skip) sum = &pointwise(CUDNN_POINTWISE_ADD, *sum, &tensor(skip, output), tensor(between++, output, true));
    const BackendDescriptor& bias_tensor = tensor(bias, {1, out, 1, 1});
    const BackendDescriptor& biased = relu ? tensor(between++, output, true) : tensor(y, output);
    sum = &pointwise(CUDNN_POINTWISE_ADD, *sum, &bias_tensor, biased);
    if (relu) pointwise(CUDNN_POINTWISE_RELU_FWD, *sum, nullptr, tensor(y, output));
  }

  /// The operations as one graph; handle may be null where cuDNN plans for a device that is not there.
  BackendDescriptor graph(cudnnHandle_t handle) const {
    BackendDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    std::vector<cudnnBackendDescriptor_t> raw;
    for (const auto& one : operations_) raw.push_back(one->get());
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(raw.size()),
              raw.data());
    if (handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
    graph.finalize();
    return graph;
  }

 private:
  BackendDescriptor& keep(cudnnBackendDescriptorType_t kind, std::vector<std::unique_ptr<BackendDescriptor>>& row) {
    row.push_back(std::make_unique<BackendDescriptor>(kind));
    return *row.back();
  }
  BackendDescriptor& operation(cudnnBackendDescriptorType_t kind) { return keep(kind, operations_); }

  const BackendDescriptor& tensor(std::int64_t id, Shape s, bool is_virtual = false) {
    BackendDescriptor& made = keep(CUDNN_BACKEND_TENSOR_DESCRIPTOR, parts_);
    const cudnnDataType_t type = is_virtual ? CUDNN_DATA_FLOAT : shape_.type();  // sums stay float until stored
    made.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    made.set(CUDNN_ATTR_TENSOR_DIMENSIONS, {s.n, s.c, s.h, s.w});
    const std::int64_t c = s.c, row = c * s.w;
    made.set(CUDNN_ATTR_TENSOR_STRIDES, {row * s.h, 1, row, c});
    made.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {id});
    made.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {16});
    made.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual);
    made.finalize();
    return made;
  }

  const BackendDescriptor& convolution() {
    const std::int64_t pad = shape_.geometry.size / 2, stride = shape_.geometry.stride;
    const cudnnDataType_t type = CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    BackendDescriptor& made = keep(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, parts_);
    made.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, {2});
    made.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    made.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    made.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {pad, pad});
    made.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {pad, pad});
    made.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, {1, 1});
    made.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {stride, stride});
    made.finalize();
    return made;
  }

  static void scale(BackendDescriptor& op, cudnnBackendAttributeName_t alpha, cudnnBackendAttributeName_t beta) {
    const float one = 1, zero = 0;
    op.set(alpha, CUDNN_TYPE_FLOAT, 1, &one);
    op.set(beta, CUDNN_TYPE_FLOAT, 1, &zero);
  }

  const BackendDescriptor& pointwise(cudnnPointwiseMode_t mode, const BackendDescriptor& a, const BackendDescriptor* b,
                                     const BackendDescriptor& result) {
    const cudnnDataType_t type = CUDNN_DATA_FLOAT;
    BackendDescriptor& what = keep(CUDNN_BACKEND_POINTWISE_DESCRIPTOR, parts_);
    what.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
    what.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &type);
    what.finalize();
    BackendDescriptor& op = operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    op.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
    op.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, a);
    if (b) op.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
    op.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, result);
    op.finalize();
    return result;
  }

  ConvolutionShape shape_;
  std::vector<std::unique_ptr<BackendDescriptor>> parts_, operations_;
};

class GraphConvolution final : public PreparedConvolution {
 public:
  /// Takes the first engine of cuDNN's heuristics that keeps the promises of determinism and precision; with autotune
  /// the fastest of those, measured on the handle's stream. `device` stands in for the handle where a plan is made for
  /// a device that is not there.
  GraphConvolution(cudnnHandle_t handle, const ConvolutionShape& shape, bool autotune = false,
                   const BackendDescriptor* device = nullptr)
      : shape_(shape) {
    const ConvolutionOperations operations(shape);
    const BackendDescriptor graph = operations.graph(handle);
    const std::size_t wanted = autotune ? 8 : 1;
    std::vector<Plan> plans;
    for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
      if (plans.empty())
        for (const BackendDescriptor& config : configs(graph, mode, device))
          if (plans.size() < wanted && keeps_promises(config)) add_plan(plans, handle, config, device);
    if (plans.empty())
      detail::raise<NotSupportedError>("cuDNN's graph interface has no deterministic engine for a convolution of " +
                                       std::to_string(shape.geometry.in) + " to " + std::to_string(shape.geometry.out) +
                                       " channels on this device; use the CPU, or another Precision");
    plan_ = std::move(plans[plans.size() > 1 ? fastest(plans, handle) : 0]);
  }

  std::size_t workspace_bytes() const override { return static_cast<std::size_t>(plan_.workspace_bytes); }

  void run(cudnnHandle_t handle, const ConvolutionMemory& m, void* workspace) const override {
    run(plan_, handle, m, workspace);
  }

 private:
  struct Plan {
    BackendDescriptor descriptor;
    std::int64_t workspace_bytes = 0;
  };

  void run(const Plan& plan, cudnnHandle_t handle, const ConvolutionMemory& m, void* workspace) const {
    using Id = ConvolutionOperations::Id;
    std::vector<std::int64_t> ids{Id::x, Id::kernel, Id::y};
    std::vector<const void*> data{m.x, m.kernel, m.y};
    if (shape_.direction == Direction::forward) {
      ids.push_back(Id::bias);
      data.push_back(m.bias);
      if (shape_.skip) {
        ids.push_back(Id::skip);
        data.push_back(m.skip);
      }
    }
    const auto count = static_cast<std::int64_t>(ids.size());
    BackendDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, count, ids.data());
    pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, count, data.data());
    pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
    pack.finalize();
    check(cudnnBackendExecute(handle, plan.descriptor.get(), pack.get()), "cudnnBackendExecute");
  }

  static std::vector<BackendDescriptor> configs(const BackendDescriptor& graph, cudnnBackendHeurMode_t mode,
                                                const BackendDescriptor* device) {
    BackendDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    if (device) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *device);
    std::vector<BackendDescriptor> found;
    if (!heuristics.try_finalize()) return found;  // this mode does not know the graph
    std::int64_t count = 0;
    check(cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0,
                                   &count, nullptr),
          "cudnnBackendGetAttribute");
    std::vector<cudnnBackendDescriptor_t> raw;
    for (std::int64_t k = 0; k < count; ++k)
      raw.push_back(found.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).get());
    check(cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                   count, &count, raw.data()),
          "cudnnBackendGetAttribute");
    while (static_cast<std::int64_t>(found.size()) > count) found.pop_back();
    return found;
  }

  bool keeps_promises(const BackendDescriptor& config) const {
    BackendDescriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    cudnnBackendDescriptor_t raw = engine.get();
    std::int64_t count = 0;
    check(cudnnBackendGetAttribute(config.get(), CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count,
                                   &raw),
          "cudnnBackendGetAttribute");
    std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
    check(cudnnBackendGetAttribute(engine.get(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                   CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, notes.data()),
          "cudnnBackendGetAttribute");
    for (std::int64_t k = 0; k < count; ++k) {
      const cudnnBackendNumericalNote_t note = notes[static_cast<std::size_t>(k)];
      if (note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC || note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION)
        return false;
      if (shape_.precision == Precision::fp32 &&
          (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE || note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS))
        return false;
    }
    return true;
  }

  static void add_plan(std::vector<Plan>& plans, cudnnHandle_t handle, const BackendDescriptor& config,
                       const BackendDescriptor* device) {
    Plan plan{BackendDescriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)};
    plan.descriptor.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    if (handle) plan.descriptor.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
    if (device) plan.descriptor.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *device);
    if (!plan.descriptor.try_finalize()) return;  // cuDNN offers configurations that its own support check refuses
    std::int64_t count = 0;
    check(cudnnBackendGetAttribute(plan.descriptor.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1,
                                   &count, &plan.workspace_bytes),
          "cudnnBackendGetAttribute");
    plans.push_back(std::move(plan));
  }

  /// The plan of the shortest run on maps of zeros, the best of three after one that does not count.
  std::size_t fastest(const std::vector<Plan>& plans, cudnnHandle_t handle) const {
    const std::size_t number = shape_.precision == Precision::fp16 ? 2 : 4, y_bytes = shape_.y().size() * number;
    const DeviceArena<std::byte> x(shape_.x.size() * number), kernel(shape_.geometry.weight_count() * number),
        y(y_bytes), skip(shape_.skip ? y_bytes : 0), bias(static_cast<std::size_t>(shape_.geometry.out) * number);
    const ConvolutionMemory memory{x.data(), kernel.data(), y.data(), bias.data(), skip.data()};
    cudaStream_t stream = nullptr;
    check(cudnnGetStream(handle, &stream), "cudnnGetStream");
    const Event begin, end;
    std::size_t best = 0;
    float least = 0;
    for (std::size_t k = 0; k < plans.size(); ++k) {
      const DeviceArena<std::byte> workspace(static_cast<std::size_t>(plans[k].workspace_bytes));
      for (int turn = 0; turn < 4; ++turn) {
        begin.record(stream);
        run(plans[k], handle, memory, workspace.data());
        end.record(stream);
        const float time = end.since(begin);
        if (turn > 0 && ((k == 0 && turn == 1) || time < least)) {
          least = time;
          best = k;
        }
      }
    }
    return best;
  }

  ConvolutionShape shape_;
  Plan plan_;
};

/// A convolution made ready for the handle's device. Where the fixed-function calls do not know the shape, the graph
/// interface is asked.
inline std::unique_ptr<PreparedConvolution> prepare_convolution(cudnnHandle_t handle, const ConvolutionShape& shape,
                                                                Generation generation, bool autotune) {
  if (generation == Generation::fixed_function) try {
      return std::make_unique<FixedFunctionConvolution>(handle, shape, autotune);
    } catch (const NotSupportedError&) {
    }
  return std::make_unique<GraphConvolution>(handle, shape, autotune);
}

/// Whether cuDNN's NHWC kernels take these channels; the others go through convolve_direct or stem.
inline bool fits_cudnn(KernelGeometry g, Precision precision) {
  const int block = precision == Precision::fp16 ? 8 : 4;  // 16 bytes
  return g.in % block == 0 && g.out % block == 0;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu
