// SPDX-License-Identifier: BSD-3-Clause
// TEST DOUBLE of cuDNN's fixed-function calls (see device.hpp). The rules are those of the API reference: layouts,
// output extents, algorithms per direction, the identity activation, alpha and beta, workspace, aliasing.
#include <algorithm>
#include <cstring>

#include "compute.hpp"

using clustermass::KernelGeometry;
using clustermass::View;
using test_double::rule;
using test_double::Shape;

struct cudnnTensorStruct {
  Shape shape;
  cudnnDataType_t type;
  cudnnTensorFormat_t format;
};

struct cudnnFilterStruct {
  Shape shape;
  cudnnDataType_t type;
  cudnnTensorFormat_t format;
};
struct cudnnConvolutionStruct {
  int pad, stride, dilation;
  cudnnConvolutionMode_t mode;
  cudnnDataType_t type;
  cudnnMathType_t math;
};
struct cudnnActivationStruct {
  cudnnActivationMode_t mode;
};

namespace {

cudnnStatus_t before(const char* call, cudnnStatus_t injected = CUDNN_STATUS_EXECUTION_FAILED) {
  if (test_double::fails(call)) return injected;
  return test_double::lost() ? CUDNN_STATUS_EXECUTION_FAILED : CUDNN_STATUS_SUCCESS;
}

template <class T>
cudnnStatus_t make(const char* call, const char* kind, T** made) {
  if (const auto e = before(call, CUDNN_STATUS_ALLOC_FAILED)) return e;
  *made = new T{};
  test_double::made(kind);
  return CUDNN_STATUS_SUCCESS;
}
template <class T>
cudnnStatus_t destroy(const char* kind, T* one) {
  delete one;
  test_double::made(kind, -1);
  return CUDNN_STATUS_SUCCESS;
}

/// The rules that the three directions share; where one is broken the call is refused.
bool fits(const char* call, const cudnnTensorStruct& x, const cudnnFilterStruct& w, const cudnnConvolutionStruct& conv,
          const cudnnTensorStruct& y) {
  const int size = w.shape.h;
  const auto extent = [&](int in) { return (in + 2 * conv.pad - (conv.dilation * (size - 1) + 1)) / conv.stride + 1; };
  const int block = x.type == CUDNN_DATA_HALF ? 8 : 4;
  const bool good = x.format == CUDNN_TENSOR_NHWC && y.format == CUDNN_TENSOR_NHWC && w.format == CUDNN_TENSOR_NHWC &&
                    x.type == y.type && x.type == w.type && conv.type == CUDNN_DATA_FLOAT &&
                    conv.mode == CUDNN_CROSS_CORRELATION && conv.dilation == 1 && w.shape.h == w.shape.w &&
                    x.shape.c == w.shape.c && y.shape.c == w.shape.n && x.shape.n == y.shape.n &&
                    y.shape.h == extent(x.shape.h) && y.shape.w == extent(x.shape.w) && x.shape.c % block == 0 &&
                    y.shape.c % block == 0;
  rule(good, std::string(call) + ": descriptors that do not fit each other");
  return good;
}

std::size_t workspace_of(const cudnnTensorStruct& x, const cudnnFilterStruct& w) {
  return 64 * w.shape.size() + 4 * static_cast<std::size_t>(x.shape.n);  // any size will do, as long as it is demanded
}

bool lends(const char* call, const void* workspace, std::size_t given, std::size_t wanted) {
  rule(given >= wanted, std::string(call) + ": less workspace than was asked for");
  return given >= wanted && test_double::is_good_memory(call, "workspace", workspace, wanted);
}

KernelGeometry geometry_of(const cudnnFilterStruct& w, const cudnnConvolutionStruct& conv) {
  return {w.shape.c, w.shape.n, w.shape.h, conv.stride};
}
/// Products of rounded factors: default and tensor-op math on float tensors.
bool rounds(const cudnnTensorStruct& x, const cudnnConvolutionStruct& conv) {
  return x.type == CUDNN_DATA_FLOAT && conv.math != CUDNN_FMA_MATH;
}
float number(const void* scale) { return *static_cast<const float*>(scale); }

}  // namespace

