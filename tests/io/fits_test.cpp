// SPDX-License-Identifier: BSD-3-Clause
// FITS in and out: what is written reads back, hostile files end in one sentence, threads do not meet.
#include "clustermass/io/fits.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <thread>

#include "fits_fixtures.hpp"

using namespace clustermass;
using namespace fits_test;

// What damaged files do inside CFITSIO 4.2 is not ours: it loses a buffer when a compressed tile is broken, and asks
// for exabytes, which are then refused, when a header is. The sanitizers ask these functions what to let pass.
// NOLINTBEGIN: the names are theirs
extern "C" {
const char* __lsan_default_suppressions();
const char* __asan_default_options();
const char* __tsan_default_options();
const char* __lsan_default_suppressions() { return "leak:imcomp_decompress_tile\n"; }
const char* __asan_default_options() { return "allocator_may_return_null=1"; }
const char* __tsan_default_options() { return "allocator_may_return_null=1"; }
}
// NOLINTEND

namespace {
std::vector<float> ramp(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t k = 0; k < count; ++k) values[k] = 0.1f * static_cast<float>(k) - 3;
  return values;
}

/// A file with an image, a table and cards of every kind.
FitsWriter small_file() {
  FitsWriter writer;
  writer.image(ramp(12), {4, 3}, "PIXELS");
  writer.card({"COUNT", std::int64_t{9007199254740993}, "more than a double holds"});
  writer.card({"PI", 3.141592653589793, ""});
  writer.card({"GOOD", true, ""});
  writer.card({"EMPTY", std::numeric_limits<double>::quiet_NaN(), "no number"});
  writer.card({"SHORT", std::string("it's"), ""});
  writer.card({"LONG", std::string(100, 'x') + "end", ""});
  writer.history("first line");
  writer.table("ROWS",
               {{"ID", std::vector<std::int64_t>{1, 9007199254740993, -5}, "", "meta.id;meta.main", "from the list"},
                {"Name", std::vector<std::string>{"a", "Abell 2142", ""}},
                {"RA", std::vector<double>{0.1, 359.9, std::numeric_limits<double>::quiet_NaN()}, "deg"},
                {"PAIR", std::vector<float>{1, 2, 3, 4, 5, 6}, "", "", "", 2, {2}}});
  return writer;
}
}  // namespace

TEST_CASE("what the writer writes, the reader reads") {
  const TemporaryFolder folder;
  for (const char* name : {"a.fits", "a.fits.bz2"}) {
    CAPTURE(name);
    FitsWriter writer = small_file();
    writer.save(folder.file(name));
    FitsFile file(folder.file(name));
    CHECK(file.hdu_count() == 2);
    CHECK(file.name() == "PIXELS");
    const FitsImage image = file.read_image();
    CHECK(image.width == 4);
    CHECK(image.height == 3);
    CHECK(image.pixels == ramp(12));
    CHECK(file.get_int("COUNT") == 9007199254740993);
    CHECK(file.get_double("PI") == 3.141592653589793);
    CHECK(file.find_bool("GOOD") == true);
    CHECK_FALSE(file.find_double("EMPTY"));
    CHECK(file.get_string("SHORT") == "it's");
    CHECK(file.get_string("LONG") == std::string(100, 'x') + "end");
    CHECK_FALSE(file.find_string("ABSENT"));
    CHECK(mentions(input_error([&] { file.get_double("ABSENT"); }), "HDU 0: keyword ABSENT is missing"));
    CHECK(mentions(input_error([&] { file.get_double("LONG"); }), "keyword LONG cannot be read"));
    file.go_to(1);
    CHECK(file.is_table());
    CHECK(file.row_count() == 3);
    CHECK(file.read_column<std::int64_t>("id").values == std::vector<std::int64_t>{1, 9007199254740993, -5});
    CHECK(file.read_text_column("Id") == std::vector<std::string>{"1", "9007199254740993", "-5"});
    CHECK(file.read_text_column("NAME") == std::vector<std::string>{"a", "Abell 2142", ""});
    const auto ra = file.read_column<double>("ra");
    CHECK(ra.values[1] == 359.9);
    CHECK(std::isnan(ra.values[2]));
    CHECK(file.read_column<float>("pair").repeat == 2);
    CHECK(file.read_column<double>("pair").values == std::vector<double>{1, 2, 3, 4, 5, 6});
    CHECK(file.get_string("TUCD1") == "meta.id;meta.main");
    CHECK(file.get_string("TCOMM1") == "from the list");
    CHECK(file.get_string("TUNIT3") == "deg");
    CHECK_FALSE(file.find_string("TUNIT1"));
    for (int hdu = 0; hdu < 2; ++hdu) {
      file.go_to(hdu);
      for (const char* key : {"DATE", "CHECKSUM", "DATASUM"}) CHECK(file.find_string(key));
    }
    CHECK(mentions(input_error([&] { file.read_column<float>("Name"); }), "column Name is expected to hold numbers"));
    CHECK(mentions(input_error([&] { file.read_column<float>("DEC"); }), "no column DEC; found: ID, Name, RA, PAIR"));
    CHECK(mentions(input_error([&] { file.read_image(); }), "found a table"));
    CHECK(mentions(input_error([&] { file.go_to(2); }), "has no HDU 2"));
  }
}

