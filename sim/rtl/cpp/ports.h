// Access to the ports of the design in C++, and its cycles.

#ifndef SYSTOLM_PORTS_H
#define SYSTOLM_PORTS_H

#include "design.h"

#include <cstddef>
#include <cstdint>

using Design = cxxrtl_design::p_systolm;

template <size_t Bits>
inline uint32_t low(const cxxrtl::value<Bits> &value) { return value.data[0]; }

template <size_t Bits>
inline void drive(cxxrtl::value<Bits> &value, uint32_t number) { value.data[0] = number; }

template <size_t Bits>
inline bool bit(const cxxrtl::value<Bits> &value, size_t index) {
    constexpr size_t width = 8 * sizeof(value.data[0]);
    return value.data[index / width] >> (index % width) & 1;
}

template <size_t Bits>
constexpr size_t bytes_of(const cxxrtl::value<Bits> &) { return Bits / 8; }

// Settle all signals of a cycle of the clock `clk` and compute the next state; commit() then is the clock edge. The clock
// input stays high, and forgetting its previous value makes each eval() see an edge.
template <class Top>
inline void settle(Top &top) {
    drive(top.prev_p_clk, 0);
    top.eval();
}

#endif
