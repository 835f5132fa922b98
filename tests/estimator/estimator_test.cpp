// SPDX-License-Identifier: BSD-3-Clause
// Promises of the estimator, on a network of random weights: what goes in, what comes out, the same bits from any
// thread and order, no allocation, and the same answer from every engine and every way to hand in the pixels. One file,
// because each user of the estimator compiles the whole network once per instruction set.
#include "clustermass/estimator.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "clustermass/io/file.hpp"
#include "clustermass/parallel.hpp"
#include "support/cutouts.hpp"
#include "support/instruction_sets.hpp"
#include "support/random_network.hpp"

using namespace clustermass;
using namespace clustermass::support;

// ---- every allocation of this program is counted -------------------------------------------------------------------
namespace {
std::atomic<std::size_t> allocations{0};
void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  const std::size_t rounded = (size + alignment) / alignment * alignment;
  if (void* memory = std::aligned_alloc(alignment, rounded)) return memory;
  throw std::bad_alloc();
}
}  // namespace
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // where only one of a pair below is inlined
#endif
void* operator new(std::size_t size) { return counted(size, alignof(std::max_align_t)); }
void* operator new[](std::size_t size) { return counted(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t a) { return counted(size, static_cast<std::size_t>(a)); }
void* operator new[](std::size_t size, std::align_val_t a) { return counted(size, static_cast<std::size_t>(a)); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

/// A network whose answer depends on the pixels by tenths of a dex, made once.
const TrainedNetwork<>& network() {
  static const TrainedNetwork<> made = random_network(3);
  return made;
}
const Estimator& estimator() {
  static const Estimator made(network(), "memory");
  return made;
}
/// One walk per cutout instead of three.
const Estimator& quick_estimator() {
  static const Estimator made(network(), "memory", {.replay_probe = false, .redshift_response = false});
  return made;
}

std::array<std::uint64_t, 10> bits_of(const MassEstimate& m) {
  const auto b = [](double value) { return std::bit_cast<std::uint64_t>(value); };
  return {b(m.log10_m500c), b(m.log10_m500c_error), b(m.lo90), b(m.hi90), b(m.dlogm_dz), b(m.ood),
          b(m.coverage),    b(m.masked_fraction),   m.flags,   0};
}
bool same(const MassEstimate& a, const MassEstimate& b) { return bits_of(a) == bits_of(b); }

void check_no_numbers(const MassEstimate& mass) {
  CHECK_FALSE(mass.has_result());
  for (const double value : {mass.log10_m500c, mass.log10_m500c_error, mass.lo90, mass.hi90, mass.dlogm_dz, mass.ood})
    CHECK(std::isnan(value));
}

/// Cutouts that differ in redshift, coverage and content.
std::vector<CutoutBuffer> various_cutouts(std::size_t count) {
  std::vector<CutoutBuffer> buffers;
  for (std::size_t k = 0; k < count; ++k) {
    buffers.push_back(noisy_grid_cutout(0.1 + 0.4 * static_cast<double>(k) / static_cast<double>(count), k));
    if (k % 3 == 1) buffers.back().bands[k % 5].pixels.clear();
    if (k % 3 == 2) buffers.back().bands[0].map.centre_x += 40;
    if (k % 5 == 4) buffers.back().redshift = nan_value;
    buffers.back().redshift_error = 0.01 * static_cast<double>(k);
  }
  return buffers;
}
std::vector<Cutout> views_of(const std::vector<CutoutBuffer>& buffers) { return {buffers.begin(), buffers.end()}; }

template <class Exception, class Function>
std::string message_of(Function function) {
  try {
    function();
  } catch (const Exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}
bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Sets an environment variable for one scope.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value, 1);
  }
  ~Environment() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }
  Environment(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("A good cutout gives a mass with its error, interval and response, and no flag") {
  CutoutBuffer cutout = noisy_grid_cutout(0.3, 1);
  const MassEstimate mass = estimator().estimate_mass(cutout);
  CHECK(mass.flags == 0);
  CHECK(mass.has_result());
  CHECK(std::isfinite(mass.log10_m500c));
  CHECK(std::isfinite(mass.dlogm_dz));
  CHECK(mass.log10_m500c_error > 0);
  CHECK(mass.ood > 0);
  CHECK(mass.ood < 1);
  CHECK(mass.coverage == doctest::Approx(1));
  CHECK(mass.masked_fraction == 0);
  CHECK(mass.hi90 - mass.log10_m500c == doctest::Approx(1.75 * mass.log10_m500c_error));
  CHECK(mass.log10_m500c - mass.lo90 == doctest::Approx(1.75 * mass.log10_m500c_error));
  CHECK(std::fabs(mass.log10_m500c - estimator().estimate_mass(noisy_grid_cutout(0.3, 2)).log10_m500c) > 1e-3);
}

TEST_CASE("Mean and variance are those of the ensemble's mixture, with the calibration's factor") {
  // Heads without weights but for their last bias answer that bias: means 14.45 + 0.45 y0, variances 0.45^2 exp(y1).
  TrainedNetwork<> constant(3, 0, 16);
  const float answers[3][2] = {{0.5f, -1}, {-0.25f, 0.3f}, {1, -20}};  // the last variance is cut at exp(-12)
  for (std::size_t k = 0; k < 3; ++k) {
    const auto values = constant.mass[k].values();
    values[values.size() - 2] = answers[k][0];
    values[values.size() - 1] = answers[k][1];
  }
  constant.calibration_scale.values[0] = 2;
  constant.metadata = network().metadata;
  const MassEstimate mass =
      Estimator(constant, "memory", {.replay_probe = false}).estimate_mass(noisy_grid_cutout(0.3, 1));
  const double mean = (0.5 - 0.25 + 1) / 3;
  const double scatter = (std::pow(0.5 - mean, 2) + std::pow(-0.25 - mean, 2) + std::pow(1 - mean, 2)) / 3;
  const double noise = (std::exp(-1) + std::exp(static_cast<double>(0.3f)) + std::exp(-12)) / 3;
  CHECK(mass.log10_m500c == doctest::Approx(14.45 + 0.45 * mean).epsilon(1e-12));
  CHECK(mass.log10_m500c_error == doctest::Approx(2 * 0.45 * std::sqrt(scatter + noise)).epsilon(1e-12));
  CHECK(mass.dlogm_dz == 0);
  CHECK(mass.ood == 0);
}

TEST_CASE("The file, its bytes and the network in memory give the same answer") {
  const std::vector<std::byte> bytes = encoded(network());
  const std::string path =
      (std::filesystem::temp_directory_path() / ("clustermass_estimator_test_" + std::to_string(getpid()))).string();
  write_file<WeightError>(path, bytes);
  const EstimatorOptions options{.replay_probe = true, .redshift_response = false};
  const Estimator from_file = Estimator::from_file(path, options);
  std::filesystem::remove(path);
  const Estimator from_memory = Estimator::from_memory(bytes, options);
  const CutoutBuffer cutout = noisy_grid_cutout(0.25, 7);
  const MassEstimate expected = quick_estimator().estimate_mass(cutout);
  CHECK(same(from_file.estimate_mass(cutout), expected));
  CHECK(same(from_memory.estimate_mass(cutout), expected));
  CHECK(from_file.model_id() == "random-test-network");
  CHECK(from_file.training_set() == "none: random numbers");
  CHECK(from_file.heads() == 2);
  CHECK(contains(message_of<WeightError>([&] { Estimator::from_file(path); }), path));
}

TEST_CASE("A probe that the network does not answer as stored is refused, and can be left out") {
  TrainedNetwork<> wrong = network();
  wrong.probe_output.values[3] += 2e-4f;
  const auto bytes = encoded(wrong);
  const std::string message = message_of<WeightError>([&] { Estimator::from_memory(bytes); });
  CHECK(contains(message, "memory: the network's answer to its probe is"));
  CHECK(contains(message, "at output 3"));
  CHECK_NOTHROW(Estimator::from_memory(bytes, {.replay_probe = false}));
  wrong.probe_output.values[3] -= 1.5e-4f;  // within 1e-4 again
  CHECK_NOTHROW(Estimator::from_memory(encoded(wrong)));

  TrainedNetwork<> damaged = network();
  damaged.features.values()[1000] += 0.1f;
  CHECK(contains(message_of<WeightError>([&] { Estimator::from_memory(encoded(damaged)); }), "answer to its probe"));
}

TEST_CASE("A probe whose width the network cannot take is refused") {
  for (const int side : {0, 8, 40}) {
    TrainedNetwork<> odd = network();
    odd.probe_input.resize({band_count, 1, side, side});
    CHECK(contains(message_of<WeightError>([&] { Estimator::from_memory(encoded(odd)); }),
                   "probe.input is " + std::to_string(side) + " cells wide, expected a multiple of 16"));
  }
}

TEST_CASE("Estimating with a workspace allocates nothing") {
  const auto buffers = various_cutouts(2);
  const auto cutouts = views_of(buffers);
  const Estimator& e = estimator();
  Workspace workspace = e.workspace();
  std::vector<MassEstimate> estimates(cutouts.size());
  const std::size_t before = allocations;
  for (std::size_t k = 0; k < cutouts.size(); ++k) estimates[k] = e.estimate_mass(cutouts[k], workspace);
  e.estimate_mass(cutouts, estimates, workspace);
  CHECK(allocations == before);
  (void)e.workspace();  // the counter does count
  CHECK(allocations > before);
}

TEST_CASE("A workspace that was used before gives the same bits, one of another estimator is refused") {
  const auto buffers = various_cutouts(4);
  Workspace workspace = quick_estimator().workspace();
  for (const CutoutBuffer& buffer : buffers)
    CHECK(same(quick_estimator().estimate_mass(buffer, workspace), quick_estimator().estimate_mass(buffer)));
  const Estimator other(random_network(4, 3, 16), "memory");
  CHECK(contains(message_of<InputError>([&] { other.estimate_mass(buffers[0], workspace); }), "workspace"));
}

TEST_CASE("Two threads with one estimator get the same bits as one thread") {
  const auto buffers = various_cutouts(6);
  const auto cutouts = views_of(buffers);
  std::vector<MassEstimate> expected(cutouts.size());
  quick_estimator().estimate_mass(cutouts, expected);
  std::array<std::vector<MassEstimate>, 2> found;
  std::vector<std::thread> threads;
  for (auto& estimates : found)
    threads.emplace_back([&] {
      estimates.resize(cutouts.size());
      quick_estimator().estimate_mass(cutouts, estimates);
    });
  for (std::thread& thread : threads) thread.join();
  for (const auto& estimates : found)
    for (std::size_t k = 0; k < cutouts.size(); ++k) CHECK(same(estimates[k], expected[k]));
}

TEST_CASE("A team of threads gives the same bits as one by one, in any order, also where it shares one cutout") {
  const auto buffers = various_cutouts(5);
  std::vector<Cutout> cutouts = views_of(buffers);
  std::vector<MassEstimate> expected;
  for (const Cutout& cutout : cutouts) expected.push_back(quick_estimator().estimate_mass(cutout));
  for (const int threads : {1, 2, 3}) {
    Team team(threads);
    CHECK(team.size() == threads);
    for (int round = 0; round < 2; ++round) {
      std::vector<MassEstimate> found(cutouts.size());
      estimate_mass(quick_estimator(), cutouts, found, team);
      for (std::size_t k = 0; k < cutouts.size(); ++k) CHECK(same(found[k], expected[k]));
      std::reverse(cutouts.begin(), cutouts.end());
      std::reverse(expected.begin(), expected.end());
    }
    Workspace workspace = quick_estimator().workspace(threads);
    CHECK(same(quick_estimator().estimate_mass(cutouts[0], workspace, &team), expected[0]));
    std::vector<MassEstimate> too_few(cutouts.size() - 1);
    CHECK(contains(message_of<InputError>([&] { estimate_mass(quick_estimator(), cutouts, too_few, team); }),
                   "5 cutouts and room for 4 estimates"));
  }
  std::vector<MassEstimate> too_few(cutouts.size() - 1);
  CHECK(contains(message_of<InputError>([&] { quick_estimator().estimate_mass(cutouts, too_few); }),
                 "5 cutouts and room for 4 estimates"));
}

TEST_CASE("A team of threads hands every index out once and passes an exception on") {
  CHECK(contains(message_of<InputError>([] { Team team(0); }), "a team of 0 threads"));
  Team team(3);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::atomic<int>> calls(101);
    team.run(calls.size(), [&](std::size_t k, int member) {
      CHECK_UNARY(member >= 0 && member < 3);
      ++calls[k];
    });
    CHECK(std::all_of(calls.begin(), calls.end(), [](const std::atomic<int>& c) { return c == 1; }));
    CHECK(message_of<std::runtime_error>([&] {
            team.run(50, [](std::size_t k, int) {
              if (k == 7) throw std::runtime_error("task 7");
            });
          }) == "task 7");
  }
  team.run(0, [](std::size_t, int) { FAIL("no index"); });
}

