// Feeds words into a simulated design's streams and takes words out, with random stalls.
//
//   <program> <folder> <key>=<value>... [+plusarg]...
//   <program> --check
//
// The first reads <folder>/in_<i>.bin and writes <folder>/out_<i>.bin, the cycle of every transfer to
// in_<i>.cycles and out_<i>.cycles (uint64), and how it ended to <folder>/result.txt.
// The second builds the design and ends.

#include "harness.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

#include "verilated.h"

namespace {

constexpr int kResetCycles = 8;
constexpr uint64_t kCyclesPerLook = 1 << 12;
constexpr double kSecondsPerReport = 0.5;
constexpr uint64_t kFirstLook = 1 << 10;  ///< Cycles without a transfer before the design's state is looked at.

/// xorshift64*: small, seeded, the same on every machine.
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ull + 0x1234567u) { next(); }
    uint32_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return static_cast<uint32_t>((state_ * 0x2545F4914F6CDD1Dull) >> 32);
    }
    bool chance(uint64_t threshold) { return threshold != 0 && next() < threshold; }

private:
    uint64_t state_;
};

uint64_t threshold(double probability) { return static_cast<uint64_t>(probability * 4294967296.0); }

void fail(const std::string& message) {
    std::fprintf(stderr, "harness: %s\n", message.c_str());
    std::exit(2);
}

std::vector<unsigned char> read_file(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) fail("cannot read " + path);
    std::vector<unsigned char> data;
    unsigned char buffer[1 << 16];
    size_t count;
    while ((count = std::fread(buffer, 1, sizeof buffer, file)) > 0) data.insert(data.end(), buffer, buffer + count);
    std::fclose(file);
    return data;
}

template <typename T> void write_file(const std::string& path, const std::vector<T>& data) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (!file || std::fwrite(data.data(), sizeof(T), data.size(), file) != data.size()) fail("cannot write " + path);
    std::fclose(file);
}

/// One stream of the design and the words that go through it.
struct Channel {
    explicit Channel(const Stream& stream) : stream(stream), bytes((stream.bits + 7) / 8) {}

    Stream stream;
    size_t bytes;
    uint64_t words = 0;   ///< Input: words to send. Output: words wanted.
    uint64_t moved = 0;   ///< Words transferred.
    std::vector<unsigned char> data;
    std::vector<uint64_t> cycles;
    bool pending = false;                ///< A word is offered and was not taken yet.
    uint64_t pause = 0;                  ///< Cycles that the present stall still lasts.
    uint64_t last = 0;                   ///< Cycle of the last transfer.
    std::vector<unsigned char> offered;  ///< Output: the word that must stay until it is taken.
};

class Harness {
public:
    Harness(VerilatedContext& context, Model& model, const std::string& folder,
            const std::map<std::string, std::string>& options)
        : context_(context), model_(model), folder_(folder), random_(number(options, "seed")),
          stall_in_(threshold(real(options, "stall_in"))), stall_out_(threshold(real(options, "stall_out"))),
          pause_in_(number(options, "pause_in")), pause_out_(number(options, "pause_out")),
          idle_limit_(number(options, "idle")), starved_limit_(number(options, "starved")),
          cycle_limit_(number(options, "cycles")), period_(number(options, "period")), frame_words_(number(options, "frame_words")),
          drain_(number(options, "drain")), beyond_(number(options, "beyond")), strict_(number(options, "strict")), trace_(options.count("trace") != 0) {
        for (size_t i = 0; i < model.inputs.size(); ++i) {
            Channel channel(model.inputs[i]);
            channel.data = read_file(folder + "/in_" + std::to_string(i) + ".bin");
            channel.words = channel.data.size() / channel.bytes;
            channel.cycles.reserve(channel.words);
            inputs_.push_back(channel);
        }
        for (size_t i = 0; i < model.outputs.size(); ++i) {
            Channel channel(model.outputs[i]);
            channel.words = number(options, "expect_" + std::to_string(i));
            channel.offered.resize(channel.bytes);
            channel.cycles.reserve(channel.words);
            channel.data.reserve(channel.words * channel.bytes);
            outputs_.push_back(channel);
        }
    }

