// The virtual board: the accelerator with its shell, a memory, and a processor's port on standard input and output.
//
//   <program> <memory file>
//   <program> --check
//
// The second builds the design and ends. // The file is the memory, from address kBase on; other programs map it too. A line "r <address>" is answered by the
// register's value, "w <address> <value>" by "ok", both in decimal. Time goes on with each access, and further where
// the accelerator is running, so that waiting for it costs few accesses.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "Vdut.h"
#include "verilated.h"

namespace {

constexpr uint64_t kBase = 0x10000000;
constexpr int kLatency = 30;             // cycles from a read's address to its first word
constexpr int kCyclesPerStatus = 5000;   // that a look at a running accelerator takes
constexpr uint32_t kStatus = 0x0c, kRunning = 1;

struct Burst {
    uint64_t address;
    int words;
    uint64_t ready;  // cycle from which on it is served
};

class Board {
public:
    Board(VerilatedContext& context, unsigned char* memory, uint64_t size)
        : dut_(&context), memory_(memory), size_(size) {
        dut_.aresetn = 0;
        dut_.s_axi_awvalid = dut_.s_axi_wvalid = dut_.s_axi_arvalid = 0;
        dut_.s_axi_bready = dut_.s_axi_rready = 1;
        dut_.m_axi_rid = dut_.m_axi_bid = 0;
        for (int i = 0; i < 8; ++i) cycle();
        dut_.aresetn = 1;
        for (int i = 0; i < 32; ++i) cycle();
    }

    uint32_t read(uint32_t address) {
        dut_.s_axi_araddr = address & 0xff;
        dut_.s_axi_arvalid = 1;
        until([&] { return dut_.s_axi_arready; });
        dut_.s_axi_arvalid = 0;
        uint32_t value = 0;
        until([&] {
            value = dut_.s_axi_rdata;
            return dut_.s_axi_rvalid;
        });
        if (address == kStatus && (value & kRunning))
            for (int i = 0; i < kCyclesPerStatus; ++i) cycle();
        return value;
    }

    void write(uint32_t address, uint32_t value) {
        dut_.s_axi_awaddr = address & 0xff;
        dut_.s_axi_wdata = value;
        dut_.s_axi_wstrb = 15;
        dut_.s_axi_awvalid = 1;
        until([&] { return dut_.s_axi_awready; });
        dut_.s_axi_awvalid = 0;
        dut_.s_axi_wvalid = 1;
        until([&] { return dut_.s_axi_wready; });
        dut_.s_axi_wvalid = 0;
        until([&] { return dut_.s_axi_bvalid; });
    }

private:
    /// Cycles until `happens` is true in one, which is the last.
    template <typename Condition> void until(Condition happens) {
        while (true) {
            settle();
            const bool now = happens();
            edge();
            if (now) return;
        }
    }

    void cycle() {
        settle();
        edge();
    }

    /// Everything that the memory shows in this cycle.
    void settle() {
        dut_.aclk = 0;
        dut_.m_axi_arready = reads_.size() < 8;
        dut_.m_axi_awready = writes_.size() < 8;
        dut_.m_axi_wready = !writes_.empty();
        dut_.m_axi_bvalid = answers_ > 0;
        dut_.m_axi_bresp = answer_errors_ > 0 ? 2 : 0;
        const bool serving = !reads_.empty() && reads_.front().ready <= now_;
        dut_.m_axi_rvalid = serving;
        if (serving) {
            unsigned char* place = at(reads_.front().address);
            uint64_t word = 0;
            if (place) std::memcpy(&word, place, 8);
            dut_.m_axi_rdata = word;
            dut_.m_axi_rresp = place ? 0 : 2;
            dut_.m_axi_rlast = reads_.front().words == 1;
        }
        dut_.eval();
    }

    void edge() {
        const bool read_taken = dut_.m_axi_rvalid && dut_.m_axi_rready;
        const bool asked = dut_.m_axi_arvalid && dut_.m_axi_arready;
        const bool begun = dut_.m_axi_awvalid && dut_.m_axi_awready;
        const bool written = dut_.m_axi_wvalid && dut_.m_axi_wready;
        const bool answered = dut_.m_axi_bvalid && dut_.m_axi_bready;
        if (answered) {
            --answers_;
            if (answer_errors_ > 0) --answer_errors_;
        }
        if (read_taken) {
            reads_.front().address += 8;
            if (--reads_.front().words == 0) reads_.pop_front();
        }
        if (written) store();
        if (asked) reads_.push_back({dut_.m_axi_araddr, dut_.m_axi_arlen + 1, now_ + kLatency});
        if (begun) writes_.push_back({dut_.m_axi_awaddr, dut_.m_axi_awlen + 1, now_});
        dut_.aclk = 1;
        dut_.eval();
        ++now_;
    }

    void store() {
        Burst& burst = writes_.front();
        unsigned char* place = at(burst.address);
        const uint64_t word = dut_.m_axi_wdata;
        for (int i = 0; place && i < 8; ++i)
            if (dut_.m_axi_wstrb >> i & 1) place[i] = static_cast<unsigned char>(word >> 8 * i);
        failed_ = failed_ || !place;
        burst.address += 8;
        if (--burst.words > 0) return;
        ++answers_;
        answer_errors_ += failed_;
        failed_ = false;
        writes_.pop_front();
    }

    unsigned char* at(uint64_t address) const {
        const uint64_t offset = address - kBase;
        return address >= kBase && offset + 8 <= size_ ? memory_ + offset : nullptr;
    }

    Vdut dut_;
    unsigned char* memory_;
    uint64_t size_, now_ = 0;
    std::deque<Burst> reads_, writes_;
    int answers_ = 0, answer_errors_ = 0;
    bool failed_ = false;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s --check | <memory file>\n", argv[0]);
        return 2;
    }
    VerilatedContext context;
    if (std::strcmp(argv[1], "--check") == 0) {
        return std::make_unique<Vdut>(&context) ? 0 : 1;
    }
    const int file = open(argv[1], O_RDWR);
    struct stat about {};
    if (file < 0 || fstat(file, &about) != 0) {
        std::perror(argv[1]);
        return 2;
    }
    void* memory = mmap(nullptr, about.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) {
        std::perror("mmap");
        return 2;
    }
    context.commandArgs(argc, argv);
    Board board(context, static_cast<unsigned char*>(memory), about.st_size);
    char line[128];
    while (std::fgets(line, sizeof line, stdin)) {
        unsigned address = 0;
        unsigned long value = 0;
        if (std::sscanf(line, "r %u", &address) == 1) std::printf("%u\n", board.read(address));
        else if (std::sscanf(line, "w %u %lu", &address, &value) == 2) {
            board.write(address, static_cast<uint32_t>(value));
            std::puts("ok");
        } else {
            std::fprintf(stderr, "no command: %s", line);
            return 2;
        }
        std::fflush(stdout);
    }
    return 0;
}