TEST_CASE("Every instruction set and the reference in double agree to 1e-4 dex") {
  const EstimatorOptions options{.replay_probe = true, .redshift_response = false};
  const CutoutBuffer cutout = noisy_grid_cutout(0.3, 11);
  const MassEstimate exact =
      BasicEstimator<FixedEngine<Reference<double>>>(network(), "memory", options).estimate_mass(cutout);
  CHECK(exact.flags == 0);
  std::optional<MassEstimate> fused;
  for (const cpu::InstructionSet set : instruction_sets()) {
    INFO(std::string(cpu::name_of(set)));
    const MassEstimate found = Estimator(network(), "memory", options, CpuEngine{set}).estimate_mass(cutout);
    CHECK(std::fabs(found.log10_m500c - exact.log10_m500c) < 1e-4);
    CHECK(std::fabs(found.log10_m500c_error - exact.log10_m500c_error) < 1e-4);
    CHECK(found.ood == doctest::Approx(exact.ood).epsilon(1e-4));
    CHECK(std::isnan(found.dlogm_dz));  // not asked for
    if (set == cpu::InstructionSet::baseline) continue;
    if (fused) CHECK(same(found, *fused));  // the same bits wherever there is a fused multiply-add
    fused = found;
  }
}

TEST_CASE("CLUSTERMASS_ISA chooses the instruction set, and a wrong one is an error that names it") {
  for (const cpu::InstructionSet set : instruction_sets()) {
    const Environment wish("CLUSTERMASS_ISA", cpu::name_of(set));
    CHECK(cpu::choose_instruction_set() == set);
    CHECK(Estimator(network(), "memory").engine().set == set);
  }
  const auto widest = cpu::choose_instruction_set();
  CHECK(widest == instruction_sets().back());
#if defined(__x86_64__)
  const char* foreign = "neon";
#else
  const char* foreign = "avx2";
#endif
  for (const char* wrong : {"sse9", "", "AVX2", foreign}) {
    const Environment wish("CLUSTERMASS_ISA", wrong);
    CHECK(contains(message_of<InputError>([] { Estimator(network(), "memory"); }),
                   "CLUSTERMASS_ISA asks for '" + std::string(wrong) + "'"));
  }
}

