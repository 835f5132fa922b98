// SPDX-License-Identifier: BSD-3-Clause
// oneDNN 2 or 3 as a rival: primitives built once, weights reordered once, bias, skip and ReLU fused as post-ops.
// Settings: "any" (layouts of oneDNN's own choice), "nhwc", "winograd" (where the version still has it).
#include <cstring>
#include <dnnl.hpp>
#include <exception>
#include <string>
#include <unordered_map>
#include <vector>

#include "peer.h"
#include "plain_network.hpp"

namespace {

using namespace dnnl;
using tag = memory::format_tag;
using Descriptor = memory::desc;
using Conv = convolution_forward;

std::string last_error, version_text;

constexpr auto f32 = memory::data_type::f32;

Conv::primitive_desc describe(const engine& where, algorithm way, const Descriptor& x, const Descriptor& w,
                              const Descriptor& b, const Descriptor& y, int stride, int padding, bool adds_skip) {
  const memory::dims strides{stride, stride}, padding_left{padding, padding};
  const int last = stride == 2 ? padding - 1 : padding;  // of an even side
  const memory::dims padding_right{last, last};
  post_ops after;
  if (adds_skip) after.append_sum(1.0f);
  primitive_attr attributes;
#if DNNL_VERSION_MAJOR >= 3
  after.append_eltwise(algorithm::eltwise_relu, 0.0f, 0.0f);
  attributes.set_post_ops(after);
  return Conv::primitive_desc(where, prop_kind::forward_inference, way, x, w, b, y, strides, padding_left,
                              padding_right, attributes);
#else
  after.append_eltwise(1.0f, algorithm::eltwise_relu, 0.0f, 0.0f);
  attributes.set_post_ops(after);
  return Conv::primitive_desc(
      Conv::desc(prop_kind::forward_inference, way, x, w, b, y, strides, padding_left, padding_right), attributes,
      where);
#endif
}

memory::dims dims_of(const memory& m) {
#if DNNL_VERSION_MAJOR >= 3
  return m.get_desc().get_dims();
#else
  return m.get_desc().dims();
#endif
}

/// One primitive with its operands, ready to run.
struct Step {
  primitive what;
  std::unordered_map<int, memory> operands;
};

struct Peer {
  peers::PlainNetwork network;
  int n;
  engine where{engine::kind::cpu, 0};
  stream order{where};
  std::string setting;
  std::vector<Step> steps;
  memory images;
  std::vector<memory> maps;  // of the heads, nhwc

  Peer(const std::string& file, int count, const std::string& how)
      : network(peers::read_plain_network(file)), n(count), setting(how) {
    const memory::dims shape{peers::bands * n, 1, peers::side, peers::side};
    images = memory({shape, f32, tag::nchw}, where, nullptr);
    memory x = images, skip;
    for (const auto& conv : network.features) {
      memory y = add(conv, peers::bands * n, x, conv.adds_skip ? skip : memory());
      if (conv.size == 3 && conv.stride == 1 && !conv.adds_skip) skip = x;
      x = y;
    }
    const memory joined = join(x);
    for (const auto& head : network.heads) {
      const memory first = add(head.first, n, joined, {});
      maps.push_back(reordered(add(head.second, n, first, {}), tag::nhwc));
    }
    if (how == "winograd" && winograd_steps_ == 0)
      throw std::runtime_error("this oneDNN has no f32 Winograd convolution for this machine");
  }

  void run(const PeerInput& input, float* output) {
    images.set_data_handle(const_cast<float*>(input.images));
    for (Step& step : steps) step.what.execute(order, step.operands);
    order.wait();
    const std::size_t channels = static_cast<std::size_t>(network.head_channels());
    for (std::size_t h = 0; h < network.heads.size(); ++h)
      for (std::size_t k = 0; k < static_cast<std::size_t>(n); ++k)
        peers::run_tail(network.heads[h], static_cast<const float*>(maps[h].get_data_handle()) + k * 64 * channels, 1,
                        channels, input.regions + k * peers::pool_regions * peers::cells,
                        input.context + k * peers::contexts, output + 2 * (k * network.heads.size() + h));
  }

