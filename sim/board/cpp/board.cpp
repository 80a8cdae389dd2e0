// One simulated board with a host on its serial line, behind a C interface for ctypes.
//
// The design is flat, so a single eval() settles every signal and computes the next state of all registers whose clock
// has an edge; commit() then is that edge. The clock inputs stay high, and forgetting a clock's previous value makes an
// eval() see an edge of it. Inputs are functions of the harness's own state, as if they came out of registers.

#include "board_settings.h"
#include "ports.h"
#include "serial_line.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace {

constexpr uint64_t RESET_CYCLES = 8;

class Board {
public:
    explicit Board(const BoardSettings &settings)
        : sender_(BitTimer(settings.clock_hz, settings.baud)), receiver_(BitTimer(settings.clock_hz, settings.baud)) {
        clocks_[0].period = settings.clock_period;
#ifdef SDRAM
        clocks_[1].period = settings.second_period;
#endif
        for (auto &clock : clocks_) drive(clock.level, 1);
        drive(top_.p_rx, 1);
        for (auto &clock : clocks_) drive(clock.reset, 1);
        while (std::any_of(clocks_.begin(), clocks_.end(), [](auto &clock) { return clock.cycles < RESET_CYCLES; })) step();
        for (auto &clock : clocks_) drive(clock.reset, 0);
    }

    uint64_t cycles() const { return clocks_[0].cycles; }
    uint64_t waiting() const { return receiver_.size(); }
    void send(const uint8_t *data, uint64_t size) { sender_.push(data, size); }

    // Put bytes into the chip, from its first word on; returns how many fitted.
    uint64_t fill(const uint8_t *data, uint64_t size) {
        auto &memory = top_.memory_p_chip_2e_memory;
        size = std::min<uint64_t>(size, WORD_BYTES * memory.depth);
        for (uint64_t i = 0; i < size; i++) {
            auto &word = memory.data[i / WORD_BYTES].data[0];
            unsigned shift = i % WORD_BYTES * 8;
            word = (word & ~(0xffu << shift)) | unsigned(data[i]) << shift;
        }
        return size;
    }

    // Run until so many bytes have come or nothing has been on the line for `patience` cycles; return how many came.
    uint64_t receive(uint8_t *to, uint64_t size, uint64_t patience) {
        uint64_t active_at = cycles();
        while (receiver_.size() < size && cycles() - active_at < patience) {
            step();
            if (sender_.busy() || receiver_.busy()) active_at = cycles();
        }
        size = std::min<uint64_t>(size, receiver_.size());
        receiver_.pop(to, size);
        return size;
    }

    void violations(uint8_t *to) const { std::memcpy(to, top_.p_violations.data, bytes_of(top_.p_violations)); }

private:
    struct Clock {
        cxxrtl::value<1> &level, &before, &reset;
        uint64_t period = 0, at = 0, cycles = 0;
    };

    // Go to the next edge of a clock, or to one of each at the same time.
    void step() {
        uint64_t now = clocks_[0].at;
        for (auto &clock : clocks_) now = std::min(now, clock.at);
        for (auto &clock : clocks_)
            if (clock.at == now) drive(clock.before, 0);
        bool first = clocks_[0].at == now;
        top_.eval();
        if (first) receiver_.tick(low(top_.p_tx));
        top_.commit();
        for (auto &clock : clocks_)
            if (clock.at == now) {
                clock.at += clock.period;
                clock.cycles++;
            }
        if (first) drive(top_.p_rx, sender_.tick());
    }

    Design top_;
    Sender sender_;
    Receiver receiver_;
#ifdef SDRAM
    std::array<Clock, 2> clocks_{{{top_.p_clk, top_.prev_p_clk, top_.p_rst},
                                  {top_.p_sdram__clk, top_.prev_p_sdram__clk, top_.p_sdram__rst}}};
#else
    std::array<Clock, 1> clocks_{{{top_.p_clk, top_.prev_p_clk, top_.p_rst}}};
#endif
};

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

Board *board_new(const BoardSettings *settings) { return new Board(*settings); }
void board_free(Board *board) { delete board; }
uint64_t board_cycles(const Board *board) { return board->cycles(); }
uint64_t board_waiting(const Board *board) { return board->waiting(); }
uint64_t board_fill(Board *board, const uint8_t *data, uint64_t size) { return board->fill(data, size); }
void board_send(Board *board, const uint8_t *data, uint64_t size) { board->send(data, size); }
uint64_t board_receive(Board *board, uint8_t *to, uint64_t size, uint64_t patience) {
    return board->receive(to, size, patience);
}
void board_violations(const Board *board, uint8_t *to) { board->violations(to); }
}
#pragma GCC visibility pop
