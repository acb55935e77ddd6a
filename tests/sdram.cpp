// Random records in and out of an SDRAM through its controller; every word is compared, and the model looks at every command.
// Usage: top CLOCKS SEED PERIOD and the chip's numbers in the order of hw/store/chips.py, times in picoseconds.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <unordered_map>

#include "Vtop.h"
#include "sdram.h"
#include "verilated.h"

namespace {
constexpr int SLOT_WORDS = 128, SLOT_BITS = 17, CHIP_NUMBERS = 12;
using Words = std::array<uint16_t, 2 * SLOT_WORDS>;
}  // namespace

int main(int argc, char** argv) {
    if (argc != 4 + CHIP_NUMBERS) return 2;
    const auto number = [&](int at) { return int64_t(std::strtoll(argv[at], nullptr, 10)); };
    const int64_t clocks = number(1);
    std::mt19937 random(uint32_t(number(2)));
    const Chip chip{int(number(4)), int(number(5)), number(6), number(7), number(8), number(9),
                    number(10), number(11), number(12), number(13), number(14), number(15)};
    Sdram memory(chip, number(3));
    VerilatedContext context;
    Vtop top(&context);

    Words buffer{}, expected{};
    std::unordered_map<int, Words> stored;
    uint16_t word = 0;
    int64_t records = 0, wait = 0;
    int late = 0;
    // Clocks of a record beside its words, and when it began; of the first one power-up counts as well.
    int64_t beside = 0, begun = 0;
    bool moving = false;
    for (int64_t now = 0; now < clocks; ++now) {
        top.clk = 0;
        top.eval();
        top.sdram_read =
            memory.step(top.sdram_command, top.sdram_bank, top.sdram_address, top.sdram_value, top.sdram_drive);
        late = std::max(late, int(top.late));
        top.start = 0;
        if (moving && !top.busy) {
            moving = false;
            ++records;
            const int words = (1 + top.wide) * SLOT_WORDS;
            if (records > 1) beside = std::max(beside, now - begun - words);
            for (int at = 0; at < words && !top.write; ++at)
                if (buffer[at] != expected[at]) {
                    std::fprintf(stderr, "clock %lld: word %d of slot %d is %04x and not %04x\n",
                                 static_cast<long long>(now), at, top.slot, buffer[at], expected[at]);
                    return 1;
                }
            // Most follow at once, and some wait for as long as a refresh takes to fall due.
            wait = random() % 4 ? 0 : int64_t(random() % 1000);
        } else if (!moving && wait-- <= 0) {
            top.wide = random() & 1;
            top.slot = (random() % 8 ? random() % 16 : random() % (1u << SLOT_BITS)) & ~uint32_t(top.wide);
            // Only what was written as a whole is read.
            const bool known = stored.count(int(top.slot)) && (!top.wide || stored.count(int(top.slot) + 1));
            top.write = !known || random() % 2;
            for (int part = 0; part <= top.wide; ++part) {
                Words& slot = stored[int(top.slot) + part];
                for (int at = 0; at < SLOT_WORDS; ++at) {
                    if (top.write) slot[at] = buffer[part * SLOT_WORDS + at] = uint16_t(random());
                    expected[part * SLOT_WORDS + at] = slot[at];
                    if (!top.write) buffer[part * SLOT_WORDS + at] = uint16_t(~slot[at]);
                }
            }
            top.start = 1;
            begun = now + 1;
            moving = true;
        }
        top.word = word;
        top.eval();
        const uint16_t next = buffer[top.place];
        if (top.take) buffer[top.place] = top.taken;
        word = next;
        top.clk = 1;
        top.eval();
    }
    std::printf("%lld records in %lld clocks, at most %d refreshes late and %lld clocks beside a record's words\n",
                static_cast<long long>(records), static_cast<long long>(clocks), late, static_cast<long long>(beside));
    return records ? 0 : 1;
}
