// The host's end of a serial line: bytes of eight bits with one stop bit.

#ifndef SYSTOLM_SERIAL_LINE_H
#define SYSTOLM_SERIAL_LINE_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

constexpr unsigned FRAME_BITS = 10;  // start bit, data, stop bit

// Marks the end of each bit of a serial line, on average at the right time.
class BitTimer {
public:
    BitTimer(uint64_t clock_hz, uint64_t baud) : clock_hz_(clock_hz), baud_(baud) {}

    void begin(bool in_the_middle) { phase_ = in_the_middle ? clock_hz_ / 2 : 0; }

    // A cycle has passed; returns whether the bit ends with it.
    bool tick() {
        phase_ += baud_;
        if (phase_ < clock_hz_) return false;
        phase_ -= clock_hz_;
        return true;
    }

private:
    uint64_t clock_hz_, baud_, phase_ = 0;
};

class Sender {
public:
    explicit Sender(BitTimer timer) : timer_(timer) {}

    void push(const uint8_t *data, size_t size) { queue_.insert(queue_.end(), data, data + size); }
    bool busy() const { return left_ || !queue_.empty(); }

    // Level of the line in the next cycle.
    bool tick() {
        if (left_ && timer_.tick()) {
            bits_ >>= 1;
            if (!--left_ && !queue_.empty()) load();
        } else if (!left_ && !queue_.empty()) {
            timer_.begin(false);
            load();
        }
        return !left_ || bits_ & 1;
    }

private:
    void load() {
        bits_ = 1u << (FRAME_BITS - 1) | unsigned(queue_.front()) << 1;
        left_ = FRAME_BITS;
        queue_.pop_front();
    }

    BitTimer timer_;
    std::deque<uint8_t> queue_;
    unsigned bits_ = 0, left_ = 0;
};

class Receiver {
public:
    explicit Receiver(BitTimer timer) : timer_(timer) {}

    bool busy() const { return left_; }
    size_t size() const { return queue_.size(); }

    void pop(uint8_t *to, size_t size) {
        std::copy_n(queue_.begin(), size, to);
        queue_.erase(queue_.begin(), queue_.begin() + size);
    }

    // Level of the line in this cycle.
    void tick(bool level) {
        if (!left_ && !level) {
            left_ = FRAME_BITS;
            timer_.begin(true);
        }
        if (!left_ || !timer_.tick()) return;
        bits_ = (bits_ | unsigned(level) << FRAME_BITS) >> 1;
        if (!--left_ && level) queue_.push_back(uint8_t(bits_ >> 1));  // without a stop bit it is no byte
    }

private:
    BitTimer timer_;
    std::deque<uint8_t> queue_;
    unsigned bits_ = 0, left_ = 0;
};

#endif