TEST_CASE("a file that is not there, empty, a folder, a text or a picture is refused in one sentence") {
  const TemporaryFolder folder;
  const auto open = [&](const char* name, std::vector<char> bytes) {
    write_bytes(folder.file(name), bytes);
    return input_error([&] { FitsFile file(folder.file(name)); });
  };
  CHECK(mentions(input_error([&] { FitsFile file(folder.file("none")); }), "there is no file"));
  CHECK(mentions(input_error([&] { FitsFile file(folder.path.string()); }), "found the folder"));
  CHECK(mentions(open("empty.fits", {}), "is empty"));
  CHECK(mentions(open("text.fits", {'h', 'e', 'l', 'l', 'o'}), "does not begin with 'SIMPLE"));
  CHECK(mentions(open("a.jpeg", {'\xFF', '\xD8', '\xFF', '\xE0', 0, 0, 0, 0, 0, 0}), "is a JPEG or PNG picture"));
  CHECK(mentions(open("head.fits", {'S', 'I', 'M', 'P', 'L', 'E', ' ', ' ', '=', ' ', ' ', 'T'}), "cannot be opened"));
}

TEST_CASE("a path is taken literally, brackets and all") {
  const TemporaryFolder folder;
  std::filesystem::copy_file(frame_path, folder.file("a[1:3,2].fits"));
  FitsFile file(folder.file("a[1:3,2].fits"));
  CHECK(file.extents() == std::vector<int>{100, 100});
}

TEST_CASE("a file cut short at any place ends in an error, whatever its compression") {
  const TemporaryFolder folder;
  for (const char* name : {"frame-g-000756-2-0044.fits", "packed.fits.bz2", "packed.fits.gz", "packed.fits.fz"}) {
    const std::vector<char> whole = read_bytes(fixture(name));
    for (const double part : {0.001, 0.05, 0.2, 0.4, 0.6}) {
      CAPTURE(name);
      CAPTURE(part);
      std::vector<char> bytes = whole;
      bytes.resize(static_cast<std::size_t>(part * static_cast<double>(whole.size())));
      write_bytes(folder.file(name), bytes);
      const std::string error = input_error([&] {
        FitsFile file(folder.file(name));
        file.go_to_first_image();
        file.read_image();
      });
      CHECK(mentions(error, name));
    }
  }
}

TEST_CASE("damaged bytes end in an error or in other numbers, never in a crash") {
  const TemporaryFolder folder;
  for (const char* name : {"frame-g-000756-2-0044.fits", "packed.fits.bz2", "packed.fits.gz", "packed.fits.fz"}) {
    const std::vector<char> whole = read_bytes(fixture(name));
    std::uint32_t random = 12345;
    const auto next = [&] { return random = random * 1664525u + 1013904223u; };
    for (int trial = 0; trial < 60; ++trial) {
      std::vector<char> bytes = whole;
      for (int k = 0; k < 8; ++k)
        bytes[next() % (trial % 2 ? bytes.size() : 2880 * 2)] = static_cast<char>(next() >> 24);
      write_bytes(folder.file("bad"), bytes);
      input_error([&] {
        FitsFile file(folder.file("bad"));
        for (int hdu = 0; hdu < file.hdu_count(); ++hdu) {
          file.go_to(hdu);
          if (!file.is_table()) {
            if (!file.extents().empty()) file.read_image();
          } else {
            for (const std::string& column : file.column_names()) file.read_column<float>(column);
          }
        }
      });
    }
  }
}

