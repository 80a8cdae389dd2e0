// A limit of the bytes a cycle.

#ifndef SYSTOLM_BANDWIDTH_H
#define SYSTOLM_BANDWIDTH_H

#include <algorithm>
#include <cstddef>

// At most so many bytes a cycle, on average.
class Bandwidth {
public:
    Bandwidth(double bytes_per_cycle, size_t beat) : rate_(bytes_per_cycle), beat_(double(beat)) {}

    void tick() { credit_ = std::min(credit_ + rate_, rate_ + beat_); }
    bool affords() const { return credit_ >= beat_; }
    void spend() { credit_ -= beat_; }

private:
    double rate_, beat_, credit_ = 0;
};

#endif
