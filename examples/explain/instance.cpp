// SPDX-License-Identifier: BSD-3-Clause
#include "instance.hpp"

template class clustermass::BasicEstimator<>;
template class clustermass::BasicExplainer<>;
