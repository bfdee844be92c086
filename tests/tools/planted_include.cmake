# The layer check must be able to fail: a temporary tree with one fault at a time, and without any.
# Arguments: CHECK (CheckLayers.cmake), WORK (a folder to write in).
set(faults
  "kernels/a.cpp|engine/core/tensor.h"
  "engine/core/a.h|engine/ops/ops.h"
  "engine/nn/a.cpp|models/models.h"
  "engine/ops/a.cpp|cuda_runtime.h"
  "engine/io/a.cpp|kernels/gemm.h"
  "engine/io/a.cpp|cblas.h"
  "models/a.cpp|kernels/kernel.h"
  "models/a.h|tools/imago/program.h"
  "tools/imago/a.cpp|kernels/runtime.h"
  "kernels/cpu/a.cpp|cublasLt.h"
  "models/a.cpp|../kernels/kernel.h")
foreach(fault "none|vector" ${faults})
  string(REPLACE "|" ";" fault "${fault}")
  list(GET fault 0 file)
  list(GET fault 1 header)
  file(REMOVE_RECURSE ${WORK})
  file(WRITE ${WORK}/kernels/kernel.h "#include <cstdint>\n")
  file(WRITE ${WORK}/kernels/cuda/runtime.cpp "#include <cuda_runtime.h>\n#include \"kernels/kernel.h\"\n")
  file(WRITE ${WORK}/engine/core/tensor.h "#include \"kernels/kernel.h\"\n")
  file(WRITE ${WORK}/models/vae.cpp "#include \"engine/core/tensor.h\"\n")
  if(NOT file STREQUAL "none")
    file(WRITE ${WORK}/${file} "  # include \"${header}\"\n")
  endif()
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${WORK} -P ${CHECK} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(file STREQUAL "none" AND NOT result EQUAL 0)
    message(FATAL_ERROR "a clean tree was refused: ${output}")
  elseif(NOT file STREQUAL "none" AND (result EQUAL 0 OR NOT output MATCHES "${file}: includes"))
    message(FATAL_ERROR "${file} including ${header} was not caught: ${output}")
  endif()
endforeach()
file(REMOVE_RECURSE ${WORK})