 private:
  memory add(const peers::PlainConv& conv, int batch, memory x, const memory& skip) {
    const memory::dims w_shape{conv.out, conv.in, conv.size, conv.size};
    const memory::dims y_shape{batch, conv.out, conv.side_out(), conv.side_out()};
    const memory::dims x_shape{batch, conv.in, conv.side, conv.side};
    const bool fixed = setting == "nhwc";
    const Descriptor x_any(x_shape, f32, fixed ? tag::nhwc : tag::any),
        y_any(y_shape, f32, fixed ? tag::nhwc : tag::any);
    const Descriptor w_any(w_shape, f32, tag::any), bias({conv.out}, f32, tag::x);
    const Descriptor y_wish = skip ? skip.get_desc() : y_any;
    const auto with = [&](algorithm way) {
      return describe(where, way, x_any, w_any, bias, y_wish, conv.stride, conv.size / 2, conv.adds_skip);
    };
    Conv::primitive_desc plan;
    const bool transformed = setting == "winograd" && conv.size == 3 && conv.stride == 1;
    if (transformed) {
      try {
        plan = with(algorithm::convolution_winograd);
        ++winograd_steps_;
      } catch (const error&) {
        plan = with(algorithm::convolution_direct);
      }
    } else {
      plan = with(algorithm::convolution_direct);
    }
    if (x.get_desc() != plan.src_desc()) x = reordered(x, plan.src_desc());
    memory w(plan.weights_desc(), where), plain_w({w_shape, f32, tag::oihw}, where), b(bias, where);
    std::memcpy(plain_w.get_data_handle(), conv.weight.data(), conv.weight.size() * sizeof(float));
    std::memcpy(b.get_data_handle(), conv.bias.data(), conv.bias.size() * sizeof(float));
    reorder(plain_w, w).execute(order, plain_w, w);
    order.wait();
    const memory y = skip ? skip : memory(plan.dst_desc(), where);
    steps.push_back({Conv(plan), {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_BIAS, b}, {DNNL_ARG_DST, y}}});
    return y;
  }

  memory reordered(const memory& x, const Descriptor& wish) {
    if (x.get_desc() == wish) return x;
    memory y(wish, where);
    steps.push_back({reorder(x, y), {{DNNL_ARG_FROM, x}, {DNNL_ARG_TO, y}}});
    return y;
  }
  memory reordered(const memory& x, tag layout) { return reordered(x, Descriptor(dims_of(x), f32, layout)); }

  /// [5n,C,8,8] read as [n,5C,8,8], which needs no copy in planes or blocks of channels.
  memory join(memory x) {
    const memory::dims joined{n, peers::bands * network.feature_channels(), 8, 8};
    const memory::dims apart = dims_of(x);
    for (const tag layout : {tag::nChw16c, tag::nChw8c, tag::nchw})
      if (x.get_desc() == Descriptor(apart, f32, layout))
        return memory({joined, f32, layout}, where, x.get_data_handle());
    kept_.push_back(reordered(x, tag::nchw));
    return memory({joined, f32, tag::nchw}, where, kept_.back().get_data_handle());
  }

  std::vector<memory> kept_;
  int winograd_steps_ = 0;
};

}  // namespace

extern "C" {

void* peer_open(const char* weight_file, int n, int /*threads: OpenMP's or TBB's own*/, const char* setting) try {
  return new Peer(weight_file, n, setting);
} catch (const std::exception& error) {
  last_error = error.what();
  return nullptr;
}

void peer_run(void* peer, const PeerInput* input, float* output) { static_cast<Peer*>(peer)->run(*input, output); }

void peer_close(void* peer) { delete static_cast<Peer*>(peer); }

const char* peer_error() { return last_error.c_str(); }

const char* peer_version() {
  const dnnl_version_t* v = dnnl_version();
  version_text = std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
  return version_text.c_str();
}

}  // extern "C"