TEST_CASE("a header that lies about its extents takes no memory") {
  const TemporaryFolder folder;
  const std::vector<char> whole = read_bytes(frame_path);
  const auto refused = [&](const std::string& card, const std::string& key) {
    std::vector<char> bytes = whole;
    set_card(bytes, card, key);
    write_bytes(folder.file("lie.fits"), bytes);
    return input_error([&] {
      FitsFile file(folder.file("lie.fits"));
      file.read_image();
    });
  };
  CHECK(mentions(refused("NAXIS1  =                32768", "NAXIS1"), "is cut short or its NAXIS cards are wrong"));
  CHECK(mentions(refused("NAXIS2  =                32769", "NAXIS2"), "NAXIS2 = 32769 is beyond the limits"));
  CHECK(mentions(refused("NAXIS1  =           2147483647", "NAXIS1"), "NAXIS1 = 2147483647 is beyond the limits"));
  CHECK(mentions(refused("NAXIS1  =  9223372036854775807", "NAXIS1"), "lie.fits"));
  CHECK(mentions(refused("NAXIS1  =                 -100", "NAXIS1"), "lie.fits"));
  CHECK(mentions(refused("NAXIS   =                  999", "NAXIS"), "lie.fits"));
  CHECK(mentions(refused("BITPIX  =                   33", "BITPIX"), "lie.fits"));
}

TEST_CASE("a full disk leaves the target as it was and nothing beside it") {
  const TemporaryFolder folder;
  const std::string path = folder.file("kept.fits");
  write_bytes(path, {'o', 'l', 'd'});
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{4000, before.rlim_max};  // a disk with room for 4000 bytes
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
  const std::string error = input_error([&] { small_file().save(path); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(mentions(error, "kept.fits: cannot write the file"));
  CHECK(read_bytes(path) == std::vector<char>{'o', 'l', 'd'});
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), std::filesystem::directory_iterator()) == 1);
}

TEST_CASE("a target that cannot be written is named") {
  if (std::filesystem::exists("/dev/full"))
    CHECK(mentions(input_error([] { small_file().save("/dev/full"); }), "/dev/full: cannot write the file"));
  CHECK(mentions(input_error([] { small_file().save("/nowhere/a.fits"); }), "/nowhere/a.fits: cannot write the file"));
  CHECK(mentions(input_error([] { small_file().save("a.fits.gz"); }), "compression this program does not write"));
}

TEST_CASE("tables and images of unequal sizes are refused") {
  FitsWriter writer;
  CHECK(mentions(input_error([&] { writer.image(ramp(5), {2, 3}); }), "6 pixels was given 5 values"));
  CHECK(mentions(input_error([&] {
                   writer.table("T", {{"A", std::vector<float>{1, 2}}, {"B", std::vector<float>{1}}});
                 }),
                 "column B has 1 rows where the others have 2"));
}

TEST_CASE("a table alone gets an empty first HDU, and a file ends after its last HDU") {
  const TemporaryFolder folder;
  for (int round = 0; round < 3; ++round) {  // memory of earlier files lies behind the later ones
    FitsWriter writer;
    writer.table("T", {{"A", std::vector<float>(static_cast<std::size_t>(2000 - 900 * round), 1.0f)}});
    writer.save(folder.file("t.fits"));
    FitsFile file(folder.file("t.fits"));
    CHECK(file.hdu_count() == 2);
    CHECK(file.extents().empty());
    file.go_to(1);
    CHECK(file.name() == "T");
  }
  FitsWriter nothing;
  CHECK(mentions(input_error([&] { nothing.save(folder.file("n.fits")); }), "without any HDU"));
}

TEST_CASE("a reader that is moved keeps reading") {
  std::vector<FitsFile> files;
  files.emplace_back(fixture("packed.fits.bz2"));
  files.emplace_back(fixture("packed.fits.bz2"));
  CHECK(files[0].read_image().pixels.size() == 10000);
}

TEST_CASE("threads read and write files of every kind at once") {
  const TemporaryFolder folder;
  const float sum = [&] {
    float total = 0;
    for (const float value : FitsFile(frame_path).read_image().pixels) total += std::isnan(value) ? 0 : value;
    return total;
  }();
  std::vector<std::thread> threads;
  std::vector<int> good(4, 0);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const char* names[] = {"frame-g-000756-2-0044.fits", "packed.fits.bz2", "packed.fits.gz", "packed.fits.fz"};
      for (int round = 0; round < 12; ++round) {
        FitsFile file(fixture(names[(t + round) % 4]));
        file.go_to_first_image();
        float total = 0;
        for (const float value : file.read_image().pixels) total += std::isnan(value) ? 0 : value;
        const bool missing = !file.find_double("ABSENT");
        FitsWriter writer = small_file();
        writer.save(folder.file("t" + std::to_string(t) + ".fits"));
        good[static_cast<std::size_t>(t)] += total == sum && missing;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(good == std::vector<int>(4, 12));
}
