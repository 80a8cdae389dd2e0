// Reproducible random numbers: xorshift64*.

#ifndef SYSTOLM_RANDOM_H
#define SYSTOLM_RANDOM_H

#include "ports.h"

#include <cstddef>
#include <cstdint>

class Random {
public:
    explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}

    uint64_t operator()() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545F4914F6CDD1DULL;
    }

    bool chance(double probability) {
        return probability > 0 && double((*this)() >> 11) < probability * double(uint64_t(1) << 53);
    }

    // Both ends included.
    uint64_t between(uint64_t low, uint64_t high) { return low + (*this)() % (high - low + 1); }

    // What stands on lines that nobody may look at.
    template <size_t Bits>
    void fill(cxxrtl::value<Bits> &value) {
        uint64_t word = (*this)();
        auto *bytes = reinterpret_cast<uint8_t *>(value.data);
        for (size_t i = 0; i < Bits / 8; i++) bytes[i] = uint8_t(word >> 8 * (i % 8));
    }

private:
    uint64_t state_;
};

#endif
