// The virtual board: the compiled design with a UART at bit level between its pins and this process's stdin and stdout.
// Usage: top CLOCKS_PER_BIT SETTLING [PACKET TIMER POLL], the second being the clocks that the learning machine runs on for
// after a request, the others those of a cable's chip: bytes that it sends at once, clocks after which it sends fewer, and
// clocks between two times at which the host takes them.
// Ends when stdin closes. Simulated time stands still while there is nothing to do.

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#if __has_include("chip.h")
#include "chip.h"
#endif

#include "Vtop.h"
#include "verilated.h"

namespace {

constexpr uint64_t NEVER = UINT64_MAX;
constexpr int DATA_BITS = 8;
constexpr int FRAME_BITS = DATA_BITS + 2;
// Clocks between two looks at the queue while the line to the board is idle.
constexpr uint64_t POLL_CLOCKS = 64;
// The board may think for this long, without a bit on the line and without being busy, before time stops.
constexpr uint64_t QUIET_CLOCKS = 2048;

// Bytes from stdin, filled by a thread of its own so that the simulation never waits for a read.
class Queue {
public:
    void fill() {
        uint8_t chunk[4096];
        ssize_t count;
        while ((count = read(0, chunk, sizeof chunk)) > 0) {
            std::lock_guard<std::mutex> lock(mutex);
            arrived.insert(arrived.end(), chunk, chunk + count);
            ready = true;
            changed.notify_one();
        }
        std::lock_guard<std::mutex> lock(mutex);
        closed = true;
        changed.notify_one();
    }

    // The next byte, or -1 if there is none now.
    int next() {
        if (at == current.size()) {
            if (!ready.load(std::memory_order_relaxed)) return -1;
            std::lock_guard<std::mutex> lock(mutex);
            current.clear();
            current.swap(arrived);
            at = 0;
            ready = false;
        }
        return current[at++];
    }

    // Sleep until there is a byte or stdin has closed.
    void wait() {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [this] { return ready || closed; });
    }

    std::atomic<bool> closed{false};

private:
    std::mutex mutex;
    std::condition_variable changed;
    std::atomic<bool> ready{false};
    std::vector<uint8_t> arrived;
    std::vector<uint8_t> current;
    size_t at = 0;
};

// Drives the board's rx pin.
class Sender {
public:
    Sender(Queue& queue, double clocks_per_bit) : queue(queue), clocks_per_bit(clocks_per_bit) {}

    uint64_t due = 0;

    // The level of the pin from clock `now` on; to be called when `due` is reached.
    bool step(uint64_t now) {
        if (bit == FRAME_BITS) {
            const int byte = queue.next();
            if (byte < 0) {
                due = now + POLL_CLOCKS;
                return true;
            }
            frame = uint32_t(byte) << 1 | 1u << (FRAME_BITS - 1);
            bit = 0;
            // Bytes that follow one another keep the fraction of a clock that is left over.
            if (edge + 1 < double(now)) edge = double(now);
        }
        const bool level = frame >> bit & 1;
        ++bit;
        edge += clocks_per_bit;
        due = uint64_t(edge);
        last = now;
        return level;
    }

    uint64_t last = 0;

private:
    Queue& queue;
    const double clocks_per_bit;
    double edge = 0;
    uint32_t frame = 0;
    int bit = FRAME_BITS;
};

// Bytes to the host, in packets as a cable's chip sends them, or without one in whole frames.
class Host {
public:
    Host(size_t packet, uint64_t timer, uint64_t poll) : packet(packet), timer(timer), poll(poll) {}

    void take(uint8_t byte, uint64_t now) {
        if (packet) step(now);
        held.push_back(byte);
        // Without a chip the host must not wait for a reply that is followed by another without a pause.
        if (packet ? held.size() == packet : byte == 0) send(now);
    }

    // What is due by now; to be called often.
    void step(uint64_t now) {
        while (packet && timed + timer <= now) send(timed + timer);
        if (!outgoing.empty() && now >= due) flush();
    }

    // The line has been idle since the last byte, so that nothing more of a frame comes.
    void idle(uint64_t now) {
        if (!packet && !held.empty()) send(now);
    }

    // Time must go on until these have been sent.
    bool waits() const { return packet && !(held.empty() && outgoing.empty()); }

private:
    void send(uint64_t now) {
        timed = now;
        if (held.empty()) return;
        outgoing.insert(outgoing.end(), held.begin(), held.end());
        held.clear();
        due = packet ? (now + poll - 1) / poll * poll : now;
        if (!packet) flush();
    }

