// SPDX-License-Identifier: BSD-3-Clause
// The options of image_options.hpp on a command line.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "image_options.hpp"

namespace tool {

/// Declares the options. cutout_name: "--cutout", or a positional name; frames_more: words at the end of --frames'
/// help.
inline void declare_images(CLI::App& app, ImageOptions& options, const std::string& cutout_name,
                           const std::string& frames_more = "") {
  const auto images = [&](CLI::Option* option) { option->group("Images"); };
  images(app.add_option("--frames", options.frames,
                        "folder with SDSS corrected frames of five bands, frame-r-004510-4-0030.fits[.bz2|.gz|.fz];\n"
                        "several fields are put together" +
                            frames_more));
  CLI::Option* cutout = app.add_option(cutout_name, options.cutout,
                                       "ready-made FITS cutout instead: a cube, an LSST exposure, or an image per band")
                            ->expected(1, 64);
  if (!cutout->get_positional()) images(cutout);
  images(app.add_flag("--native", options.native,
                      "a cutout's pixels are the detector's, not resampled by an image service"));
  images(app.add_option("--pixel-scale", options.pixel_scale,
                        "of a cutout without a WCS: north up, cluster in the middle [arcsec]")
             ->check(CLI::PositiveNumber));
  images(
      app.add_flag("--any-unit", options.any_unit, "take a cutout's pixels for nanomaggies whatever its BUNIT says"));

  const auto cluster = [&](CLI::Option* option) { option->group("Cluster"); };
  cluster(app.add_option("--ra", options.ra, "right ascension [deg, ICRS]")->check(CLI::Range(0.0, 360.0)));
  cluster(app.add_option("--dec", options.dec, "declination [deg, ICRS]")->check(CLI::Range(-90.0, 90.0)));
  cluster(app.add_option("--z", options.redshift, "redshift; without it there is no estimate"));
  cluster(app.add_option("--z-err", options.redshift_error, "its 1-sigma error, which enters the mass error [0]")
              ->check(CLI::NonNegativeNumber));
  cluster(app.add_option("--ebv", options.ebv, "Galactic reddening E(B-V), SFD scale [mag, 0]")
              ->check(CLI::Range(0.0, 10.0)));
}

/// What no single option can check, for one cluster. Throws CLI::ValidationError.
inline void check_images(const ImageOptions& options, const std::string& both_or_neither) {
  if (options.frames.empty() == options.cutout.empty()) throw CLI::ValidationError(both_or_neither);
  if (!options.frames.empty() && (!options.ra || !options.dec))
    throw CLI::ValidationError("--frames needs the cluster's position: --ra and --dec in degrees");
  if (options.ra.has_value() != options.dec.has_value())
    throw CLI::ValidationError("give both --ra and --dec, or neither");
}

}  // namespace tool
