// Records what the engines do.

#ifndef SYSTOLM_RECORDER_H
#define SYSTOLM_RECORDER_H

#include "activity.h"
#include "ports.h"

#include <cstdint>
#include <vector>

class Recorder {
public:
    // Forget everything: the next cycle is the first.
    void begin() {
        changes_.clear();
        activity_ = 0;
    }

    void sample(const Design &top, uint64_t cycle) {
        uint32_t now = activity(top);
        if (now != activity_) changes_.push_back(cycle << ACTIVITY_BITS | now);
        activity_ = now;
    }

    // Every change of the activity: its cycle, and in the low ACTIVITY_BITS what it is from then on.
    const std::vector<uint64_t> &changes() const { return changes_; }

private:
    std::vector<uint64_t> changes_;
    uint32_t activity_ = 0;
};

#endif