TEST_CASE("A native-scale cutout and the same cutout resampled beforehand give the same answer to 1e-3 dex") {
  const double z = 0.55, width = field_width_arcsec(z);
  for (const auto& degrees : {std::array<double, band_count>{}, {0, 17, 45, 80.7, -130}}) {
    const bool turned = degrees[1] != 0;
    const int side = static_cast<int>((turned ? 1.45 : 1.02) * width / 0.396);
    const CutoutBuffer native = detector_cutout(z, side, 0.396, degrees, 12);
    CutoutBuffer ready = grid_cutout(z, [](int, int, int) { return 0; });
    for (std::size_t b = 0; b < band_count; ++b) {
      const std::vector<double> cells = resample_by_points(native.view().bands[b], field_side, width / field_side, 8);
      std::copy(cells.begin(), cells.end(), ready.bands[b].pixels.begin());
    }
    const EstimatorOptions options{.replay_probe = false, .redshift_response = false};
    const Estimator e(network(), "memory", options);
    const MassEstimate a = e.estimate_mass(native), b = e.estimate_mass(ready);
    CHECK(a.flags == 0);
    CHECK(b.flags == 0);
    CHECK(std::fabs(a.log10_m500c - b.log10_m500c) < 1e-3);
    // The answer does depend on where the light is: the same images not turned give another one.
    if (!turned) continue;
    CutoutBuffer wrong = native;
    for (auto& plane : wrong.bands) plane.map = rotated_map(0.396, 0, plane.map.centre_x, plane.map.centre_y);
    CHECK(std::fabs(e.estimate_mass(wrong).log10_m500c - a.log10_m500c) > 2e-3);
  }
}

