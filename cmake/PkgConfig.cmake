# imago.pc, for those who build without CMake. The library is static: `pkg-config --static` is what links it.
# Libraries of the system by name; any other by its path's folder and name.
set(private_libs "")
set(libraries ${DNNL_LIBRARY} ${LAPACK_LIBRARIES} ${BLAS_LIBRARIES})
if(IMAGO_HAS_CUDA)
  foreach(target cudart_static cublasLt cublas cusolver)
    get_target_property(path CUDA::${target} IMPORTED_LOCATION)
    list(APPEND libraries ${path})
  endforeach()
  if(CUDNN_FOUND)
    list(APPEND libraries ${CUDNN_LIBRARY})
  endif()
  list(APPEND libraries -lrt -lpthread -ldl)  # of cudart_static
endif()
list(REMOVE_DUPLICATES libraries)
foreach(library ${libraries})
  if(library MATCHES "^(.*)/lib([^/]+)\\.(so|a)$")
    list(APPEND folders ${CMAKE_MATCH_1})
    set(library -l${CMAKE_MATCH_2})
    if(NOT CMAKE_MATCH_1 IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
      list(APPEND private_libs -L${CMAKE_MATCH_1})
    endif()
  endif()
  list(APPEND private_libs ${library})
endforeach()
list(REMOVE_DUPLICATES private_libs)
list(JOIN private_libs " " private_libs)
set(private_packages zlib)
if(PNG_FOUND)
  string(APPEND private_packages ", libpng")
endif()
if(JPEG_FOUND)
  string(APPEND private_packages ", libjpeg")
endif()
# From the file itself, so that the prefix may be moved.
file(RELATIVE_PATH to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" to_prefix ${to_prefix})
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/imago.pc @ONLY CONTENT
[=[prefix=${pcfiledir}/@to_prefix@
includedir=${prefix}/@CMAKE_INSTALL_INCLUDEDIR@
libdir=${prefix}/@CMAKE_INSTALL_LIBDIR@

Name: imago
Description: @PROJECT_DESCRIPTION@
Version: @PROJECT_VERSION@
Cflags: -std=c++20 -I${includedir} -I${includedir}/imago
Libs: -L${libdir} -limago
Libs.private: -fopenmp @private_libs@
Requires.private: @private_packages@
]=])
install(FILES ${PROJECT_BINARY_DIR}/imago.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT library)
