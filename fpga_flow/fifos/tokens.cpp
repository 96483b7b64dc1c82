// Plays the schedules of layers against each other, cycle by cycle and word by word, without any data.
//
// Compiled and called by tokens.py, which says what the numbers in a program mean and defines PATTERN_... All layers
// stand between FIFOs. In every cycle each layer decides by what the FIFOs held at its start, and then all FIFOs move on
// together. Only a FIFO of one word takes the next one while that leaves; so the layers decide in the order of the
// stream, the last one first. A layer that waits for a FIFO sleeps until that changes.

#include "tokens.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

namespace {

using namespace tokens;

struct Network {
    std::vector<Fifo> fifos;
    std::vector<int32_t> tables;
    std::vector<std::unique_ptr<Layer>> layers;
    std::vector<size_t> order;  ///< Of the layers: each behind all that take its words.
    std::vector<Source*> sources;
    std::vector<Sink*> sinks;
};

template <typename T> T* add(Network& network) {
    network.layers.push_back(std::make_unique<T>());
    return static_cast<T*>(network.layers.back().get());
}

/// Sets the order of the layers, of which no words come back to where they were.
void arrange(Network& network) {
    std::vector<size_t> waits;  // outputs whose readers have no place in the order yet
    for (size_t i = 0; i < network.layers.size(); ++i) {
        waits.push_back(network.layers[i]->out.size());
        if (waits[i] == 0) network.order.push_back(i);
    }
    for (size_t at = 0; at < network.order.size(); ++at)
        for (const Fifo* fifo : network.layers[network.order[at]]->in)
            if (--waits[fifo->before] == 0) network.order.push_back(fifo->before);
}

}  // namespace