    void flush() {
        size_t sent = 0;
        while (sent < outgoing.size()) {
            const ssize_t count = write(1, outgoing.data() + sent, outgoing.size() - sent);
            if (count <= 0) std::_Exit(0);
            sent += size_t(count);
        }
        outgoing.clear();
    }

    const size_t packet;
    const uint64_t timer;
    const uint64_t poll;
    uint64_t timed = 0;
    uint64_t due = 0;
    std::vector<uint8_t> held;
    std::vector<uint8_t> outgoing;
};

// Samples the board's tx pin in the middle of each bit.
class Receiver {
public:
    Receiver(Host& host, double clocks_per_bit) : host(host), clocks_per_bit(clocks_per_bit) {}

    uint64_t due = NEVER;

    void start(uint64_t now) {
        edge = double(now) + clocks_per_bit / 2;
        due = uint64_t(edge);
        bit = 0;
        frame = 0;
    }

    void step(uint64_t now, bool level) {
        frame |= uint32_t(level) << bit;
        if (++bit < FRAME_BITS) {
            edge += clocks_per_bit;
            due = uint64_t(edge);
            return;
        }
        due = NEVER;
        last = now;
        // A byte without its start or stop bit is lost, as in a real receiver.
        if (!(frame & 1) && frame >> (FRAME_BITS - 1)) host.take(uint8_t(frame >> 1), now);
    }

    uint64_t last = 0;

private:
    Host& host;
    const double clocks_per_bit;
    double edge = 0;
    uint32_t frame = 0;
    int bit = 0;
};

// What is beside the FPGA: nothing, or an SDRAM.
#if __has_include("chip.h")
class Beside {
public:
    void step(Vtop& top) {
        top.sdram_read =
            memory.step(top.sdram_command, top.sdram_bank, top.sdram_address, top.sdram_value, top.sdram_drive);
    }

private:
    Sdram memory{CHIP, PERIOD};
};
#else
struct Beside {
    void step(Vtop&) {}
};
#endif

}  // namespace

int main(int argc, char** argv) {
    const bool cable = argc == 6;
    if (argc != 3 && !cable) return 2;
    const double clocks_per_bit = std::atof(argv[1]);
    const int settling_clocks = std::atoi(argv[2]);
    if (clocks_per_bit < 1 || settling_clocks < 1) return 2;
    uint64_t chip[3] = {0, 0, 0};
    for (int part = 0; cable && part < 3; ++part) {
        chip[part] = std::strtoull(argv[3 + part], nullptr, 10);
        if (!chip[part]) return 2;
    }

    Queue queue;
    std::thread([&queue] { queue.fill(); }).detach();

    VerilatedContext context;
    Vtop top(&context);
    Sender sender(queue, clocks_per_bit);
    Host host(size_t(chip[0]), chip[1], chip[2]);
    Receiver receiver(host, clocks_per_bit);
    const auto frame_clocks = uint64_t(clocks_per_bit * FRAME_BITS) + 1;
    const uint64_t quiet_clocks = std::max(2 * frame_clocks, QUIET_CLOCKS);
    uint64_t check = 0;
    uint64_t busy_until = 0;

    int settling = settling_clocks;
    Beside beside;
    const auto clock = [&top, &beside, &settling, settling_clocks] {
        top.clk = 0;
        top.core_clk = 0;
        top.eval();
        beside.step(top);
        settling = top.busy ? settling_clocks : settling - (settling > 0);
        top.clk = 1;
        top.core_clk = settling > 0;
        top.eval();
    };
    top.rx = 1;

    for (uint64_t now = 0;; ++now) {
        if (now >= sender.due) top.rx = sender.step(now);
        clock();
        if (now >= receiver.due) {
            receiver.step(now, top.tx);
        } else if (receiver.due == NEVER && !top.tx) {
            receiver.start(now);
        }
        if (now < check) continue;
        check = now + POLL_CLOCKS;
        if (top.busy || receiver.due != NEVER) busy_until = now;
        host.step(now);
        if (receiver.due == NEVER && now > receiver.last + frame_clocks) host.idle(now);
        if (now > std::max({busy_until, sender.last, receiver.last}) + quiet_clocks && !host.waits()) queue.wait();
        // The reader thread still uses the queue and the context has nothing to save, so nothing is destroyed.
        if (queue.closed.load(std::memory_order_relaxed)) std::_Exit(0);
    }
}
