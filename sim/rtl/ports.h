// Access to the ports of a design in C++.

#ifndef SYSTOLM_PORTS_H
#define SYSTOLM_PORTS_H

#include <cstddef>
#include <cstdint>

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

#endif