extern "C" {

/// `program`: per layer pattern, inputs, outputs, the FIFOs of both, number of parameters, parameters.
void* tokens_open(int64_t fifos, const int64_t* program, int64_t length, const int32_t* tables, int64_t entries) {
    auto network = std::make_unique<Network>();
    network->fifos.resize(static_cast<size_t>(fifos));
    network->tables.assign(tables, tables + entries);
    const int32_t* table = network->tables.data();
    for (const int64_t *at = program, *end = program + length; at < end;) {
        const int64_t pattern = *at++, inputs = *at++, outputs = *at++;
        const int64_t* ports = at;
        at += inputs + outputs;
        const int64_t count = *at++;
        const int64_t* value = at;
        at += count;
        Layer* layer = nullptr;
        if (pattern == PATTERN_STEPS) {
            auto* made = add<Steps>(*network);
            made->table = table + value[0];
            made->steps = value[1], made->latency = value[2], made->places = value[3], made->burst = value[4];
            made->early = value[5] != 0, made->rigid = value[6] != 0, made->skid = value[7] != 0;
            made->joint = value[8] != 0;
            layer = made;
        } else if (pattern == PATTERN_REPLAY) {
            auto* made = add<Replay>(*network);
            made->length = value[0], made->passes = value[1], made->buffer = value[2];
            made->latency = value[3], made->places = value[4];
            layer = made;
        } else if (pattern == PATTERN_WINDOW) {
            auto* made = add<Window>(*network);
            made->current = table + value[0], made->first = table + value[1];
            made->fetches = value[2], made->words = value[3], made->buffer = value[4];
            layer = made;
        } else if (pattern == PATTERN_PARALLEL) {
            auto* made = add<ParallelWindow>(*network);
            made->current = table + value[0], made->windows = value[1], made->words = value[2];
            layer = made;
        } else if (pattern == PATTERN_WIDTH) {
            auto* made = add<Width>(*network);
            made->taken = value[0], made->given = value[1], made->places = value[2];
            layer = made;
        } else if (pattern == PATTERN_SOURCE) {
            auto* made = add<Source>(*network);
            made->words = value[0];
            network->sources.push_back(made);
            layer = made;
        } else if (pattern == PATTERN_SINK) {
            auto* made = add<Sink>(*network);
            made->words = value[0];
            network->sinks.push_back(made);
            layer = made;
        } else if (pattern == PATTERN_WIRE) {
            auto* made = add<Wire>(*network);
            made->table = table + value[0];
            made->steps = value[1];
            layer = made;
        } else if (pattern == PATTERN_RING) {
            auto* made = add<Ring>(*network);
            made->reads = table + value[0], made->frees = table + value[1];
            made->steps = value[2], made->words = value[3], made->places = value[4];
            layer = made;
        } else if (pattern == PATTERN_SUMS) {
            auto* made = add<Sums>(*network);
            made->length = value[0], made->passes = value[1], made->stages = value[2];
            layer = made;
        } else if (pattern == PATTERN_LISTS) {
            auto* made = add<Lists>(*network);
            made->words = value[0], made->steps = value[1], made->results = value[2], made->stages = value[3];
            layer = made;
        } else if (pattern == PATTERN_DIGITS) {
            auto* made = add<Digits>(*network);
            made->taken = value[0], made->given = value[1], made->interval = value[2], made->latency = value[3];
            layer = made;
        } else {
            return nullptr;
        }
        const size_t number = network->layers.size() - 1;
        for (int64_t i = 0; i < inputs; ++i) {
            layer->in.push_back(&network->fifos[static_cast<size_t>(ports[i])]);
            layer->in.back()->behind = number;
        }
        for (int64_t o = 0; o < outputs; ++o) {
            layer->out.push_back(&network->fifos[static_cast<size_t>(ports[inputs + o])]);
            layer->out.back()->before = number;
        }
    }
    arrange(*network);
    return network->order.size() == network->layers.size() ? network.release() : nullptr;
}

void tokens_close(void* handle) { delete static_cast<Network*>(handle); }

/// Plays `frames` frames. `period` > 0: a source spreads a frame's words evenly over so many cycles.
/// `ends`: cycle of the last word of each frame, per sink; `fifos`: count, most, pushes, offered of each.
/// Returns the cycles played; negative (less one) where nothing moved any more.
int64_t tokens_run(void* handle, const int64_t* depths, int64_t frames, int64_t period, int64_t most_cycles,
                   int64_t* first, int64_t* ends, int64_t* fifos) {
    Network& network = *static_cast<Network*>(handle);
    for (size_t i = 0; i < network.fifos.size(); ++i) {
        Fifo fresh;
        fresh.depth = depths[i];
        fresh.before = network.fifos[i].before;
        fresh.behind = network.fifos[i].behind;
        network.fifos[i] = fresh;
    }
    for (auto& layer : network.layers) layer->reset();
    for (Source* source : network.sources) {
        source->frames = frames;
        source->period = period;
    }
    Time now = 0;
    bool stuck = false;
    std::vector<char> awake(network.layers.size(), 1);
    std::vector<Fifo*> touched, still;
    for (; now < most_cycles; ++now) {
        bool done = true;
        for (Sink* sink : network.sinks) done &= static_cast<int64_t>(sink->ends.size()) >= frames;
        if (done) break;
        bool active = !touched.empty();
        for (const size_t i : network.order) {
            if (!awake[i]) continue;
            Layer& layer = *network.layers[i];
            for (Fifo* fifo : layer.out) fifo->offered = false;
            awake[i] = layer.cycle(now);
            active |= awake[i] != 0;
            for (Fifo* fifo : layer.in) {
                if (fifo->pop && fifo->depth == 1) awake[fifo->before] = 1;
                if (fifo->pop && !fifo->listed) fifo->listed = true, touched.push_back(fifo);
            }
            for (Fifo* fifo : layer.out)
                if (fifo->push && !fifo->listed) fifo->listed = true, touched.push_back(fifo);
        }
        if (!active) {
            stuck = true;
            break;
        }
        still.clear();
        for (Fifo* fifo : touched) {
            if (fifo->commit()) awake[fifo->before] = awake[fifo->behind] = 1;
            fifo->listed = fifo->moving();
            if (fifo->listed) still.push_back(fifo);
        }
        touched.swap(still);
    }
    *first = -1;
    for (Source* source : network.sources)
        if (source->first >= 0 && (*first < 0 || source->first < *first)) *first = source->first;
    for (size_t s = 0; s < network.sinks.size(); ++s)
        for (int64_t f = 0; f < frames; ++f) {
            const auto& known = network.sinks[s]->ends;
            ends[static_cast<int64_t>(s) * frames + f] = f < static_cast<int64_t>(known.size()) ? known[static_cast<size_t>(f)] : -1;
        }
    for (size_t i = 0; i < network.fifos.size(); ++i) {
        const Fifo& fifo = network.fifos[i];
        const int64_t values[] = {fifo.count(), fifo.most, fifo.pushes, fifo.offered};
        std::copy(values, values + 4, fifos + 4 * i);
    }
    return stuck ? -now - 1 : now;
}

}  // extern "C"
