// SPDX-License-Identifier: BSD-3-Clause
#include "clustermass/train/records.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "clustermass/train/sample.hpp"

using namespace clustermass;
using namespace clustermass::train;

namespace {

// ctest runs each case as a process of its own, some of them at once.
const std::string path = "records_test_" + std::to_string(getpid()) + ".records";

std::array<std::byte, 16> numbered(std::size_t k) {
  std::array<std::byte, 16> record{};
  for (std::size_t n = 0; n < record.size(); ++n) record[n] = static_cast<std::byte>(17 * k + n);
  return record;
}

std::string file_of_three() {
  RecordWriter writer(path, 16, 3, "what it is\n");
  for (std::size_t k = 0; k < 3; ++k) writer.append(numbered(k));
  writer.finish();
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write(const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

std::string message_of(const std::string& bytes) {
  write(bytes);
  try {
    const FileRecords records(path);
    std::array<std::byte, 16> record;
    for (std::size_t k = 0; k < records.size(); ++k) records.read(k, record);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("records come back from a file as they were written, in any order") {
  file_of_three();
  const FileRecords records(path);
  CHECK(records.size() == 3);
  CHECK(records.record_bytes() == 16);
  CHECK(records.description() == "what it is\n");
  std::array<std::byte, 16> record;
  for (const std::size_t k : {2u, 0u, 1u}) {
    records.read(k, record);
    CHECK(record == numbered(k));
  }
  CHECK_THROWS_AS(records.read(3, record), InputError);
  std::remove(path.c_str());
}

TEST_CASE("a file of records that was cut, changed or is none is refused, whatever it says of itself") {
  const std::string good = file_of_three();
  CHECK(message_of(good) == "accepted");
  for (std::size_t size = 0; size < good.size(); size += 7) CHECK(message_of(good.substr(0, size)) != "accepted");
  for (std::size_t place = 0; place < good.size(); place += 3) {
    std::string changed = good;
    changed[place] = static_cast<char>(changed[place] ^ 1);
    CHECK_MESSAGE(message_of(changed) != "accepted", "byte " << place);
  }
  CHECK(message_of(good + "x") != "accepted");
  // A header that is whole and lies about what follows.
  const auto with_header = [&](const std::string& text) {
    const std::uint64_t length = text.size();
    return std::string(records::magic) + std::string(reinterpret_cast<const char*>(&length), 8) + text +
           sha256_hex(std::as_bytes(std::span(text))) + good.substr(good.size() - 3 * 24);
  };
  CHECK(message_of(with_header(records::header_text(16, 3, ""))) == "accepted");
  CHECK(message_of(with_header(records::header_text(16, 4, ""))).find("expected 4 records") != std::string::npos);
  CHECK(message_of(with_header(records::header_text(0, 3, ""))) != "accepted");
  CHECK(message_of(with_header(records::header_text(std::size_t{1} << 63, 3, ""))) != "accepted");
  CHECK(message_of(with_header(records::header_text(16, std::size_t{1} << 63, ""))) != "accepted");
  CHECK(message_of(with_header("records = 3\n")) != "accepted");
  CHECK_THROWS_AS(FileRecords("there is no such file"), InputError);
  CHECK_THROWS_AS(FileRecords("."), InputError);
  std::remove(path.c_str());
}

TEST_CASE("what is not finished leaves no file, and a full disk is one sentence") {
  std::remove(path.c_str());
  {
    RecordWriter writer(path, 16, 2, "");
    writer.append(numbered(0));
    CHECK_THROWS_AS(writer.finish(), InputError);
  }
  CHECK_FALSE(std::ifstream(path).good());
  CHECK_THROWS_AS(RecordWriter("no/such/folder/x", 16, 1, ""), InputError);
}

TEST_CASE("several sets of records are one") {
  const auto first = std::make_shared<MemoryRecords>(2, 16), second = std::make_shared<MemoryRecords>(3, 16);
  for (std::size_t k = 0; k < 5; ++k) {
    const auto record = numbered(k);
    std::copy(record.begin(), record.end(), (k < 2 ? (*first)[k] : (*second)[k - 2]).begin());
  }
  const JoinedRecords joined({first, second});
  CHECK(joined.size() == 5);
  std::array<std::byte, 16> record;
  for (std::size_t k = 0; k < 5; ++k) {
    joined.read(k, record);
    CHECK(record == numbered(k));
  }
}

TEST_CASE("a sample comes back from its record to the step of the stored input") {
  const auto records = std::make_shared<MemoryRecords>(1, sample_bytes);
  Sample sample;
  sample.info.redshift = 0.25;
  sample.info.log10_mass = 14.5;
  sample.input.assign(band_count * field_cells, 0);
  sample.input[7] = -12288;  // -3
  sample.band_coverage.fill(0.5f);
  encode(sample, (*records)[0]);
  const SampleSet set(records);
  PreparedBuffer buffer;
  set.unpack(0, buffer);
  CHECK(set.info(0).log10_mass == 14.5);
  CHECK(buffer.input[7] == -3.0f);
  CHECK(buffer.band_coverage[100] == 0.5f);
  CHECK(buffer.context[4] == doctest::Approx(0.5));
  CHECK_THROWS_AS(SampleSet(std::make_shared<MemoryRecords>(1, 16)), InputError);
}

TEST_CASE("bands and the redshift that an experiment hides are not seen, and all else is as it was") {
  const auto records = std::make_shared<MemoryRecords>(1, sample_bytes);
  Sample sample;
  sample.info.redshift = 0.45;
  for (std::size_t k = 0; k < band_count * field_cells; ++k)
    sample.input.push_back(static_cast<std::int16_t>(k % 999 + 1));
  sample.band_coverage.fill(0.75f);
  encode(sample, (*records)[0]);
  SampleSet set(records);
  PreparedBuffer whole, buffer;
  set.unpack(0, whole);
  set.hide({true, false, false, false, true}, true);
  set.unpack(0, buffer);
  for (std::size_t b = 0; b < band_count; ++b) {
    const bool hidden = b == 0 || b == 4;
    bool as_expected = true;
    for (std::size_t k = b * field_cells; k < (b + 1) * field_cells; ++k)
      as_expected &= buffer.input[k] == (hidden ? 0 : whole.input[k]);
    for (std::size_t k = b * coarse_cells; k < (b + 1) * coarse_cells; ++k)
      as_expected &= buffer.band_coverage[k] == (hidden ? 0.0f : 0.75f);
    CHECK(as_expected);
    CHECK(buffer.context[9 + b] == (hidden ? 0 : 1));
  }
  for (std::size_t k = 0; k < 4; ++k) CHECK(buffer.context[k] == 0);
  CHECK(whole.context[0] == doctest::Approx(1));  // (0.45 - 0.3) / 0.15
  for (std::size_t k = 4; k < 9; ++k) CHECK(buffer.context[k] == doctest::Approx(0.75));
}
