// SPDX-License-Identifier: BSD-3-Clause
// Regression of a target on a few features by a small neural network, two hidden layers of tanh: where squares and
// products of the features are not enough. Everything about it is fixed but the seed; a fit takes seconds.
#pragma once

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <span>
#include <vector>

#include "clustermass/core/random.hpp"
#include "clustermass/stats/least_squares.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats {

struct NetworkOptions {
  int members = 3, hidden = 24, epochs = 60, batch = 64;
  double rate = 4e-3, weight_decay = 1e-3;
  std::uint64_t seed = 1;
};

/// The mean of several such networks, each trained on all samples but a tenth of its own, on which it is tested.
/// Features as in PolynomialFit.
///
/// Source  Adam: Kingma & Ba 2015, arXiv:1412.6980; decoupled weight decay: Loshchilov & Hutter 2019, arXiv:1711.05101
class SmallNetwork {
 public:
  /// rows: [count,dims]. Throws InputError: the shapes do not agree, or there are fewer than 20 samples.
  SmallNetwork(std::span<const double> rows, std::size_t dims, std::span<const double> targets,
               const NetworkOptions& options = {})
      : scaling_(rows, dims, targets.size()) {
    if (targets.size() < 20)
      detail::raise<InputError>("a network needs 20 samples at least, found " + std::to_string(targets.size()));
    target_mean_ = stats::mean(targets);
    const double spread = standard_deviation(targets);
    target_scale_ = spread > 0 ? spread : 1;
    const auto n = static_cast<Eigen::Index>(targets.size()), d = static_cast<Eigen::Index>(dims);
    Eigen::MatrixXd x(d, n);
    Eigen::RowVectorXd y(n);
    for (Eigen::Index k = 0; k < n; ++k) {
      const std::vector<double> row = scaling_(rows.subspan(static_cast<std::size_t>(k) * dims, dims));
      x.col(k) = Eigen::Map<const Eigen::VectorXd>(row.data(), d);
      y[k] = (targets[static_cast<std::size_t>(k)] - target_mean_) / target_scale_;
    }
    double squares = 0, count = 0;
    for (int m = 0; m < options.members; ++m) {
      Random random(options.seed, static_cast<std::uint64_t>(m));
      std::vector<Eigen::Index> order(targets.size());
      std::iota(order.begin(), order.end(), Eigen::Index{0});
      shuffle(order, random);
      const std::size_t kept = order.size() - order.size() / 10;
      members_.push_back(train(x, y, std::span(order).first(kept), options, random));
      for (const Eigen::Index k : std::span(order).subspan(kept)) {
        squares += std::pow(members_.back().output(x.col(k))(0) - y[k], 2);
        count += 1;
      }
    }
    error_ = target_scale_ * std::sqrt(squares / count);
  }

  double operator()(std::span<const double> features) const {
    const std::vector<double> row = scaling_(features);
    const Eigen::Map<const Eigen::VectorXd> x(row.data(), static_cast<Eigen::Index>(row.size()));
    double sum = 0;
    for (const Member& member : members_) sum += member.output(x)(0);
    return target_mean_ + target_scale_ * sum / static_cast<double>(members_.size());
  }
  /// Rms of the residuals of samples that a member did not see.
  double error() const { return error_; }

 private:
  struct Layer {
    Eigen::MatrixXd weight, weight_m, weight_v;  // with the moments of Adam
    Eigen::VectorXd bias, bias_m, bias_v;
    Layer(Eigen::Index in, Eigen::Index out, Random& random) {
      weight.resize(out, in);
      for (double& w : weight.reshaped()) w = random.normal() / std::sqrt(static_cast<double>(in));
      weight_m = weight_v = Eigen::MatrixXd::Zero(out, in);
      bias = bias_m = bias_v = Eigen::VectorXd::Zero(out);
    }
  };
  struct Member {
    std::vector<Layer> layers;
    Eigen::RowVectorXd output(const Eigen::MatrixXd& x) const {
      Eigen::MatrixXd h = x;
      for (std::size_t l = 0; l < layers.size(); ++l) {
        h = (layers[l].weight * h).colwise() + layers[l].bias;
        if (l + 1 < layers.size()) h = h.array().tanh();
      }
      return h;
    }
  };

