// SPDX-License-Identifier: BSD-3-Clause
// libFuzzer target: any bytes as a list of clusters in CSV. A refusal is an InputError; a list that is accepted,
// written out field by field and read again, is the same list.
//
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/list_csv_fuzz.cpp -o fuzz
//   mkdir new && ./fuzz -max_total_time=60 new tests/fuzz/corpus/list_csv
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "clustermass/io/list_csv.hpp"

using namespace clustermass;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<ListRow> list;
  try {
    list = list_from_csv(text, "memory");
  } catch (const InputError&) {
    return 0;
  }
  std::string again;
  CsvReader reader(text, "memory");
  for (CsvRow row; reader.next(row);) again += csv_line(row.fields);
  const std::vector<ListRow> copy = list_from_csv(again, "copy");
  if (copy.size() != list.size()) std::abort();
  for (std::size_t k = 0; k < list.size(); ++k)
    if (copy[k].id != list[k].id || copy[k].path != list[k].path || copy[k].run != list[k].run ||
        !(copy[k].ra_deg == list[k].ra_deg || copy[k].ra_deg != copy[k].ra_deg))
      std::abort();
  return 0;
}
