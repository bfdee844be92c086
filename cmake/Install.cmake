# Installing, and what a consumer of imago::imago gets: headers, requirements, the package configuration. Included last of
# the library's parts, when the target's sources are known.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# <imago/imago.h> forwards to the umbrella header, in the build tree and installed alike.
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/imago/imago.h @ONLY CONTENT
"// The whole public interface of imago. Generated; the headers themselves are engine/imago.h and models/.
#pragma once
#include \"engine/imago.h\"
#include \"models/presets.h\"
#include \"models/run.h\"
")
target_compile_features(imago PUBLIC cxx_std_20)
set_target_properties(imago PROPERTIES VERSION ${PROJECT_VERSION})
target_include_directories(imago INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/imago>)

option(IMAGO_INSTALL "make the install target" ${PROJECT_IS_TOP_LEVEL})
if(NOT IMAGO_INSTALL)
  return()
endif()
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/imago)
install(TARGETS imago EXPORT imagoTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(EXPORT imagoTargets NAMESPACE imago:: DESTINATION ${package_dir} COMPONENT library)

# Kernel internals (patterns, back-ends) stay here; the plain headers that the engine's headers include go along.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/engine ${PROJECT_SOURCE_DIR}/models DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/imago
  COMPONENT library FILES_MATCHING PATTERN "*.h")
file(GLOB kernel_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*.h ${PROJECT_SOURCE_DIR}/kernels/*.def)
list(REMOVE_ITEM kernel_headers ${PROJECT_SOURCE_DIR}/kernels/backend.h)
install(FILES ${kernel_headers} ${PROJECT_BINARY_DIR}/generated/kernels/config.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/imago/kernels COMPONENT library)
install(FILES ${PROJECT_BINARY_DIR}/generated/imago/imago.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/imago COMPONENT library)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/Config.cmake.in ${PROJECT_BINARY_DIR}/imagoConfig.cmake
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/imagoConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/imagoConfig.cmake ${PROJECT_BINARY_DIR}/imagoConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindDNNL.cmake ${PROJECT_SOURCE_DIR}/cmake/FindCUDNN.cmake
  DESTINATION ${package_dir} COMPONENT library)
include(PkgConfig)
# Two Debian packages come from here, and each needs its own copy.
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/libimago-dev RENAME copyright
  COMPONENT library)
