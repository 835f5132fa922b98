# SPDX-License-Identifier: BSD-3-Clause
# Install rules: headers, targets, CMake package, pkg-config files, released weights, licence.
# clustermass::fits and ::cuda have export sets of their own, so that a program without their libraries can use the package.
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/clustermass")

set(core_targets clustermass)
if(TARGET clustermass_pretrained)
  list(APPEND core_targets clustermass_pretrained)
endif()
install(TARGETS ${core_targets} EXPORT clustermassTargets FILE_SET HEADERS FILE_SET wings FILE_SET inl)
install(EXPORT clustermassTargets NAMESPACE clustermass:: DESTINATION "${package_dir}")
if(TARGET clustermass_fits)
  install(TARGETS clustermass_fits EXPORT clustermassFitsTargets)
  install(EXPORT clustermassFitsTargets NAMESPACE clustermass:: DESTINATION "${package_dir}")
  install(FILES "${PROJECT_SOURCE_DIR}/cmake/FindCFITSIO.cmake" DESTINATION "${package_dir}")
endif()

if(TARGET clustermass_cuda)
  install(TARGETS clustermass_cuda EXPORT clustermassCudaTargets)
  install(EXPORT clustermassCudaTargets NAMESPACE clustermass:: DESTINATION "${package_dir}")
  install(FILES "${PROJECT_SOURCE_DIR}/cmake/FindCUDNN.cmake" DESTINATION "${package_dir}")
endif()

configure_package_config_file(cmake/clustermassConfig.cmake.in clustermassConfig.cmake
                              INSTALL_DESTINATION "${package_dir}" PATH_VARS CMAKE_INSTALL_DATADIR)
write_basic_package_version_file(clustermassConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/clustermassConfig.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/clustermassConfigVersion.cmake" DESTINATION "${package_dir}")

# One pkg-config file per target: NAME, what it needs, what it links.
file(RELATIVE_PATH relative_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
function(clustermass_pkgconfig name summary requires libs)
  configure_file(cmake/clustermass.pc.in ${name}.pc @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()
clustermass_pkgconfig(clustermass "${PROJECT_DESCRIPTION}" "" "")
if(TARGET clustermass_fits)
  set(bzip2 "")
  if(BZIP2_FOUND)
    set(bzip2 "-lbz2")
  endif()
  clustermass_pkgconfig(clustermass-fits "clustermass with FITS input" "clustermass, cfitsio" "${bzip2}")
endif()
if(TARGET clustermass_pretrained)
  clustermass_pkgconfig(clustermass-pretrained "clustermass with the embedded network" "clustermass"
                        "-L\${libdir} -lclustermass_pretrained")
endif()

install(DIRECTORY weights/ DESTINATION "${CMAKE_INSTALL_DATADIR}/clustermass/weights" OPTIONAL)
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/clustermass")
