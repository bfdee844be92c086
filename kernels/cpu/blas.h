// What calls of BLAS and LAPACK share. Not here: the calls.
#pragma once

namespace imago::host {

// Our threads are the parallel ones: an OpenBLAS with threads of its own is told to use one.
// OpenMP's uses one by itself inside a parallel region.
void one_blas_thread();

}  // namespace imago::host
