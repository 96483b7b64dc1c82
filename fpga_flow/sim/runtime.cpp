// What Verilator's runtime does with its own warnings, in every simulator.

#include <cstdio>
#include <string>

#include "verilated.h"

/// Ends the simulation. The runtime warns of memory files that are missing or too short, and would go on with zeros.
void vl_warn(const char* file, int line, const char* scope, const char* message) {
    VerilatedContext& context = *Verilated::threadContextp();
    if (context.fatalOnError()) vl_fatal(file, line, scope, message);  // ends the program
    std::printf("%%Error: %s:%d: %s\n", file, line, message);
    std::fflush(stdout);
    context.gotError(true);
    context.gotFinish(true);
}