    void run() {
        reset();
        const auto start = std::chrono::steady_clock::now();
        auto reported = start;
        uint64_t idle = 0, drained = 0, next_look = kFirstLook;
        status_ = "ok";
        while (true) {
            const bool done = complete();
            if (done && drained++ == drain_) break;
            drive(done);
            bool moved = step();
            if (status_ == "ok" && context_.gotError()) status_ = "error";
            else if (status_ == "ok" && context_.gotFinish()) status_ = "finish";
            if (status_ != "ok") break;
            if (moved || done) {
                idle = 0;
                next_look = kFirstLook;
            } else if (++idle >= next_look && nobody_rests()) {
                // What cannot change any more will not move: no limit has to be waited for.
                next_look = 2 * idle;
                if (stands_still()) {
                    status_ = "stuck";
                    break;
                }
            }
            if (idle > idle_limit_) {
                status_ = "idle";
                break;
            }
            if (cycle_limit_ && cycle_ >= cycle_limit_ && !done) {
                status_ = "limit";
                break;
            }
            if (starved_limit_ && !done) look_for_starved();
            if (status_ != "ok") break;
            if (++cycle_ % kCyclesPerLook == 0) {
                const auto now = std::chrono::steady_clock::now();
                if (std::chrono::duration<double>(now - reported).count() > kSecondsPerReport) {
                    reported = now;
                    report();
                }
            }
        }
        seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }

    void write() {
        save(inputs_, "in_");
        save(outputs_, "out_");
        const std::string path = folder_ + "/result.txt";
        std::FILE* file = std::fopen(path.c_str(), "w");
        if (!file) fail("cannot write " + path);
        std::fprintf(file, "%s\n%s\n%llu\n%.9g\n", status_.c_str(), detail_.c_str(),
                     static_cast<unsigned long long>(cycle_), seconds_);
        std::fclose(file);
    }

private:
    static uint64_t number(const std::map<std::string, std::string>& options, const std::string& key) {
        return std::strtoull(options.at(key).c_str(), nullptr, 10);
    }
    static double real(const std::map<std::string, std::string>& options, const std::string& key) {
        return std::strtod(options.at(key).c_str(), nullptr);
    }

    void reset() {
        *model_.reset = model_.reset_active;
        for (Channel& in : inputs_) *in.stream.valid = 0;
        for (Channel& out : outputs_) *out.stream.ready = 0;
        for (int i = 0; i < kResetCycles; ++i) {
            settle();
            edge();
        }
        *model_.reset = !model_.reset_active;
    }

    bool complete() const {
        for (const Channel& in : inputs_)
            if (in.moved != in.words) return false;
        for (const Channel& out : outputs_)
            if (out.moved < out.words) return false;
        return true;
    }

    /// Whether both sides do all they can in this cycle, for as long as they like.
    bool nobody_rests() const {
        for (const Channel& in : inputs_)
            if (in.pause > 0 || (!in.pending && in.moved < in.words)) return false;
        for (const Channel& out : outputs_)
            if (out.pause > 0) return false;
        return true;
    }

    /// Whether the design's state is the same after one more cycle of the same inputs: then it stays so.
    bool stands_still() {
        if (model_.state_bytes == 0) return false;
        for (Channel& out : outputs_) *out.stream.ready = 1;
        std::vector<unsigned char> before;
        for (int i = 0; i < 3; ++i) {
            before.assign(model_.state, model_.state + model_.state_bytes);
            if (step()) return false;
            ++cycle_;
        }
        return std::memcmp(before.data(), model_.state, model_.state_bytes) == 0;
    }

    /// Ends the simulation where an output gives nothing any more while other streams still move.
    void look_for_starved() {
        for (const Channel& out : outputs_)
            if (out.moved < out.words && cycle_ - out.last > starved_limit_) stop("starved", out, "");
    }

    /// Whether word number `moved` of an input is due: `period` cycles for every `frame_words` words.
    bool due(const Channel& in) const { return period_ == 0 || cycle_ * frame_words_ >= in.moved * period_; }

    /// Sets the signals the design reads in this cycle. `drain`: nothing is sent, everything is taken.
    void drive(bool drain) {
        for (Channel& in : inputs_) {
            if (in.pending) continue;
            if (in.moved < in.words && due(in) && !stalled(in, stall_in_, pause_in_)) {
                std::memcpy(in.stream.data, &in.data[in.moved * in.bytes], in.bytes);
                *in.stream.valid = 1;
                in.pending = true;
            } else if (*in.stream.valid) {
                *in.stream.valid = 0;
                // The last word must not stay: a design that reads it without valid shall be found out.
                for (size_t i = 0; i < in.bytes; ++i) in.stream.data[i] = ~in.stream.data[i];
                if (in.stream.bits % 8) in.stream.data[in.bytes - 1] &= (1u << in.stream.bits % 8) - 1;
            }
        }
        for (Channel& out : outputs_) *out.stream.ready = drain || !stalled(out, stall_out_, pause_out_);
    }

    /// Whether the other side of `channel` rests in this cycle. A rest that begins, by `chance`, lasts 1 to
    /// 2 * `mean` - 1 cycles.
    bool stalled(Channel& channel, uint64_t chance, uint64_t mean) {
        if (channel.pause > 0) {
            --channel.pause;
            return true;
        }
        if (!random_.chance(chance)) return false;
        if (mean > 1) channel.pause = random_.next() % (2 * mean - 1);
        return true;
    }

