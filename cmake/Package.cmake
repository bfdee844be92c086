# `cpack`: one tarball of everything, and two Debian packages, the programs and the library. Meant for builds that run on
# other machines: cmake --workflow --preset package. Included last, when all that is installed is known.
if(NOT IMAGO_INSTALL OR NOT PROJECT_IS_TOP_LEVEL)  # a project around it packages itself
  return()
endif()
set(CPACK_GENERATOR TGZ DEB)
set(CPACK_SOURCE_GENERATOR "")  # `git archive` makes source tarballs, and notes the commit in them
set(CPACK_PACKAGE_NAME imago)
set(CPACK_PACKAGE_VENDOR "Imago maintainers")
set(CPACK_PACKAGE_CONTACT "Imago maintainers <maintainers@imago.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_FILE_NAME imago-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL library)
if(IMAGO_TOOLS)
  list(PREPEND CPACK_COMPONENTS_ALL programs)
endif()
set(CPACK_ARCHIVE_COMPONENT_INSTALL OFF)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME imago)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SHLIBDEPS ON)
# OpenBLAS on the same OpenMP run-time as ours, where nothing else is there already.
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_DEPENDS "libopenblas0-openmp | libopenblas0")
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SUGGESTS "dataset-fashion-mnist")
set(CPACK_COMPONENT_PROGRAMS_DESCRIPTION
"The programs imago and imago-bench: train, sample and evaluate autoencoders and
variational autoencoders on images, arrays or generated data.")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libimago-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libdevel)
set(library_depends g++ libdnnl-dev "libopenblas-openmp-dev | libopenblas-dev" liblapack-dev zlib1g-dev)
if(PNG_FOUND)
  list(APPEND library_depends libpng-dev)
endif()
if(JPEG_FOUND)
  list(APPEND library_depends libjpeg-dev)
endif()
list(JOIN library_depends ", " CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS)
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION
"The C++20 library: headers and static library with tensors, gradients of any
order, fused kernels and models. Found by CMake and by pkg-config.")
include(CPack)