TEST_CASE("Poor data give flags and, with NO_RESULT, no numbers") {
  CutoutBuffer buffer = noisy_grid_cutout(0.3, 13);
  const auto estimate = [&] { return quick_estimator().estimate_mass(buffer); };

  SUBCASE("no redshift, or one that is not positive") {
    for (const double z : {nan_value, 0.0, -0.3, std::numeric_limits<double>::infinity()}) {
      buffer.redshift = z;
      CHECK(estimate().flags == (flag::z_missing | flag::no_result));
      check_no_numbers(estimate());
    }
    CHECK(quick_estimator().estimate_mass(Cutout{}).flags == (flag::z_missing | flag::no_result));
  }
  SUBCASE("a redshift outside the training range") {
    for (const double z : {0.05, 0.56}) {
      const MassEstimate mass = quick_estimator().estimate_mass(noisy_grid_cutout(z, 13));
      CHECK(mass.flags == flag::z_out_of_range);
      CHECK(std::isfinite(mass.log10_m500c));
    }
    CHECK(quick_estimator().estimate_mass(noisy_grid_cutout(0.08, 13)).flags == 0);
    CHECK(quick_estimator().estimate_mass(noisy_grid_cutout(0.55, 13)).flags == 0);
  }
  SUBCASE("a redshift where the field cannot be cut") {
    for (const double z : {1e-300, 0.019, 1.01, 1e300}) {
      buffer.redshift = z;
      CHECK(estimate().flags == (flag::z_out_of_range | flag::no_result));
      check_no_numbers(estimate());
    }
  }
  SUBCASE("E(B-V)") {
    buffer.ebv = 0.15;
    CHECK(estimate().flags == 0);
    for (const double ebv : {0.16, 3.0, nan_value, -999.0, 1e6}) {
      buffer.ebv = ebv;
      CHECK(estimate().flags == flag::high_ebv);
      CHECK(std::isfinite(estimate().log10_m500c));
    }
  }
  SUBCASE("another kind of pixels") {
    buffer.input_kind = InputKind::resampled;
    CHECK(estimate().flags == flag::input_kind);
  }
  SUBCASE("too few bands") {
    for (const std::size_t b : {0u, 1u}) buffer.bands[b].pixels.clear();
    CHECK(estimate().flags == flag::missing_band);
    CHECK(std::isfinite(estimate().log10_m500c));
    buffer.bands[2].map = {};
    CHECK(estimate().flags == (flag::missing_band | flag::no_result));
    check_no_numbers(estimate());
    CHECK(estimate().coverage == doctest::Approx(1));
  }
  SUBCASE("all NaN") {
    for (auto& plane : buffer.bands) std::fill(plane.pixels.begin(), plane.pixels.end(), static_cast<float>(nan_value));
    CHECK(estimate().flags == (flag::nonfinite_pixels | flag::masked_gt_20 | flag::missing_band | flag::no_result));
    check_no_numbers(estimate());
  }
  SUBCASE("huge numbers") {
    for (auto& plane : buffer.bands)
      for (std::size_t k = 0; k < plane.pixels.size(); k += 2) plane.pixels[k] = k % 4 == 0 ? 3e38f : -3e38f;
    CHECK(std::isfinite(estimate().log10_m500c));
    CHECK((estimate().flags & flag::bright_star) != 0);
  }
}