  static void shuffle(std::vector<Eigen::Index>& order, Random& random) {
    for (std::size_t k = order.size(); k > 1; --k)
      std::swap(order[k - 1], order[random.below(static_cast<std::uint32_t>(k))]);
  }

  static Member train(const Eigen::MatrixXd& x, const Eigen::RowVectorXd& y, std::span<const Eigen::Index> kept,
                      const NetworkOptions& options, Random& random) {
    Member member;
    for (const auto& [in, out] : {std::pair<Eigen::Index, Eigen::Index>{x.rows(), options.hidden},
                                  {options.hidden, options.hidden},
                                  {options.hidden, 1}})
      member.layers.emplace_back(in, out, random);
    std::vector<Eigen::Index> order(kept.begin(), kept.end());
    const std::size_t batch = std::min(static_cast<std::size_t>(options.batch), order.size()),
                      batches = order.size() / batch;
    int step = 0;
    const double steps = static_cast<double>(options.epochs) * static_cast<double>(batches);
    for (int epoch = 0; epoch < options.epochs; ++epoch) {
      shuffle(order, random);
      for (std::size_t b = 0; b < batches; ++b, ++step) {
        Eigen::MatrixXd in(x.rows(), static_cast<Eigen::Index>(batch));
        Eigen::RowVectorXd wanted(static_cast<Eigen::Index>(batch));
        for (std::size_t k = 0; k < batch; ++k) {
          in.col(static_cast<Eigen::Index>(k)) = x.col(order[b * batch + k]);
          wanted[static_cast<Eigen::Index>(k)] = y[order[b * batch + k]];
        }
        const double rate = options.rate * 0.5 * (1 + std::cos(std::numbers::pi * step / steps));
        descend(member, in, wanted, rate, options.weight_decay, step + 1);
      }
    }
    return member;
  }

  /// One step on the mean squared error of a batch.
  static void descend(Member& member, const Eigen::MatrixXd& in, const Eigen::RowVectorXd& wanted, double rate,
                      double decay, int step) {
    std::vector<Eigen::MatrixXd> h{in};
    const std::size_t last = member.layers.size() - 1;
    for (std::size_t l = 0; l <= last; ++l) {
      h.push_back((member.layers[l].weight * h[l]).colwise() + member.layers[l].bias);
      if (l < last) h.back() = h.back().array().tanh().matrix().eval();
    }
    Eigen::MatrixXd gradient = (h.back() - wanted) * (2.0 / static_cast<double>(wanted.size()));
    const double first_correction = 1 - std::pow(0.9, step), second_correction = 1 - std::pow(0.999, step);
    const auto update = [&](auto& value, auto& m, auto& v, const auto& g) {
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g.cwiseAbs2();
      value.array() -= rate * (m.array() / first_correction) / ((v.array() / second_correction).sqrt() + 1e-8);
    };
    for (std::size_t l = last + 1; l-- > 0;) {
      Layer& layer = member.layers[l];
      const Eigen::MatrixXd of_weight = gradient * h[l].transpose();
      const Eigen::VectorXd of_bias = gradient.rowwise().sum();
      if (l > 0)
        gradient = ((layer.weight.transpose() * gradient).array() * (1 - h[l].array().square())).matrix().eval();
      layer.weight *= 1 - rate * decay;
      update(layer.weight, layer.weight_m, layer.weight_v, of_weight);
      update(layer.bias, layer.bias_m, layer.bias_v, of_bias);
    }
  }

  FeatureScaling scaling_;
  double target_mean_ = 0, target_scale_ = 1, error_ = 0;
  std::vector<Member> members_;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats
