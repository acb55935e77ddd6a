// An SDRAM chip at its pins: what it holds, and whether it is used as its data sheet says. Times are in picoseconds.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

// In the order of hw/store/chips.py.
struct Chip {
    int row_bits, column_bits;
    int64_t activate, precharge, refresh, opened, cycle, write, mode, power_up, interval, clock;
};

class Sdram {
public:
    Sdram(const Chip& chip, int64_t period) : chip(chip), period(period) {
        words.resize(size_t(1) << (chip.row_bits + chip.column_bits + BANK_BITS));
        require(period >= chip.clock, "the clock is too fast");
        // Power-up lets no row be open for certain.
        for (auto& bank : banks) bank.row = UNKNOWN;
    }

    // One clock with what the FPGA says on the pins; returns what is on the data pins at its end.
    uint16_t step(int command, int bank, int address, uint16_t value, bool drive) {
        now += period;
        const bool answers = reading;
        const uint16_t answer = answers ? word : GARBAGE;
        reading = false;
        require(!(answers && drive), "both drive the data pins");
        require(command == WRITE || !drive, "the data pins are driven without a WRITE");
        if (command != NOTHING) {
            require(now >= chip.power_up, "a command before the end of power-up");
            require(now - refreshed >= chip.refresh, "a command too soon after REFRESH");
            require(now - moded >= chip.mode, "a command too soon after LOAD MODE REGISTER");
            execute(command, banks[size_t(bank)], bank, address, value, drive);
        }
        if (ready) require((now - ready) / chip.interval <= refreshes + MOST_LATE, "more than eight refreshes are late");
        return answers ? answer : uint16_t(answer + now);
    }

private:
    enum { NOTHING = 0, READ = 2, WRITE = 3, ACTIVATE = 4, PRECHARGE = 5, REFRESH = 6, MODE = 7 };
    static constexpr int BANK_BITS = 2, ALL_BANKS = 10, CLOSED = -1, UNKNOWN = -2, MOST_LATE = 8, FIRST_REFRESHES = 8;
    // A latency of two clocks, and one word at a time.
    static constexpr int MODE_VALUE = 2 << 4;
    static constexpr int64_t LONG_AGO = -1000000000000;
    static constexpr uint16_t GARBAGE = 0x5A3C;

    struct Bank {
        int row = CLOSED;
        int64_t activated = LONG_AGO, precharged = LONG_AGO, written = LONG_AGO;
    };

    void execute(int command, Bank& bank, int number, int address, uint16_t value, bool drive) {
        if (command == READ || command == WRITE) {
            require(ready, "READ or WRITE before the mode is set");
            require(bank.row >= 0, "READ or WRITE without an open row");
            require(now - bank.activated >= chip.activate, "READ or WRITE too soon after ACTIVATE");
            require(address < 1 << chip.column_bits, "no such column, or an automatic PRECHARGE");
            const size_t place =
                (size_t(bank.row) << BANK_BITS | size_t(number)) << chip.column_bits | size_t(address);
            if (command == READ) {
                reading = true;
                word = words[place];
            } else {
                require(drive, "a WRITE without data");
                words[place] = value;
                bank.written = now;
            }
        } else if (command == ACTIVATE) {
            require(ready, "ACTIVATE before the mode is set");
            require(bank.row == CLOSED, "ACTIVATE of a bank with an open row");
            require(now - bank.precharged >= chip.precharge, "ACTIVATE too soon after PRECHARGE");
            require(now - bank.activated >= chip.cycle, "ACTIVATE too soon after ACTIVATE");
            bank.row = address;
            bank.activated = now;
        } else if (command == PRECHARGE) {
            for (auto& one : banks)
                if (&one == &bank || address >> ALL_BANKS & 1) close(one);
        } else {
            for (auto& one : banks) {
                require(one.row == CLOSED, "REFRESH or LOAD MODE REGISTER while a row is open");
                require(now - one.precharged >= chip.precharge, "REFRESH or LOAD MODE REGISTER too soon after PRECHARGE");
                require(now - one.activated >= chip.cycle, "REFRESH or LOAD MODE REGISTER too soon after ACTIVATE");
            }
            if (command == REFRESH) {
                ++refreshes;
                refreshed = now;
            } else {
                require(address == MODE_VALUE, "another mode than two clocks' latency and single words");
                require(refreshes >= FIRST_REFRESHES, "too few refreshes before the mode is set");
                moded = ready = now;
                refreshes = 0;
            }
        }
    }

    void close(Bank& bank) {
        require(now - bank.activated >= chip.opened, "PRECHARGE too soon after ACTIVATE");
        require(now - bank.written >= chip.write, "PRECHARGE too soon after WRITE");
        bank.row = CLOSED;
        bank.precharged = now;
    }

    void require(bool holds, const char* otherwise) const {
        if (holds) return;
        std::fprintf(stderr, "SDRAM, clock %lld: %s\n", static_cast<long long>(now / period), otherwise);
        std::_Exit(3);
    }

    const Chip chip;
    const int64_t period;
    int64_t now = 0, refreshed = LONG_AGO, moded = LONG_AGO, ready = 0, refreshes = 0;
    std::array<Bank, 1 << BANK_BITS> banks;
    std::vector<uint16_t> words;
    bool reading = false;
    uint16_t word = 0;
};
