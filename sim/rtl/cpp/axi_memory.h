// The memory behind the chip's bus, with the timing and the faults of its settings.

#ifndef SYSTOLM_AXI_MEMORY_H
#define SYSTOLM_AXI_MEMORY_H

#include "bandwidth.h"
#include "memory_settings.h"
#include "ports.h"
#include "random.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>

class AxiMemory {
public:
    AxiMemory(Design &top, const MemorySettings &settings)
        : top_(top),
          settings_(settings),
          random_(settings.seed),
          stall_threshold_(uint32_t(settings.stall_probability * 4294967296.0)),
          read_bandwidth_(settings.bytes_per_cycle, beat_bytes()),
          write_bandwidth_(settings.bytes_per_cycle, beat_bytes()) {}

    void attach(uint8_t *bytes, uint64_t size) {
        bytes_ = bytes;
        size_ = size;
    }

    // Note what is transferred in a settled cycle.
    void accept(uint64_t cycle) {
        accept_read(cycle);
        accept_write(cycle);
    }

    // Choose what to offer in the next cycle, whose number is given.
    void offer(uint64_t cycle) {
        offer_read(cycle);
        offer_write(cycle);
    }

private:
    static constexpr uint32_t OKAY = 0, SLVERR = 2;

    struct Burst {
        uint64_t addr;
        unsigned beats;
        uint64_t due;
    };

    struct Response {
        uint32_t code;
        uint64_t due;
    };

    void accept_read(uint64_t cycle) {
        if (low(top_.p_m__axi__rvalid) && low(top_.p_m__axi__rready)) {
            drive(top_.p_m__axi__rvalid, 0);
            Burst &burst = reads_.front();
            burst.addr += beat_bytes();
            if (!--burst.beats) reads_.pop_front();
        }
        if (low(top_.p_m__axi__arvalid) && low(top_.p_m__axi__arready)) {
            Burst burst{low(top_.p_m__axi__araddr), low(top_.p_m__axi__arlen) + 1, cycle + settings_.latency};
            if (!dead(burst)) reads_.push_back(burst);
        }
    }

    void offer_read(uint64_t cycle) {
        drive(top_.p_m__axi__arready, !stalls());
        read_bandwidth_.tick();
        if (low(top_.p_m__axi__rvalid) || reads_.empty()) return;
        const Burst &burst = reads_.front();
        if (burst.due > cycle || !read_bandwidth_.affords() || stalls()) return;
        read_bandwidth_.spend();
        uint32_t response = response_of(burst.addr);
        drive(top_.p_m__axi__rvalid, 1);
        drive(top_.p_m__axi__rresp, response);
        drive(top_.p_m__axi__rlast, burst.beats == 1);
        if (response == OKAY) std::memcpy(top_.p_m__axi__rdata.data, bytes_ + burst.addr, beat_bytes());
    }

    void accept_write(uint64_t cycle) {
        if (low(top_.p_m__axi__bvalid) && low(top_.p_m__axi__bready)) {
            drive(top_.p_m__axi__bvalid, 0);
            responses_.pop_front();
        }
        if (low(top_.p_m__axi__wvalid) && low(top_.p_m__axi__wready)) {
            Burst &burst = writes_.front();
            uint32_t response = response_of(burst.addr);
            worst_ = std::max(worst_, response);
            if (response == OKAY) store(bytes_ + burst.addr);
            burst.addr += beat_bytes();
            if (!--burst.beats) {
                if (burst.due) responses_.push_back({worst_, cycle + settings_.write_latency});
                worst_ = OKAY;
                writes_.pop_front();
            }
        }
        if (low(top_.p_m__axi__awvalid) && low(top_.p_m__axi__awready)) {
            Burst burst{low(top_.p_m__axi__awaddr), low(top_.p_m__axi__awlen) + 1, 1};
            burst.due = !dead(burst);  // 0: no response
            writes_.push_back(burst);
        }
    }

    void offer_write(uint64_t cycle) {
        drive(top_.p_m__axi__awready, !stalls());
        write_bandwidth_.tick();
        bool ready = !writes_.empty() && write_bandwidth_.affords() && !stalls();
        if (ready) write_bandwidth_.spend();
        drive(top_.p_m__axi__wready, ready);
        if (low(top_.p_m__axi__bvalid) || responses_.empty()) return;
        const Response &response = responses_.front();
        if (response.due > cycle || stalls()) return;
        drive(top_.p_m__axi__bvalid, 1);
        drive(top_.p_m__axi__bresp, response.code);
    }

    void store(uint8_t *to) {
        const auto *from = reinterpret_cast<const uint8_t *>(top_.p_m__axi__wdata.data);
        for (size_t i = 0; i < beat_bytes(); i++)
            if (bit(top_.p_m__axi__wstrb, i)) to[i] = from[i];
    }

    bool stalls() { return stall_threshold_ && uint32_t(random_() >> 32) < stall_threshold_; }

    bool dead(const Burst &burst) const {
        return burst.addr < settings_.dead_stop && burst.addr + burst.beats * beat_bytes() > settings_.dead_start;
    }

    uint32_t response_of(uint64_t addr) const {
        bool faulty = addr < settings_.faults_stop && addr + beat_bytes() > settings_.faults_start;
        return faulty || addr + beat_bytes() > size_ ? SLVERR : OKAY;
    }

    size_t beat_bytes() const { return bytes_of(top_.p_m__axi__rdata); }

    Design &top_;
    MemorySettings settings_;
    Random random_;
    uint32_t stall_threshold_;
    Bandwidth read_bandwidth_, write_bandwidth_;
    uint8_t *bytes_ = nullptr;
    uint64_t size_ = 0;
    std::deque<Burst> reads_, writes_;
    std::deque<Response> responses_;
    uint32_t worst_ = OKAY;
};

#endif
