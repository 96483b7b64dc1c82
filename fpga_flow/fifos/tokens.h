// The layers that tokens.cpp plays: when each takes and gives words, and the FIFOs between them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace tokens {


using Time = int64_t;

/// The project's FIFO: one register at depth 1, two at depth 2, else a ring and an output register.
struct Fifo {
    int64_t depth = 2;
    int64_t ring = 0;   ///< Words in the ring, or up to depth 2 all words but the first.
    bool out = false;   ///< The output register holds a word.
    bool push = false, pop = false;
    bool offered = false;  ///< The layer before has a word for it.
    bool listed = false;   ///< It is among those that move on at the end of the cycle.
    int64_t most = 0, pushes = 0;
    size_t before = 0, behind = 0;  ///< The layers on both sides.

    /// At depth 1 the layer behind it must have been asked before.
    bool ready() const { return depth == 1 ? !out || pop : ring < depth - 1; }
    bool valid() const { return out; }
    int64_t count() const { return ring + out; }

    /// Ends the cycle; returns whether anything moved.
    bool commit() {
        const bool changed = push || pop || (!out && ring > 0);
        pushes += push;
        if (depth <= 2) {  // a word that comes while the output is free, or is being freed, goes to the output
            const int64_t held = ring + out - pop + push;
            out = held > 0;
            ring = held - out;
        } else {
            const bool move = ring > 0 && (!out || pop);
            if (!out || pop) out = move;
            ring += push - move;
        }
        most = std::max(most, count());
        push = pop = false;
        return changed;
    }

    /// Whether it moves on by itself: a word on its way from the ring to the output.
    bool moving() const { return !out && ring > 0; }
};

/// Words on their way from a layer's last step to its output, in order.
struct Pipe {
    std::vector<Time> due;
    size_t head = 0, tail = 0, size = 0;

    void open(size_t places) {
        due.assign(std::max<size_t>(places, 1), 0);
        head = tail = size = 0;
    }
    void add(Time time) {
        due[tail] = time;
        if (++tail == due.size()) tail = 0;
        ++size;
    }
    bool has(Time now) const { return size > 0 && due[head] <= now; }
    void drop() {
        if (++head == due.size()) head = 0;
        --size;
    }
};

struct Layer {
    std::vector<Fifo*> in, out;
    virtual ~Layer() = default;
    virtual void reset() = 0;
    /// One cycle; returns false where nothing changes before one of its FIFOs does.
    virtual bool cycle(Time now) = 0;
};

/// Goes through a cycle of steps; each takes a word of some inputs and gives a word to some outputs.
struct Steps final : Layer {
    const int32_t* table = nullptr;  ///< Inputs taken in the low 16 bits, outputs given to in the high ones.
    int64_t steps = 1, latency = 1, places = 1, burst = 1;
    bool early = false;   ///< A place that is freed in a cycle can be used in the same.
    bool rigid = false;   ///< Nothing in the pipe moves while its end waits.
    bool skid = false;    ///< The next word is taken even while no step wants it.
    bool joint = false;   ///< A step needs a place at every output.
    int64_t at = 0;
    bool held = false;
    Time local = 0;
    std::vector<Pipe> pipes;

    void reset() override {
        at = local = 0;
        held = false;
        pipes.resize(out.size());
        for (Pipe& pipe : pipes) pipe.open(static_cast<size_t>(std::max(places, burst)));
    }

    bool cycle(Time now) override {
        const Time clock = rigid ? local : now;
        bool active = false, stuck = false;
        uint32_t free = 0;
        for (size_t o = 0; o < out.size(); ++o) {
            Pipe& pipe = pipes[o];
            const bool room = static_cast<int64_t>(pipe.size) + burst <= places;
            active |= pipe.size > 0 && !pipe.has(clock);
            bool left = false;
            if (pipe.has(clock)) {
                out[o]->offered = true;
                if (out[o]->ready()) {
                    out[o]->push = left = active = true;
                    pipe.drop();
                } else stuck = true;
            }
            if (room || (early && left && static_cast<int64_t>(pipe.size) + burst <= places)) free |= 1u << o;
        }
        if (rigid && stuck) return active;
        ++local;
        const uint32_t takes = static_cast<uint32_t>(table[at]) & 0xffff, gives = static_cast<uint32_t>(table[at]) >> 16;
        bool came = false;
        if (skid && !held && in[0]->valid()) in[0]->pop = came = active = true;
        const uint32_t needed = joint ? (1u << out.size()) - 1 : gives;
        if ((needed & ~free) == 0) {
            bool all = true;
            if (skid) all = !takes || held || came;
            else
                for (size_t i = 0; i < in.size(); ++i)
                    if (takes >> i & 1) all &= in[i]->valid();
            if (all) {
                active = true;
                if (skid) {
                    if (takes) held = came = false;
                } else {
                    for (size_t i = 0; i < in.size(); ++i)
                        if (takes >> i & 1) in[i]->pop = true;
                }
                for (size_t o = 0; o < out.size(); ++o)
                    if (gives >> o & 1)
                        for (int64_t word = 0; word < burst; ++word) pipes[o].add(clock + latency);
                if (++at == steps) at = 0;
            }
        }
        held |= came;
        return active;
    }
};

