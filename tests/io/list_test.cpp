// SPDX-License-Identifier: BSD-3-Clause
// Lists of clusters: every row kept, hostile text named by its line, FITS tables, real redMaPPer catalogues.
#include "clustermass/io/list.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "clustermass/io/fits_writer.hpp"
#include "fits_fixtures.hpp"

using namespace clustermass;
using namespace fits_test;

namespace {
std::vector<ListRow> parse(const std::string& text, const ListOptions& options = {}) {
  return list_from_csv(text, "list.csv", options);
}
std::string error_of(const std::string& text, const ListOptions& options = {}) {
  return input_error([&] { parse(text, options); });
}
}  // namespace

TEST_CASE("a CSV list is read by the names of its columns, whatever their case and order") {
  const auto list = parse(
      "# made by hand\n"
      "dec,Name, RAJ2000 ,z_lambda,Z_LAMBDA_E,LAMBDA,run,camcol,extra\n"
      "36.7,\"Abell 2142, \"\"the\"\" cluster\",200.5,0.18,0.01,20.4,4510,4,x\n"
      "-1e-3 , 17 ,+359.99,,nan,--,,,\n");
  REQUIRE(list.size() == 2);
  CHECK(list[0].id == "Abell 2142, \"the\" cluster");
  CHECK(list[0].ra_deg == 200.5);
  CHECK(list[0].dec_deg == 36.7);
  CHECK(list[0].redshift == 0.18);
  CHECK(list[0].redshift_error == 0.01);
  CHECK(list[0].lambda == 20.4);
  CHECK(list[0].run == 4510);
  CHECK(list[0].camcol == 4);
  CHECK(list[0].field == -1);
  CHECK(list[1].id == "17");
  CHECK(list[1].ra_deg == 359.99);
  CHECK(list[1].dec_deg == -0.001);
  for (const double value : {list[1].redshift, list[1].redshift_error, list[1].lambda, list[1].ebv})
    CHECK(std::isnan(value));
  CHECK(list[1].run == -1);
}

TEST_CASE("line endings, a byte-order mark, blank lines and a missing last newline change nothing") {
  for (const char* text : {"ra,dec\n1,2\n3,4\n", "ra,dec\r\n1,2\r\n3,4", "\xEF\xBB\xBFra,dec\n\n1,2\n  \n3,4\n\n",
                           "ra,dec\r1,2\r3,4\r", "\"ra\",\"dec\"\n\"1\",\"2\"\n3,\"4\""}) {
    CAPTURE(text);
    const auto list = parse(text);
    REQUIRE(list.size() == 2);
    CHECK(list[1].ra_deg == 3);
    CHECK(list[1].dec_deg == 4);
    CHECK(list[0].id == "1");
    CHECK(list[1].id == "2");
  }
  CHECK(parse("ra,dec\n").empty());
  CHECK(parse("id,ra,dec\n#7,1,2\n").front().id == "#7");  // no row is taken for a comment
}

TEST_CASE("columns can be named, and aliases have an order") {
  ListOptions options;
  options.columns = {{"ra", "alpha"}, {"dec", "DELTA"}, {"z", "zspec"}};
  const auto list = parse("alpha,delta,zspec,z,ra\n1,2,0.3,0.4,9\n", options);
  CHECK(list[0].ra_deg == 1);
  CHECK(list[0].redshift == 0.3);
  CHECK(parse("ra,dec,z,z_lambda,id,mem_match_id\n1,2,0.4,0.3,a,b\n")[0].redshift == 0.3);
  CHECK(parse("ra,dec,z,z_lambda,id,mem_match_id\n1,2,0.4,0.3,a,b\n")[0].id == "b");
  CHECK(parse("path,z\nframes/a,0.2\n")[0].path == "frames/a");
  options.columns = {{"mass", "ra"}};
  CHECK(mentions(error_of("ra,dec\n", options), "'mass' is no column of a list; known: id, ra"));
  options.columns = {{"ra", "alpha"}};
  CHECK(mentions(error_of("ra,dec\n", options), "has no column alpha for ra; found: ra, dec"));
}

TEST_CASE("a line that was written is read back as it was") {
  const std::vector<std::vector<std::string>> rows = {{"\xEF\xBB\xBF\xEF\xBB\xBF"
                                                       "RA",
                                                       "ra"},
                                                      {""},
                                                      {"", ""},
                                                      {"#1", "a\tb", "\tc", "d "},
                                                      {"a\"b", "c,d", "e\r\nf"}};
  for (const auto& row : rows) {
    const std::string text = csv_line(row);
    CsvReader reader(text, "memory");
    CsvRow read;
    REQUIRE(reader.next(read));
    CHECK(read.fields == row);
    CHECK_FALSE(reader.next(read));
  }
}

