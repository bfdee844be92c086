# Fails on any include that points up: cmake -DROOT=<source tree> -P CheckLayers.cmake. The table is the architecture.
# Each row: folder | a pattern of quoted and angled includes that are allowed. An include that is no project or device header
# ("x.h" beside the file, <vector>) is allowed everywhere.
cmake_minimum_required(VERSION 3.25)
if(NOT ROOT)
  message(FATAL_ERROR "usage: cmake -DROOT=<source tree> -P CheckLayers.cmake")
endif()

set(engine_low "engine/(core|autograd)/|kernels/[a-z0-9_]+\\.(h|def)$")
set(engine_ops "engine/(core|autograd|ops|random)/|kernels/[a-z0-9_]+\\.(h|def)$")
set(engine_any "engine/")
set(cuda_headers "^(cuda|cublas|cudnn|curand|cusolver|nvtx|cub/|thrust/|cooperative_groups)")
set(cpu_headers "^(oneapi/|dnnl|cblas|lapack|openblas|omp\\.h)")
# The first row whose folder a file lies in counts. Columns: folder, project headers, device libraries.
set(rows
  "kernels/cuda\;^kernels/\;cuda"
  "kernels/cpu\;^kernels/\;cpu"
  "kernels/backend.h\;^kernels/\;cuda"
  "kernels\;^kernels/\;none"
  "engine/core\;^(${engine_low})\;none"
  "engine/autograd\;^(${engine_low})\;none"
  "engine/ops\;^(${engine_ops})\;none"
  "engine/optim\;^(engine/|kernels/[a-z0-9_]+\\.(h|def)$)\;none"
  # A random generator is the key of a draw, and the programs' device list comes from the runtime: plain headers, no kernels.
  "engine\;^(engine/|kernels/(kernel|runtime|config|philox)\\.h$)\;none"
  "models\;^(models/|engine/)\;none"
  "tools/bench\;^(tools/|models/|engine/|kernels/|tests/op_cases/)\;any"
  "tools\;^(tools/|models/|engine/)\;none")

set(bad 0)
set(files 0)
foreach(top kernels engine models tools)
  file(GLOB_RECURSE sources RELATIVE ${ROOT} ${ROOT}/${top}/*.h ${ROOT}/${top}/*.cpp ${ROOT}/${top}/*.def ${ROOT}/${top}/*.cu)
  foreach(source ${sources})
    math(EXPR files "${files} + 1")
    set(allowed "")
    foreach(row ${rows})
      list(GET row 0 folder)
      if(source STREQUAL folder OR source MATCHES "^${folder}/")
        list(GET row 1 allowed)
        list(GET row 2 device)
        break()
      endif()
    endforeach()
    file(STRINGS ${ROOT}/${source} lines REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "^[^<\"]*[<\"]([^>\"]*).*" "\\1" header "${line}")
      set(fault "")
      if(header MATCHES "\\.\\./")
        set(fault "relative path upwards")
      elseif(header MATCHES "^(kernels|engine|models|tools|tests|imago)/")
        if(NOT header MATCHES "${allowed}")
          set(fault "points up")
        endif()
      elseif(header MATCHES "${cuda_headers}" AND NOT device MATCHES "cuda|any")
        set(fault "a CUDA header outside kernels/cuda")
      elseif(header MATCHES "${cpu_headers}" AND NOT device MATCHES "cpu|any")
        set(fault "a cpu library outside kernels/cpu")
      endif()
      if(fault)
        message(NOTICE "${source}: includes ${header}: ${fault}")
        math(EXPR bad "${bad} + 1")
      endif()
    endforeach()
  endforeach()
endforeach()
if(files EQUAL 0)
  message(FATAL_ERROR "no sources under ${ROOT}")
elseif(bad)
  message(FATAL_ERROR "${bad} includes break the layers")
endif()
message(STATUS "${files} files keep to their layers")