TEST_CASE("A mass and features outside the training set's range are flagged") {
  const CutoutBuffer cutout = noisy_grid_cutout(0.3, 14);
  TrainedNetwork<> narrow = network();
  const EstimatorOptions options{.replay_probe = false, .redshift_response = false};
  const double answer = quick_estimator().estimate_mass(cutout).log10_m500c;
  const auto with_range = [&](double lowest, double highest) {
    for (auto& [key, value] : narrow.metadata)
      if (key == "logm_range") value = std::to_string(lowest) + " " + std::to_string(highest);
    return Estimator(narrow, "memory", options).estimate_mass(cutout);
  };
  CHECK(with_range(answer - 2, answer + 0.01).flags == 0);
  CHECK(with_range(answer - 2, answer - 0.9).flags == flag::m_extrapolated);
  CHECK(with_range(answer + 0.9, answer + 2).flags == flag::m_extrapolated);
  CHECK(with_range(answer + 0.9, answer + 2).log10_m500c == answer);
  for (const MassEstimate& far : {with_range(answer - 2, answer - 1.1), with_range(answer + 1.1, answer + 2)}) {
    CHECK(far.flags == (flag::m_extrapolated | flag::no_result));
    check_no_numbers(far);
  }
  TrainedNetwork<> tight = network();
  for (float& value : tight.ood_whitening.values) value *= 1000;
  const MassEstimate mass = Estimator(tight, "memory", options).estimate_mass(cutout);
  CHECK(mass.flags == flag::ood);
  CHECK(mass.ood == doctest::Approx(1000 * quick_estimator().estimate_mass(cutout).ood).epsilon(1e-6));
}