    void settle() {
        *model_.clock = 0;
        model_.eval();
        if (trace_) model_.dump_trace(time_ * 10);
    }

    void edge() {
        *model_.clock = 1;
        model_.eval();
        if (trace_) model_.dump_trace(time_ * 10 + 5);
        ++time_;
        context_.timeInc(1);
    }

    /// One clock cycle; returns whether any stream moved.
    bool step() {
        settle();
        if (strict_) check_independent();
        bool any = false;
        for (Channel& in : inputs_) {
            if (!in.pending || !*in.stream.ready) continue;
            in.pending = false;
            ++in.moved;
            in.last = cycle_;
            in.cycles.push_back(cycle_);
            any = true;
        }
        for (Channel& out : outputs_) {
            check_stable(out);
            if (!*out.stream.valid || !*out.stream.ready) continue;
            if (out.moved == out.words + beyond_) stop("extra", out, "");
            ++out.moved;
            out.last = cycle_;
            out.data.insert(out.data.end(), out.stream.data, out.stream.data + out.bytes);
            out.cycles.push_back(cycle_);
            any = true;
        }
        edge();
        return any;
    }

    /// A word that is offered must stay as it is until it is taken.
    void check_stable(Channel& out) {
        const bool valid = *out.stream.valid;
        if (out.pending) {
            if (!valid) stop("protocol", out, "valid fell before the word was taken");
            else if (std::memcmp(out.offered.data(), out.stream.data, out.bytes) != 0)
                stop("protocol", out, "the data changed before the word was taken");
        }
        out.pending = valid && !*out.stream.ready;
        if (out.pending) std::memcpy(out.offered.data(), out.stream.data, out.bytes);
    }

    /// Valid must not depend on ready, in the same cycle.
    void check_independent() {
        std::vector<unsigned char> valid, ready;
        for (Channel& out : outputs_) {
            valid.push_back(*out.stream.valid);
            ready.push_back(*out.stream.ready);
            *out.stream.ready = !*out.stream.ready;
        }
        model_.eval();
        for (size_t i = 0; i < outputs_.size(); ++i) {
            if (*outputs_[i].stream.valid != valid[i]) stop("protocol", outputs_[i], "valid depends on ready");
            *outputs_[i].stream.ready = ready[i];
        }
        model_.eval();
    }

    void stop(const char* status, const Channel& channel, const char* what) {
        if (status_ != "ok") return;
        status_ = status;
        detail_ = std::string(channel.stream.name) + "\t" + what;
    }

    void report() const {
        uint64_t words = 0;
        for (const Channel& out : outputs_) words += out.moved;
        std::printf("\x01%llu\n", static_cast<unsigned long long>(words));
        std::fflush(stdout);
    }

    void save(const std::vector<Channel>& channels, const std::string& prefix) const {
        for (size_t i = 0; i < channels.size(); ++i) {
            const std::string base = folder_ + "/" + prefix + std::to_string(i);
            write_file(base + ".cycles", channels[i].cycles);
            if (prefix == "out_") write_file(base + ".bin", channels[i].data);
        }
    }

    VerilatedContext& context_;
    Model& model_;
    std::string folder_;
    Random random_;
    uint64_t stall_in_, stall_out_, pause_in_, pause_out_, idle_limit_, starved_limit_, cycle_limit_, period_, frame_words_, drain_, beyond_;
    bool strict_, trace_;
    std::vector<Channel> inputs_, outputs_;
    std::string status_, detail_;
    uint64_t cycle_ = 0, time_ = 0;
    double seconds_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) fail("usage: <program> --check | <folder> <key>=<value>... [+plusarg]...");
    if (std::strcmp(argv[1], "--check") == 0) {
        VerilatedContext context;
        return std::unique_ptr<Model>(make_model(&context)) ? 0 : 1;
    }
    std::map<std::string, std::string> options;
    for (int i = 2; i < argc; ++i) {
        const std::string word = argv[i];
        const size_t equals = word.find('=');
        if (word[0] != '+' && equals != std::string::npos) options[word.substr(0, equals)] = word.substr(equals + 1);
    }
    VerilatedContext context;
    context.commandArgs(argc, argv);
    context.fatalOnError(false);  // $error and $stop end the run below, so that its results are still written
    if (options.count("random")) {
        context.randReset(2);
        context.randSeed(static_cast<int>(std::strtoul(options.at("random").c_str(), nullptr, 10) % 0x7fffffff) + 1);
    }
    if (options.count("trace")) context.traceEverOn(true);
    std::unique_ptr<Model> model(make_model(&context));
    if (options.count("trace")) model->open_trace(options.at("trace"));
    Harness harness(context, *model, argv[1], options);
    harness.run();
    model->finish();
    harness.write();
    return 0;
}
