// What the harness needs to know about a simulated design; the simulator generates the other side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

class VerilatedContext;

/// One AXI-Stream of the design: its three signals, as they lie in the verilated model.
struct Stream {
    const char* name;
    unsigned bits;         ///< Width of the data.
    unsigned char* data;   ///< Little endian.
    unsigned char* valid;
    unsigned char* ready;
};

/// The verilated design behind one interface, so that the harness is compiled once for all designs.
class Model {
public:
    virtual ~Model() = default;
    virtual void eval() = 0;
    virtual void finish() = 0;
    virtual void open_trace(const std::string& file) = 0;
    virtual void dump_trace(uint64_t time) = 0;

    std::vector<Stream> inputs, outputs;
    unsigned char* clock = nullptr;
    unsigned char* reset = nullptr;
    unsigned char reset_active = 0;
    const unsigned char* state = nullptr;  ///< All that the design remembers, `state_bytes` of it.
    size_t state_bytes = 0;
};

/// Defined in the generated source that is compiled with the design.
Model* make_model(VerilatedContext* context);