TEST_CASE("The response to redshift is the slope of the answer, and a redshift's error widens the mass's error by it") {
  CutoutBuffer cutout = detector_cutout(0.4, 640, 0.8, {0, 1, 2, 3, 4}, 15);
  const MassEstimate sharp = estimator().estimate_mass(cutout);
  cutout.redshift = 0.42;
  const double above = estimator().estimate_mass(cutout).log10_m500c;
  cutout.redshift = 0.38;
  const double below = estimator().estimate_mass(cutout).log10_m500c;
  CHECK(sharp.dlogm_dz == doctest::Approx((above - below) / 0.04).epsilon(1e-9));
  REQUIRE(std::fabs(sharp.dlogm_dz) > 0.02);

  cutout.redshift = 0.4;
  cutout.redshift_error = 0.05;
  const MassEstimate wide = estimator().estimate_mass(cutout);
  CHECK(wide.log10_m500c == sharp.log10_m500c);
  CHECK(wide.log10_m500c_error ==
        doctest::Approx(std::hypot(sharp.log10_m500c_error, 0.05 * sharp.dlogm_dz)).epsilon(1e-12));
  CHECK(wide.hi90 - wide.lo90 == doctest::Approx(3.5 * wide.log10_m500c_error));
  for (const double unusable : {-0.05, nan_value}) {
    cutout.redshift_error = unusable;
    CHECK(estimator().estimate_mass(cutout).log10_m500c_error == sharp.log10_m500c_error);
  }
}

TEST_CASE("A network that was taught with the filter's answer weighs it, and no other looks at it") {
  TrainedNetwork<> taught = random_network(3);
  taught.metadata.emplace_back("filter", "a recipe");
  const Estimator told(std::move(taught), "memory", {.replay_probe = false, .redshift_response = false});
  CHECK(told.filter_recipe() == "a recipe");
  CHECK(quick_estimator().filter_recipe().empty());
  CutoutBuffer cutout = noisy_grid_cutout(0.3, 15);
  const MassEstimate never = quick_estimator().estimate_mass(cutout);
  MassEstimate without = told.estimate_mass(cutout);
  CHECK(without.flags == flag::filter_missing);
  cutout.filter_mass = {3e14, 0.15};  // no log10 of a mass
  CHECK(bits_of(told.estimate_mass(cutout)) == bits_of(without));
  without.flags = 0;
  CHECK(bits_of(without) == bits_of(never));
  cutout.filter_mass = {14.9, 0.15};
  CHECK(bits_of(quick_estimator().estimate_mass(cutout)) == bits_of(never));
  const MassEstimate with = told.estimate_mass(cutout);
  CHECK(std::fabs(with.log10_m500c - never.log10_m500c) > 1e-3);
  CHECK(with.flags == 0);
}

TEST_CASE("The caller's pixels may start anywhere and rows may be apart") {
  const CutoutBuffer buffer = noisy_grid_cutout(0.3, 16);
  const MassEstimate expected = quick_estimator().estimate_mass(buffer);
  for (const std::size_t shift : {1u, 2u, 3u}) {
    Cutout cutout = buffer;
    std::array<std::vector<float>, band_count> moved;
    for (std::size_t b = 0; b < band_count; ++b) {
      const std::size_t stride = 128 + shift;
      moved[b].assign(shift + 128 * stride, static_cast<float>(nan_value));
      for (std::size_t i = 0; i < 128; ++i)
        std::copy_n(buffer.bands[b].pixels.begin() + static_cast<std::ptrdiff_t>(i * 128), 128,
                    moved[b].begin() + static_cast<std::ptrdiff_t>(shift + i * stride));
      cutout.bands[b].pixels = moved[b].data() + shift;
      cutout.bands[b].row_stride = static_cast<std::ptrdiff_t>(stride);
    }
    CHECK(same(quick_estimator().estimate_mass(cutout), expected));
  }
}