/// A matrix unit: keeps a vector of words and goes over it several times; the last word of a pass gives a word.
struct Replay final : Layer {
    int64_t length = 1, passes = 1, buffer = 1, latency = 1, places = 1;
    int64_t written = 0, read = 0, freed = 0, at = 0, pass = 0;
    bool staged = false, last = false;
    Pipe pipe;

    void reset() override {
        written = read = freed = at = pass = 0;
        staged = last = false;
        pipe.open(static_cast<size_t>(places));
    }

    bool cycle(Time now) override {
        bool active = pipe.size > 0 && !pipe.has(now);
        const bool room = static_cast<int64_t>(pipe.size) < places;  // a place comes back a cycle later
        if (pipe.has(now)) {
            out[0]->offered = true;
            if (out[0]->ready()) {
                out[0]->push = active = true;
                pipe.drop();
            }
        }
        const bool start = staged && (!last || room);
        const bool take = written - freed < buffer && in[0]->valid();
        const bool shift = (!staged || start) && read < written;
        if (start && last) pipe.add(now + latency);
        if (!staged || start) {
            staged = shift;
            last = at == length - 1;
            if (shift) {
                const bool final_pass = pass == passes - 1;
                freed += final_pass;
                ++read;
                if (++at == length) {
                    at = 0;
                    if (final_pass) pass = 0;
                    else {
                        ++pass;
                        read -= length;
                    }
                }
            }
        }
        if (take) {
            in[0]->pop = true;
            ++written;
        }
        return active || start || take || shift;
    }
};

/// FINN's sliding window in a ring buffer: reads words of the frame and fetches words of windows side by side.
struct Window final : Layer {
    const int32_t* current = nullptr;  ///< Per fetch of a frame: the word of the frame it fetches.
    const int32_t* first = nullptr;    ///< Per fetch: the first word that the next window still needs.
    int64_t fetches = 1, words = 1, buffer = 1;
    int64_t newest = -1, fetch = 0;
    bool offer = false, read_done = false, fetched = false, written = false;

    void reset() override {
        newest = -1;
        fetch = 0;
        offer = read_done = fetched = written = false;
    }

    bool cycle(Time) override {
        const bool ready = out[0]->ready();
        if (offer) out[0]->offered = true;
        const bool write = offer && ready;
        const bool fetching = !fetched && current[fetch] <= newest && !(offer && !ready);
        const bool may_read = !read_done && (fetched || (newest - (buffer - 1) < first[fetch] &&
                                                         newest - (buffer - 1) < current[fetch]));
        const bool reading = may_read && in[0]->valid();
        const bool last_read = newest == words - 2 || words == 1;
        bool restart = false;
        if (write) out[0]->push = true;
        if (reading) in[0]->pop = true;
        if (reading && last_read && written) restart = true;
        const bool was_fetched = fetched;
        bool now_written = written;
        if (write && was_fetched) {
            if (read_done || (reading && last_read)) restart = true;
            else now_written = true;
        }
        offer = fetching || (offer && !write);
        if (fetching) {
            if (fetch == fetches - 1) fetched = true;
            else ++fetch;
        }
        if (reading) {
            ++newest;
            if (last_read) read_done = true;
        }
        written = now_written;
        if (restart) {
            newest = -1;
            fetch = 0;
            read_done = fetched = written = false;
        }
        return write || fetching || reading;
    }
};

/// FINN's sliding window in shift registers: whole windows, a word of the frame in for each.
struct ParallelWindow final : Layer {
    const int32_t* current = nullptr;  ///< Per window: the word of the frame that completes it.
    int64_t windows = 1, words = 1;
    int64_t newest = -1, window = 0;
    bool done = false, sent = false;

    void reset() override {
        newest = -1;
        window = 0;
        done = sent = false;
    }