TEST_CASE("hostile text ends in an InputError with the line") {
  CHECK(mentions(error_of(""), "'list.csv' is empty"));
  CHECK(mentions(error_of("a,b\n1,2\n"), "neither the columns RA and DEC nor PATH; found: a, b"));
  CHECK(mentions(error_of("ra,dec,RA\n"), "column RA stands there twice"));
  CHECK(mentions(error_of("ra,dec\n1,2\n1,2,3\n"), "'list.csv', line 3: 3 fields where the header has 2"));
  CHECK(mentions(error_of("ra,dec\n1\n"), "line 2: 1 fields"));
  CHECK(mentions(error_of("ra,dec\n\n\n1,north\n"), "line 4: column dec: expected a number, found 'north'"));
  CHECK(mentions(error_of("ra,dec,run\n1,2,4510.5\n"), "line 2: column run: expected a whole number"));
  CHECK(mentions(error_of("ra,dec\n1,2\n\"1,2\n"), "line 3: a quote is opened here and never closed"));
  CHECK(mentions(error_of("ra,dec,name\n1,2,\"a\nb\" c\n"), "line 3: text after a closing quote"));
  CHECK(mentions(error_of(std::string("ra,dec\n1,2\0\n", 12)), "line 2: a byte 0"));
  CHECK(mentions(error_of("ra,dec\n1," + std::string(70000, '1') + "\n"), "line 2: a field longer than 65536 bytes"));
  CHECK(mentions(error_of(std::string(5000, ',') + "\n"), "line 1: more than 4096 fields"));
  CHECK(mentions(error_of("ra,dec\n1,2e999999\n"), "expected a number"));
  CHECK(mentions(error_of("ra,dec\n1,0x10\n"), "expected a number"));
  CHECK(std::isnan(parse("ra,dec\n1,inf\n")[0].dec_deg));
  CHECK(mentions(input_error([] { read_list("/nowhere.csv"); }), "no such file"));
  CHECK(mentions(input_error([] { read_list(fixture("cube.fits")); }), "holds no table"));
  CHECK(mentions(input_error([] { read_list(fixture("expected.json")); }), "neither the columns RA and DEC"));
}

TEST_CASE("random bytes never crash the reader") {
  std::uint32_t random = 7;
  const auto next = [&] { return (random = random * 1664525u + 1013904223u) >> 16; };
  const std::string letters = "ra,dec\"\n\r#1.-e+ \t\0\xEF\xBB\xBF";
  for (int trial = 0; trial < 3000; ++trial) {
    std::string text = trial % 2 ? "ra,dec\n" : "";
    for (unsigned k = next() % 60; k > 0; --k) text += letters[next() % letters.size()];
    input_error([&] { parse(text); });
  }
}

TEST_CASE("a FITS table is a list like any other, ids exact, NaN and all") {
  const TemporaryFolder folder;
  FitsWriter writer;
  writer.table("CLUSTERS", {{"ID", std::vector<std::int64_t>{9007199254740993, 2}},
                            {"ra", std::vector<double>{200.123456789012, 1}},
                            {"Dec", std::vector<double>{-1.5, 2}},
                            {"REDSHIFT", std::vector<float>{0.25f, std::numeric_limits<float>::quiet_NaN()}},
                            {"RUN", std::vector<std::int32_t>{4510, 752}},
                            {"RERUN", std::vector<std::string>{"301", "301"}},
                            {"PATH", std::vector<std::string>{"a b", ""}}});
  writer.save(folder.file("list.fits"));
  const auto list = read_list(folder.file("list.fits"));
  REQUIRE(list.size() == 2);
  CHECK(list[0].id == "9007199254740993");
  CHECK(list[0].ra_deg == 200.123456789012);
  CHECK(list[0].redshift == 0.25);
  CHECK(list[0].run == 4510);
  CHECK(list[0].rerun == 301);
  CHECK(list[0].path == "a b");
  CHECK(std::isnan(list[1].redshift));
}

TEST_CASE("redMaPPer's own table is read, every row") {
  const std::string path = real_data("catalogs/redmapper_sdss_dr8_v5.10.fits.gz");
  if (path.empty()) {
    MESSAGE("skipped: the real data are not at hand");
    return;
  }
  FitsFile file(path);
  file.go_to(1);
  const auto list = read_list(path);
  REQUIRE(list.size() == file.row_count());
  const auto ra = file.read_column<double>("RA").values;
  const auto lambda = file.read_column<double>("LAMBDA").values, z = file.read_column<double>("Z_LAMBDA").values;
  for (const std::size_t k : {std::size_t{0}, list.size() / 2, list.size() - 1}) {
    CHECK(list[k].ra_deg == ra[k]);
    CHECK(list[k].redshift == z[k]);
    CHECK(list[k].lambda == lambda[k]);
    CHECK(std::isnan(list[k].redshift_error));  // this table has none
    CHECK_FALSE(list[k].id.empty());
  }
}
