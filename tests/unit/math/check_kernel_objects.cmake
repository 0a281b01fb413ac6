# What the compiler made of the kernels (cmake -DLIBRARY= -DNM= -DOBJDUMP= -P this):
#   1. No weak symbol in the AVX objects: the linker keeps one copy of an inline function for the
#      whole program, and a copy with AVX-512 in it ends every process on an older CPU.
#   2. No fused multiply-add anywhere in the library: it rounds once where we round twice.
#   3. The wide registers are used at all.

execute_process(COMMAND ${NM} --print-file-name ${LIBRARY}
                OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
foreach(object kernels_avx2 kernels_avx512)
  if(NOT symbols MATCHES "${object}\\.cc\\.o")
    message(FATAL_ERROR "expected ${object}.cc.o in ${LIBRARY}")
  endif()
  string(REGEX MATCHALL "${object}\\.cc\\.o:[0-9a-f ]*[WVu] [^\n]*" weak "${symbols}")
  if(weak)
    message(FATAL_ERROR "weak symbols, which the linker may take for the whole program: ${weak}")
  endif()
endforeach()

execute_process(COMMAND ${OBJDUMP} --disassemble --no-show-raw-insn ${LIBRARY}
                OUTPUT_VARIABLE code COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCH "[^\n]*vfn?m(add|sub)[^\n]*" fused "${code}")
if(fused)
  message(FATAL_ERROR "a fused multiply-add: ${fused}")
endif()
foreach(instruction "vsqrtps[^\n]*%ymm" "vsqrtps[^\n]*%zmm" "vmulps[^\n]*%zmm")
  if(NOT code MATCHES "${instruction}")
    message(FATAL_ERROR "expected vector code (${instruction}) and found none")
  endif()
endforeach()