const char* cudnnGetErrorString(cudnnStatus_t code) {
  switch (code) {
    case CUDNN_STATUS_EXECUTION_FAILED:
      return "CUDNN_STATUS_EXECUTION_FAILED";
    case CUDNN_STATUS_ALLOC_FAILED:
      return "CUDNN_STATUS_ALLOC_FAILED";
    case CUDNN_STATUS_BAD_PARAM:
      return "CUDNN_STATUS_BAD_PARAM";
    default:
      return "CUDNN_STATUS_OTHER";
  }
}

std::size_t cudnnGetVersion() { return test_double::cudnn_version(); }
cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  const test_double::Turn turn;
  return make("cudnnCreate", "cuDNN handle", handle);
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  const test_double::Turn turn;
  return destroy("cuDNN handle", handle);
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  const test_double::Turn turn;
  if (const auto e = before("cudnnSetStream")) return e;
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnGetStream(cudnnHandle_t handle, cudaStream_t* stream) {
  const test_double::Turn turn;
  if (const auto e = before("cudnnGetStream")) return e;
  *stream = handle->stream;
  return CUDNN_STATUS_SUCCESS;
}

// --- descriptors
// ----------------------------------------------------------------------------------------------------------

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* d) {
  const test_double::Turn turn;
  return make("cudnnCreateTensorDescriptor", "tensor descriptor", d);
}
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t d) {
  const test_double::Turn turn;
  return destroy("tensor descriptor", d);
}
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t d, cudnnTensorFormat_t format, cudnnDataType_t type,
                                         int n, int c, int h, int w) {
  const test_double::Turn turn;
  if (const auto e = before("cudnnSetTensor4dDescriptor")) return e;
  if (n < 1 || c < 1 || h < 1 || w < 1) return CUDNN_STATUS_BAD_PARAM;
  *d = {{n, c, h, w}, type, format};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* d) {
  const test_double::Turn turn;
  return make("cudnnCreateFilterDescriptor", "filter descriptor", d);
}
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t d) {
  const test_double::Turn turn;
  return destroy("filter descriptor", d);
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t d, cudnnDataType_t type, cudnnTensorFormat_t format,
                                         int k, int c, int h, int w) {
  const test_double::Turn turn;
  if (const auto e = before("cudnnSetFilter4dDescriptor")) return e;
  *d = {{k, c, h, w}, type, format};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* d) {
  const test_double::Turn turn;
  return make("cudnnCreateConvolutionDescriptor", "convolution descriptor", d);
}
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t d) {
  const test_double::Turn turn;
  return destroy("convolution descriptor", d);
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t d, int pad_h, int pad_w, int u, int v,
                                              int dilation_h, int dilation_w, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t type) {
  const test_double::Turn turn;
  if (const auto e = before("cudnnSetConvolution2dDescriptor")) return e;
  rule(pad_h == pad_w && u == v && dilation_h == dilation_w, "a convolution that differs by axis");
  *d = {pad_h, u, dilation_h, mode, type, CUDNN_DEFAULT_MATH};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t d, cudnnMathType_t math) {
  const test_double::Turn turn;
  if (const auto e = before("cudnnSetConvolutionMathType")) return e;
  d->math = math;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateActivationDescriptor(cudnnActivationDescriptor_t* d) {
  const test_double::Turn turn;
  return make("cudnnCreateActivationDescriptor", "activation descriptor", d);
}
cudnnStatus_t cudnnDestroyActivationDescriptor(cudnnActivationDescriptor_t d) {
  const test_double::Turn turn;
  return destroy("activation descriptor", d);
}
cudnnStatus_t cudnnSetActivationDescriptor(cudnnActivationDescriptor_t d, cudnnActivationMode_t mode,
                                           cudnnNanPropagation_t, double) {
  const test_double::Turn turn;
  if (const auto e = before("cudnnSetActivationDescriptor")) return e;
  d->mode = mode;
  return CUDNN_STATUS_SUCCESS;
}

// --- workspace and algorithms
// -----------------------------------------------------------------------------------------------

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t, const cudnnTensorDescriptor_t x,
                                                      const cudnnFilterDescriptor_t w,
                                                      const cudnnConvolutionDescriptor_t conv,
                                                      const cudnnTensorDescriptor_t y, cudnnConvolutionFwdAlgo_t,
                                                      std::size_t* bytes) {
  const test_double::Turn turn;
  if (const auto e = before("cudnnGetConvolutionForwardWorkspaceSize")) return e;
  if (test_double::refuses_fixed_function()) return CUDNN_STATUS_NOT_SUPPORTED;
  if (!fits("cudnnGetConvolutionForwardWorkspaceSize", *x, *w, *conv, *y)) return CUDNN_STATUS_BAD_PARAM;
  *bytes = workspace_of(*x, *w);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t, const cudnnFilterDescriptor_t w,
                                                           const cudnnTensorDescriptor_t dy,
                                                           const cudnnConvolutionDescriptor_t conv,
                                                           const cudnnTensorDescriptor_t dx,
                                                           cudnnConvolutionBwdDataAlgo_t, std::size_t* bytes) {
  const test_double::Turn turn;
  if (const auto e = before("cudnnGetConvolutionBackwardDataWorkspaceSize")) return e;
  if (test_double::refuses_fixed_function()) return CUDNN_STATUS_NOT_SUPPORTED;
  if (!fits("cudnnGetConvolutionBackwardDataWorkspaceSize", *dx, *w, *conv, *dy)) return CUDNN_STATUS_BAD_PARAM;
  *bytes = workspace_of(*dx, *w);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnnHandle_t, const cudnnTensorDescriptor_t x,
                                                             const cudnnTensorDescriptor_t dy,
                                                             const cudnnConvolutionDescriptor_t conv,
                                                             const cudnnFilterDescriptor_t w,
                                                             cudnnConvolutionBwdFilterAlgo_t, std::size_t* bytes) {
  const test_double::Turn turn;
  if (const auto e = before("cudnnGetConvolutionBackwardFilterWorkspaceSize")) return e;
  if (test_double::refuses_fixed_function()) return CUDNN_STATUS_NOT_SUPPORTED;
  if (!fits("cudnnGetConvolutionBackwardFilterWorkspaceSize", *x, *w, *conv, *dy)) return CUDNN_STATUS_BAD_PARAM;
  *bytes = workspace_of(*x, *w);
  return CUDNN_STATUS_SUCCESS;
}

