// Plays levels on the rx pin of the compiled design and tells what came of them; see tests/fuzz.py.
// Usage: top CLOCKS_PER_BIT LIMIT. A request on stdin is a count and as many run lengths in clocks (uint32), the first one
// of a high line. The reply on stdout: clocks taken, whether the design still was not idle after LIMIT more clocks, the
// count of events (uint32), and the events (uint16: kind << 8 | byte). Once stdin ends, the coverage: for each value of each
// probe the clocks in it and how often it was entered (uint64).

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

namespace {

enum Kind : uint16_t { RECEIVED, DROPPED, SENT, BROKEN };

constexpr int FRAME_BITS = 10;
constexpr int PROBES = 5;
constexpr int VALUES = 64;

struct Coverage {
    uint64_t clocks[VALUES] = {};
    uint64_t entered[VALUES] = {};
    int last = -1;

    void count(int value) {
        ++clocks[value];
        entered[value] += value != last;
        last = value;
    }
};

template <typename T>
void put(const T* values, size_t count) {
    if (fwrite(values, sizeof(T), count, stdout) != count) std::_Exit(1);
}

}  // namespace

int main(int argc, char** argv) {
    const uint64_t clocks_per_bit = argc == 3 ? std::strtoull(argv[1], nullptr, 10) : 0;
    const uint64_t limit = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 0;
    if (!clocks_per_bit || !limit) return 2;
    const uint64_t quiet = 4 * FRAME_BITS * clocks_per_bit;

    VerilatedContext context;
    Vtop top(&context);
    std::vector<Coverage> coverage(PROBES);
    std::vector<uint16_t> events;
    uint64_t now = 0, active = 0;
    // The byte that the design is sending: its bits so far, and when to look at the next one.
    uint64_t due = 0;
    uint32_t frame = 0;
    int bit = FRAME_BITS;

    const auto clock = [&](bool level) {
        top.rx = level;
        top.clk = top.core_clk = 0;
        top.eval();
        top.clk = top.core_clk = 1;
        top.eval();
        ++now;
        if (top.valid) events.push_back((top.dropped ? DROPPED : RECEIVED) << 8 | top.data);
        if (bit == FRAME_BITS && !top.tx) {
            bit = 0;
            frame = 0;
            due = now + clocks_per_bit / 2;
        } else if (bit < FRAME_BITS && now == due) {
            frame |= uint32_t(top.tx) << bit++;
            due += clocks_per_bit;
            if (bit == FRAME_BITS) {
                const bool whole = !(frame & 1) && frame >> (FRAME_BITS - 1);
                events.push_back((whole ? SENT : BROKEN) << 8 | (frame >> 1 & 0xFF));
            }
        }
        if (!level || top.busy || bit < FRAME_BITS) active = now;
        coverage[0].count(top.uart);
        coverage[1].count(top.receiver);
        coverage[2].count(top.commands);
        coverage[3].count(top.access);
        coverage[4].count(top.detail);
    };

    uint32_t count;
    while (fread(&count, sizeof count, 1, stdin) == 1) {
        std::vector<uint32_t> runs(count);
        if (fread(runs.data(), sizeof(uint32_t), count, stdin) != count) return 1;
        events.clear();
        const uint64_t start = now;
        bool level = true;
        for (const uint32_t run : runs) {
            for (uint32_t at = 0; at < run; ++at) clock(level);
            level = !level;
        }
        active = now;
        const uint64_t end = now + limit;
        while (now < active + quiet && now < end) clock(true);
        const uint32_t head[] = {uint32_t(now - start), now == end, uint32_t(events.size())};
        put(head, 3);
        put(events.data(), events.size());
        fflush(stdout);
    }
    for (const Coverage& probe : coverage) {
        put(probe.clocks, VALUES);
        put(probe.entered, VALUES);
    }
    fflush(stdout);
    // As in sim/board.cpp there is nothing to save.
    std::_Exit(0);
}