    bool cycle(Time) override {
        const bool ready = out[0]->ready();
        const bool can_write = current[window] <= newest && !done;
        const bool read_done = newest == words - 1;
        const bool may_read = !read_done && (done || newest <= current[window]);
        const bool write = can_write && (ready || sent);
        const bool reading = may_read && in[0]->valid() && !(can_write && !ready && !sent);
        const bool advance = reading || (!may_read && write) || (!may_read && !can_write);
        const bool offers = can_write && !sent;
        if (offers) out[0]->offered = true;
        const bool pushes = offers && ready;
        if (pushes) out[0]->push = true;
        if (reading) in[0]->pop = true;
        bool restart = reading && newest == words - 2 && done;
        // The counter of windows moves with every cycle in which the write is accounted for.
        if (write) {
            if (window == windows - 1) {
                if (read_done || (reading && newest == words - 2)) restart = true;
                else done = true;
            } else ++window;
        }
        sent = advance ? false : (write || sent);
        newest += reading;
        if (restart) {
            newest = -1;
            window = 0;
            done = false;
        }
        return pushes || reading || write;
    }
};

/// A width converter: `taken` units come with a word, `given` leave with one.
struct Width final : Layer {
    int64_t taken = 1, given = 1, places = 1, level = 0;

    void reset() override { level = 0; }

    bool cycle(Time) override {
        const bool valid = level >= given;
        if (valid) out[0]->offered = true;
        const bool give = valid && out[0]->ready();
        const bool room = level - (give ? given : 0) <= places - taken;
        const bool take = room && in[0]->valid();
        if (give) out[0]->push = true;
        if (take) in[0]->pop = true;
        level += (take ? taken : 0) - (give ? given : 0);
        return give || take;
    }
};

/// A sum of products over `length` words, in stages that move together while the last one can give its sum; with
/// several passes the words are kept for the next ones.
struct Sums final : Layer {
    int64_t length = 1, passes = 1, stages = 1;
    int64_t held = 0, read = 0, pass = 0;
    uint64_t valid = 0, final = 0;  ///< By stage: a word is there; it completes a sum.
    bool operand = false, operand_final = false, offer = false;

    void reset() override {
        held = read = pass = 0;
        valid = final = 0;
        operand = operand_final = offer = false;
    }

    bool cycle(Time) override {
        const bool ready = out[0]->ready();
        const bool given = offer && ready;
        if (offer) out[0]->offered = true;
        if (given) out[0]->push = true;
        const bool sum = valid >> (stages - 1) & final >> (stages - 1) & 1;
        const bool enable = !(sum && offer && !ready);
        const bool place = !operand || enable;
        bool step = false, take = false;
        const bool buffered = length > 1 && passes > 1;
        if (!buffered) {
            step = place && (pass > 0 || in[0]->valid());
            take = step && pass == 0;
        } else {
            take = held != length && in[0]->valid();
            step = place && (pass > 0 || read < held);
        }
        if (take) in[0]->pop = true;
        const bool moves = given || step || take || (enable && (valid != 0 || operand));
        if (sum) offer = true;
        else if (ready) offer = false;
        if (enable) {
            const uint64_t mask = (uint64_t{1} << stages) - 1;
            valid = (valid << 1 | operand) & mask;
            final = (final << 1 | (operand && operand_final)) & mask;
        }
        if (step) {
            operand = true;
            operand_final = read == length - 1;
            const bool last_pass = pass == passes - 1;
            if (buffered) held += take - last_pass;
            if (++read == length) {
                read = 0;
                pass = last_pass ? 0 : pass + 1;
            }
        } else {
            if (enable) operand = false;
            if (buffered) held += take;
        }
        return moves;
    }
};

/// A sparse matrix unit: a vector of `words` comes in, its lists are walked in `steps`, `results` go out; two vectors
/// fit on either side of the walk. `stages` registers follow the one that a result is read into.
struct Lists final : Layer {
    int64_t words = 1, steps = 1, results = 1, stages = 0;
    int64_t write = 0, loaded = 0, at = 0, filled = 0, read = 0;
    bool operand = false, operand_last = false, product = false, product_last = false;
    uint64_t valid = 0;  ///< By stage: a result is there.

    void reset() override {
        write = loaded = at = filled = read = 0;
        operand = operand_last = product = product_last = false;
        valid = 0;
    }

    bool cycle(Time) override {
        const bool offer = valid >> stages & 1, ready = out[0]->ready();
        if (offer) out[0]->offered = true;
        if (offer && ready) out[0]->push = true;
        const bool move = !offer || ready;
        const bool reading = move && filled > 0;
        const bool step = !(product && filled == 2);
        const bool walk = step && loaded > 0;
        const bool take = loaded < 2 && in[0]->valid();
        if (take) in[0]->pop = true;
        const bool moves = take || walk || reading || (move && valid != 0) || (step && (operand || product));
        const bool vector_in = take && write == words - 1, vector_done = walk && at == steps - 1;
        const bool vector_out = step && product && product_last, vector_read = reading && read == results - 1;
        if (take) write = vector_in ? 0 : write + 1;
        loaded += vector_in - vector_done;
        if (step) {
            product = operand, product_last = operand_last;
            operand = walk, operand_last = vector_done;
        }
        if (walk) at = vector_done ? 0 : at + 1;
        filled += vector_out - vector_read;
        if (reading) read = vector_read ? 0 : read + 1;
        if (move) valid = (valid << 1 | reading) & ((uint64_t{1} << (stages + 1)) - 1);
        return moves;
    }
};

