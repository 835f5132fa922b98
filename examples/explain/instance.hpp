// SPDX-License-Identifier: BSD-3-Clause
// The explainer of this program, compiled once, in instance.cpp.
#pragma once

#include "clustermass/explain/explainer.hpp"

extern template class clustermass::BasicEstimator<>;
extern template class clustermass::BasicExplainer<>;
