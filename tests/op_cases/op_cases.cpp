#include "tests/op_cases/op_case.h"

namespace imago::test {

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> all = [] {
    std::vector<OpCase> rows;
    add_pointwise_cases(rows);
    add_reduce_cases(rows);
    add_layout_cases(rows);
    add_index_cases(rows);
    add_matmul_cases(rows);
    add_conv_cases(rows);
    add_resample_cases(rows);
    add_spectral_cases(rows);
    add_norm_cases(rows);
    add_random_cases(rows);
    add_variational_cases(rows);
    add_penalty_cases(rows);
    add_trace_root_cases(rows);
    return rows;
  }();
  return all;
}

}  // namespace imago::test