/// Takes the words of a vector, works on it digit by digit, and gives its words one a cycle; a register is behind it.
struct Digits final : Layer {
    int64_t taken = 1, given = 1, interval = 1, latency = 1;
    int64_t words = 0, wait = 0;  ///< Words held of the next vector; cycles before it may begin.
    bool offer = false;
    Time local = 0;               ///< Cycles in which the unit did not stand still.
    std::deque<Time> whole;       ///< When the first word of each vector on its way is whole.

    void reset() override {
        words = wait = local = 0;
        offer = false;
        whole.clear();
    }

    bool cycle(Time) override {
        const bool ready = out[0]->ready();
        const bool left = offer && ready;
        if (offer) out[0]->offered = true;
        if (left) out[0]->push = true;
        while (!whole.empty() && whole.front() + given <= local) whole.pop_front();
        const bool word = !whole.empty() && whole.front() <= local;
        const bool enable = !(word && offer && !ready);
        const bool last = words == taken - 1;
        const bool take = in[0]->valid() && (!last || (wait == 0 && enable));
        const bool moves = left || take || (enable && (!whole.empty() || wait > 0));
        if (take) {
            in[0]->pop = true;
            words = last ? 0 : words + 1;
        }
        if (enable) {
            if (take && last) {
                whole.push_back(local + latency - 1);
                wait = interval - 1;
            } else if (wait > 0) {
                --wait;
            }
            ++local;
        }
        if (word) offer = true;
        else if (ready) offer = false;
        return moves;
    }
};

/// Goes through steps as `Steps` does, without a register: what comes goes out in the same cycle.
struct Wire final : Layer {
    const int32_t* table = nullptr;
    int64_t steps = 1, at = 0;

    void reset() override { at = 0; }

    bool cycle(Time) override {
        const uint32_t gives = static_cast<uint32_t>(table[at]) >> 16;
        if (!in[0]->valid()) return false;
        bool ready = true;
        for (size_t o = 0; o < out.size(); ++o) {
            if (!(gives >> o & 1)) continue;
            out[o]->offered = true;
            ready &= out[o]->ready();
        }
        if (!ready) return false;
        in[0]->pop = true;
        for (size_t o = 0; o < out.size(); ++o)
            if (gives >> o & 1) out[o]->push = true;
        if (++at == steps) at = 0;
        return true;
    }
};

/// Keeps words in a ring and reads them in any order; a step reads one and may free the oldest.
struct Ring final : Layer {
    const int32_t* reads = nullptr;  ///< Per step of a period: the word of the period that it reads.
    const int32_t* frees = nullptr;  ///< Per step: words of the period that are free after it.
    int64_t steps = 1, words = 1, places = 1;
    int64_t written = 0, freed = 0, base = 0, at = 0;
    bool offer = false;

    void reset() override {
        written = freed = base = at = 0;
        offer = false;
    }

    bool cycle(Time) override {
        const bool room = written - freed < places;
        bool active = false, leaves = false;
        if (offer) {
            out[0]->offered = true;
            leaves = out[0]->ready();
            out[0]->push = active = leaves;
        }
        const bool reading = written > base + reads[at] && (!offer || leaves);
        offer = reading || (offer && !leaves);
        if (reading) {
            freed = base + frees[at];
            if (++at == steps) {
                at = 0;
                base += words;
            }
        }
        const bool take = room && in[0]->valid();
        if (take) {
            in[0]->pop = true;
            ++written;
        }
        return active || reading || take;
    }
};

struct Source final : Layer {
    int64_t words = 1, frames = 1, period = 0, sent = 0;
    Time first = -1;

    void reset() override {
        sent = 0;
        first = -1;
    }

    bool cycle(Time now) override {
        if (sent == words * frames) return false;
        if (period > 0 && now * words < sent * period) return true;
        out[0]->offered = true;
        if (!out[0]->ready()) return false;
        out[0]->push = true;
        if (first < 0) first = now;
        ++sent;
        return true;
    }
};

struct Sink final : Layer {
    int64_t words = 1, frames = 0, got = 0;
    std::vector<Time> ends;

    void reset() override {
        got = 0;
        ends.clear();
    }

    bool cycle(Time now) override {
        if (!in[0]->valid()) return false;
        in[0]->pop = true;
        if (++got % words == 0) ends.push_back(now);
        return true;
    }
};

}  // namespace tokens