namespace {
/// A faster algorithm that is not deterministic stands first, so that the caller has to look.
template <class Perf, class Algorithm>
cudnnStatus_t find(const char* call, Algorithm fast, Algorithm good, const cudnnConvolutionStruct& conv, int most,
                   int* count, Perf* found) {
  if (const auto e = before(call)) return e;
  *count = std::min(most, 2);
  found[0] = {};
  found[0].algo = fast;
  found[0].determinism = CUDNN_NON_DETERMINISTIC;
  found[0].mathType = conv.math;
  found[1] = {};
  found[1].algo = good;
  found[1].determinism = CUDNN_DETERMINISTIC;
  found[1].mathType = conv.math;
  test_double::count_run(call);
  return CUDNN_STATUS_SUCCESS;
}
}  // namespace
cudnnStatus_t cudnnFindConvolutionForwardAlgorithm(cudnnHandle_t, const cudnnTensorDescriptor_t,
                                                   const cudnnFilterDescriptor_t,
                                                   const cudnnConvolutionDescriptor_t conv,
                                                   const cudnnTensorDescriptor_t, int most, int* count,
                                                   cudnnConvolutionFwdAlgoPerf_t* found) {
  const test_double::Turn turn;
  return find("cudnnFindConvolutionForwardAlgorithm", CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD,
              CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, *conv, most, count, found);
}
cudnnStatus_t cudnnFindConvolutionBackwardDataAlgorithm(cudnnHandle_t, const cudnnFilterDescriptor_t,
                                                        const cudnnTensorDescriptor_t,
                                                        const cudnnConvolutionDescriptor_t conv,
                                                        const cudnnTensorDescriptor_t, int most, int* count,
                                                        cudnnConvolutionBwdDataAlgoPerf_t* found) {
  const test_double::Turn turn;
  return find("cudnnFindConvolutionBackwardDataAlgorithm", CUDNN_CONVOLUTION_BWD_DATA_ALGO_0,
              CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, *conv, most, count, found);
}
cudnnStatus_t cudnnFindConvolutionBackwardFilterAlgorithm(cudnnHandle_t, const cudnnTensorDescriptor_t,
                                                          const cudnnTensorDescriptor_t,
                                                          const cudnnConvolutionDescriptor_t conv,
                                                          const cudnnFilterDescriptor_t, int most, int* count,
                                                          cudnnConvolutionBwdFilterAlgoPerf_t* found) {
  const test_double::Turn turn;
  return find("cudnnFindConvolutionBackwardFilterAlgorithm", CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0,
              CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, *conv, most, count, found);
}

