// SPDX-License-Identifier: BSD-3-Clause
// FITS files, read and written, through CFITSIO. What the numbers mean (units, sky positions, masks) is known to
// wcs.hpp, sdss_frame.hpp and cutout_file.hpp, not here. Part of clustermass::fits.
#pragma once

#include "clustermass/io/fits_reader.hpp"
#include "clustermass/io/fits_writer.hpp"
