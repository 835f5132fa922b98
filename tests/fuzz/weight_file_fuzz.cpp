// SPDX-License-Identifier: BSD-3-Clause
// libFuzzer target: any bytes as a weight file. A refusal is a WeightError; what is accepted can be read, and written
// again with the same content.
//
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/weight_file_fuzz.cpp -o fuzz
//   mkdir new && ./fuzz -max_total_time=60 new tests/fuzz/corpus/weight_file
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clustermass/io/weight_file.hpp"
#include "clustermass/io/weight_writer.hpp"

using namespace clustermass;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// All tensors of a file, as far as they are parameters with finite values.
struct Content {
  std::vector<std::vector<float>> values;
  std::vector<TensorToWrite> tensors;

  explicit Content(const WeightFile& file) {
    for (const TensorInfo& tensor : file.tensors()) {
      std::size_t count = 1;
      for (const std::int64_t extent : tensor.shape) count *= static_cast<std::size_t>(extent);
      require(count <= 8 * (tensor.end - tensor.begin));  // so the next line cannot be made to ask for much memory
      std::vector<float> numbers(count);
      try {
        file.read(tensor.name, numbers);
      } catch (const WeightError&) {
        continue;
      }
      tensors.push_back({tensor.name, tensor.shape, numbers, tensor.dtype});
      values.push_back(std::move(numbers));  // keeps the address of its numbers
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  std::optional<WeightFile> file;
  try {
    file = WeightFile::parse(bytes, "memory");
  } catch (const WeightError&) {
    return 0;
  }
  const Content content(*file);
  if (content.tensors.size() == file->tensors().size()) {
    std::vector<NamedShape> shapes;
    for (const TensorToWrite& tensor : content.tensors) shapes.push_back({tensor.name, tensor.shape});
    file->expect(shapes);
  }
  const std::vector<std::byte> again = encode_weight_file(file->metadata(), content.tensors);
  const WeightFile copy = WeightFile::parse(again, "copy");
  require(copy.metadata() == file->metadata());
  for (std::size_t i = 0; i < content.values.size(); ++i) {
    std::vector<float> numbers(content.values[i].size());
    copy.read(content.tensors[i].name, numbers);
    require(numbers == content.values[i]);
  }
  return 0;
}