// --- the three directions
// ---------------------------------------------------------------------------------------------------

cudnnStatus_t cudnnConvolutionBiasActivationForward(
    cudnnHandle_t handle, const void* alpha1, const cudnnTensorDescriptor_t x_desc, const void* x,
    const cudnnFilterDescriptor_t w_desc, const void* w, const cudnnConvolutionDescriptor_t conv_desc,
    cudnnConvolutionFwdAlgo_t algorithm, void* workspace, std::size_t bytes, const void* alpha2,
    const cudnnTensorDescriptor_t z_desc, const void* z, const cudnnTensorDescriptor_t bias_desc, const void* bias,
    const cudnnActivationDescriptor_t activation, const cudnnTensorDescriptor_t y_desc, void* y) {
  const test_double::Turn turn;
  const char* call = "cudnnConvolutionBiasActivationForward";
  if (const auto e = before(call)) return e;
  const cudnnTensorStruct xd = *x_desc, yd = *y_desc, zd = *z_desc, bd = *bias_desc;
  const cudnnFilterStruct wd = *w_desc;
  const cudnnConvolutionStruct conv = *conv_desc;
  if (!fits(call, xd, wd, conv, yd) || !lends(call, workspace, bytes, workspace_of(xd, wd)))
    return CUDNN_STATUS_BAD_PARAM;
  const bool relu = activation->mode == CUDNN_ACTIVATION_RELU;
  rule(relu || activation->mode == CUDNN_ACTIVATION_IDENTITY, "an activation that the call does not know");
  rule(relu || algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
       "the identity activation with another algorithm than IMPLICIT_PRECOMP_GEMM");
  rule(algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM ||
           algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
       "an algorithm that is not deterministic or does not know NHWC");
  rule(zd.shape == yd.shape && bd.shape == Shape{1, yd.shape.c, 1, 1} && bd.type == yd.type,
       std::string(call) + ": z or bias of another shape than y's");
  rule(number(alpha1) == 1, std::string(call) + ": alpha1");
  rule(x != y, std::string(call) + ": y may not be x");
  const bool skip = number(alpha2) != 0;
  auto work = [=] {
    bool good = test_double::is_good_memory(call, "x", x, test_double::bytes_of(xd.shape, xd.type)) &&
                test_double::is_good_memory(call, "w", w, test_double::bytes_of(wd.shape, wd.type)) &&
                test_double::is_good_memory(call, "y", y, test_double::bytes_of(yd.shape, yd.type)) &&
                test_double::is_good_memory(call, "bias", bias, test_double::bytes_of(bd.shape, bd.type)) &&
                test_double::is_good_memory(call, "z", z, test_double::bytes_of(zd.shape, zd.type)) &&
                test_double::on_device(workspace, bytes);
    if (!good) return;
    std::memset(workspace, 0xff, bytes);  // whatever lay there is gone
    const bool round = rounds(xd, conv);
    auto input = test_double::read(x, xd.shape, xd.type, round),
         weights = test_double::read(w, wd.shape, wd.type, round);
    auto biases = test_double::read(bias, bd.shape, bd.type);
    std::vector<float> skipped = skip ? test_double::read(z, zd.shape, zd.type) : std::vector<float>{};
    std::vector<float> output(yd.shape.size());
    test_double::Engine{}.convolve({input.data(), xd.shape}, {geometry_of(wd, conv), weights.data(), biases.data()},
                                   skip ? View<float>{skipped.data(), zd.shape} : View<float>{},
                                   relu ? clustermass::Activation::relu : clustermass::Activation::none,
                                   {output.data(), yd.shape});
    test_double::write(output, y, yd.shape, yd.type);
    test_double::count_run(call);
  };
  return test_double::queue(handle->stream, work) ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha,
                                           const cudnnFilterDescriptor_t w_desc, const void* w,
                                           const cudnnTensorDescriptor_t dy_desc, const void* dy,
                                           const cudnnConvolutionDescriptor_t conv_desc,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void* workspace, std::size_t bytes,
                                           const void* beta, const cudnnTensorDescriptor_t dx_desc, void* dx) {
  const test_double::Turn turn;
  const char* call = "cudnnConvolutionBackwardData";
  if (const auto e = before(call)) return e;
  const cudnnTensorStruct xd = *dx_desc, yd = *dy_desc;
  const cudnnFilterStruct wd = *w_desc;
  const cudnnConvolutionStruct conv = *conv_desc;
  if (!fits(call, xd, wd, conv, yd) || !lends(call, workspace, bytes, workspace_of(xd, wd)))
    return CUDNN_STATUS_BAD_PARAM;
  rule(algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, "cudnnConvolutionBackwardData: ALGO_0 is not deterministic");
  rule(number(alpha) == 1 && number(beta) == 0 && dx != dy, std::string(call) + ": alpha, beta or aliasing");
  auto work = [=] {
    if (!(test_double::is_good_memory(call, "dx", dx, test_double::bytes_of(xd.shape, xd.type)) &&
          test_double::is_good_memory(call, "w", w, test_double::bytes_of(wd.shape, wd.type)) &&
          test_double::is_good_memory(call, "dy", dy, test_double::bytes_of(yd.shape, yd.type)) &&
          test_double::on_device(workspace, bytes)))
      return;
    std::memset(workspace, 0xff, bytes);
    const bool round = rounds(xd, conv);
    auto gradient = test_double::read(dy, yd.shape, yd.type, round),
         weights = test_double::read(w, wd.shape, wd.type, round);
    std::vector<float> result(xd.shape.size());
    test_double::Engine{}.convolve_input_gradient(
        {gradient.data(), yd.shape}, {geometry_of(wd, conv), weights.data(), nullptr}, {}, {result.data(), xd.shape});
    test_double::write(result, dx, xd.shape, xd.type);
    test_double::count_run(call);
  };
  return test_double::queue(handle->stream, work) ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha,
                                             const cudnnTensorDescriptor_t x_desc, const void* x,
                                             const cudnnTensorDescriptor_t dy_desc, const void* dy,
                                             const cudnnConvolutionDescriptor_t conv_desc,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void* workspace,
                                             std::size_t bytes, const void* beta, const cudnnFilterDescriptor_t dw_desc,
                                             void* dw) {
  const test_double::Turn turn;
  const char* call = "cudnnConvolutionBackwardFilter";
  if (const auto e = before(call)) return e;
  const cudnnTensorStruct xd = *x_desc, yd = *dy_desc;
  const cudnnFilterStruct wd = *dw_desc;
  const cudnnConvolutionStruct conv = *conv_desc;
  if (!fits(call, xd, wd, conv, yd) || !lends(call, workspace, bytes, workspace_of(xd, wd)))
    return CUDNN_STATUS_BAD_PARAM;
  rule(algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1,
       "cudnnConvolutionBackwardFilter: ALGO_0 and 3 are not deterministic");
  rule(number(alpha) == 1 && number(beta) == 0, std::string(call) + ": alpha or beta");
  auto work = [=] {
    if (!(test_double::is_good_memory(call, "x", x, test_double::bytes_of(xd.shape, xd.type)) &&
          test_double::is_good_memory(call, "dy", dy, test_double::bytes_of(yd.shape, yd.type)) &&
          test_double::is_good_memory(call, "dw", dw, test_double::bytes_of(wd.shape, wd.type)) &&
          test_double::on_device(workspace, bytes)))
      return;
    std::memset(workspace, 0xff, bytes);
    const bool round = rounds(xd, conv);
    auto input = test_double::read(x, xd.shape, xd.type, round),
         gradient = test_double::read(dy, yd.shape, yd.type, round);
    std::vector<float> result(wd.shape.size()), bias(static_cast<std::size_t>(wd.shape.n));
    test_double::Engine{}.convolve_weight_gradient({input.data(), xd.shape}, {gradient.data(), yd.shape},
                                                   geometry_of(wd, conv), result.data(), bias.data());
    test_double::write(result, dw, wd.shape, wd.type);
    test_double::count_run(call);
  };
  return test_double::queue(handle->stream, work) ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}
