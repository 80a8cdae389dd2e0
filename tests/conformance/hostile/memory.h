// A memory that keeps AXI's rules, or breaks those it is told to break, and else does whatever AXI allows.

#ifndef SYSTOLM_HOSTILE_MEMORY_H
#define SYSTOLM_HOSTILE_MEMORY_H

#include "behaviour.h"
#include "ports.h"
#include "random.h"
#include "seen.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

class Memory {
public:
    Memory(Design &top, Random &random) : top_(top), random_(random) {}

    void attach(uint8_t *bytes, uint64_t size) {
        bytes_ = bytes;
        size_ = size;
    }

    void behave(const Behaviour &behaviour) {
        behaviour_ = behaviour;
        seen_ = {0, 0, 0, 0, 0, -1};
    }

    const Seen &seen() const { return seen_; }

    // First bytes of the bursts that are offered or have not been answered.
    std::vector<uint64_t> awaited() const {
        std::vector<uint64_t> starts;
        if (low(top_.p_m__axi__arvalid)) starts.push_back(low(top_.p_m__axi__araddr));
        if (low(top_.p_m__axi__awvalid)) starts.push_back(low(top_.p_m__axi__awaddr));
        for (const Read &read : reads_) starts.push_back(read.start);
        for (const Write &write : writes_) starts.push_back(write.start);
        for (const Response &response : responses_) starts.push_back(response.start);
        return starts;
    }

    // Note what is transferred in a settled cycle.
    void accept() {
        accept_beat();
        accept_read();
        accept_response();
        accept_write();
        accept_data();
        store();
    }

    // Choose what to offer in the next cycle.
    void offer() {
        offer_ready(top_.p_m__axi__arready, low(top_.p_m__axi__arvalid), behaviour_.stall_ar, behaviour_.stop_ar,
                    seen_.ar);
        offer_ready(top_.p_m__axi__awready, low(top_.p_m__axi__awvalid), behaviour_.stall_aw, behaviour_.stop_aw,
                    seen_.aw);
        offer_ready(top_.p_m__axi__wready, low(top_.p_m__axi__wvalid), behaviour_.stall_w, behaviour_.stop_w, seen_.w);
        if (!low(top_.p_m__axi__rvalid)) offer_beat();
        if (!low(top_.p_m__axi__bvalid)) offer_response();
    }

private:
    static constexpr uint32_t OKAY = 0, DECERR = 3;

    struct Read {
        uint64_t start, addr;
        unsigned beats, rest;  // beats to come; those of a whole burst behind RLAST
        uint64_t due;
    };
    struct Write {
        uint64_t start, addr;
        unsigned beats;
    };
    struct Data {
        std::vector<uint8_t> bytes;
        std::vector<bool> strobes;
    };
    struct Response {
        uint64_t start;
        uint32_t code;
        uint64_t due;
    };

    template <size_t Bits>
    void offer_ready(cxxrtl::value<Bits> &ready, bool valid, double stall, int64_t stop, int64_t transfers) {
        // That valid was high in the cycle before, with ready low, says that it is high in the next.
        bool asked = !behaviour_.ready_after_valid || (valid && !low(ready));
        drive(ready, asked && !reached(stop, transfers) && !random_.chance(stall));
    }

    static bool reached(int64_t ordinal, int64_t transfers) { return ordinal >= 0 && transfers >= ordinal; }

    void accept_read() {
        cycle_++;
        if (!(low(top_.p_m__axi__arvalid) && low(top_.p_m__axi__arready))) return;
        uint64_t addr = low(top_.p_m__axi__araddr);
        unsigned beats = low(top_.p_m__axi__arlen) + 1;
        Read read{addr, addr, beats, 0, cycle_ + between(behaviour_.least_read_latency, behaviour_.most_read_latency)};
        if (beats > 1 && reached(behaviour_.early_last, seen_.ar)) {
            read.rest = unsigned(random_.between(1, beats - 1));
            behaviour_.early_last = -1;
            seen_.spoiled = int64_t(addr);
        }
        if (reached(behaviour_.missing_last, seen_.ar)) {
            read.rest = beats;
            behaviour_.missing_last = -1;
            seen_.spoiled = int64_t(addr);
        }
        reads_.push_back(read);
        seen_.ar++;
    }

    void accept_beat() {
        if (!(low(top_.p_m__axi__rvalid) && low(top_.p_m__axi__rready))) return;
        drive(top_.p_m__axi__rvalid, 0);
        seen_.r++;
        Read &read = reads_.front();
        read.addr += bus_bytes();
        read.beats--;
        // A burst that ends early is over for this memory.
        if (!read.beats || low(top_.p_m__axi__rlast)) reads_.pop_front();
    }

    void offer_beat() {
        random_.fill(top_.p_m__axi__rdata);
        drive(top_.p_m__axi__rresp, uint32_t(random_.between(0, 3)));
        drive(top_.p_m__axi__rlast, uint32_t(random_.between(0, 1)));
        if (reads_.empty() || reads_.front().due > cycle_ || reached(behaviour_.stop_r, seen_.r)) return;
        if (random_.chance(behaviour_.stall_r)) return;
        const Read &read = reads_.front();
        uint32_t response = inside(read.addr) ? OKAY : DECERR;
        if (behaviour_.fault_r == seen_.r) {
            response = uint32_t(behaviour_.fault_response);
            behaviour_.fault_r = -1;
            seen_.spoiled = int64_t(read.start);
        }
        drive(top_.p_m__axi__rvalid, 1);
        drive(top_.p_m__axi__rresp, response);
        drive(top_.p_m__axi__rlast, read.beats == read.rest + 1);
        if (response == OKAY) std::memcpy(top_.p_m__axi__rdata.data, bytes_ + read.addr, bus_bytes());
    }

    void accept_write() {
        if (!(low(top_.p_m__axi__awvalid) && low(top_.p_m__axi__awready))) return;
        uint64_t addr = low(top_.p_m__axi__awaddr);
        writes_.push_back({addr, addr, low(top_.p_m__axi__awlen) + 1});
        seen_.aw++;
    }

    // Data may come before its address.
    void accept_data() {
        if (!(low(top_.p_m__axi__wvalid) && low(top_.p_m__axi__wready))) return;
        const auto *from = reinterpret_cast<const uint8_t *>(top_.p_m__axi__wdata.data);
        Data data{{from, from + bus_bytes()}, std::vector<bool>(bus_bytes())};
        for (size_t i = 0; i < bus_bytes(); i++) data.strobes[i] = bit(top_.p_m__axi__wstrb, i);
        data_.push_back(std::move(data));
        seen_.w++;
    }

    void store() {
        while (!writes_.empty() && !data_.empty()) {
            Write &write = writes_.front();
            uint32_t response = inside(write.addr) ? OKAY : DECERR;
            if (response == OKAY)
                for (size_t i = 0; i < bus_bytes(); i++)
                    if (data_.front().strobes[i]) bytes_[write.addr + i] = data_.front().bytes[i];
            worst_ = std::max(worst_, response);
            data_.pop_front();
            write.addr += bus_bytes();
            if (--write.beats) continue;
            responses_.push_back({write.start, worst_,
                                  cycle_ + between(behaviour_.least_write_latency, behaviour_.most_write_latency)});
            worst_ = OKAY;
            writes_.pop_front();
        }
    }

    void accept_response() {
        if (!(low(top_.p_m__axi__bvalid) && low(top_.p_m__axi__bready))) return;
        drive(top_.p_m__axi__bvalid, 0);
        responses_.pop_front();
        seen_.b++;
    }

    void offer_response() {
        drive(top_.p_m__axi__bresp, uint32_t(random_.between(0, 3)));
        if (responses_.empty() || responses_.front().due > cycle_ || reached(behaviour_.stop_b, seen_.b)) return;
        if (random_.chance(behaviour_.stall_b)) return;
        Response &response = responses_.front();
        if (behaviour_.fault_b == seen_.b) {
            response.code = uint32_t(behaviour_.fault_response);
            behaviour_.fault_b = -1;
            seen_.spoiled = int64_t(response.start);
        }
        drive(top_.p_m__axi__bvalid, 1);
        drive(top_.p_m__axi__bresp, response.code);
    }

    bool inside(uint64_t addr) const { return addr + bus_bytes() <= size_; }
    size_t bus_bytes() const { return bytes_of(top_.p_m__axi__rdata); }
    uint64_t between(int64_t low, int64_t high) { return random_.between(uint64_t(low), uint64_t(high)); }

    Design &top_;
    Random &random_;
    Behaviour behaviour_{};
    Seen seen_{};
    uint8_t *bytes_ = nullptr;
    uint64_t size_ = 0, cycle_ = 0;
    std::deque<Read> reads_;
    std::deque<Write> writes_;
    std::deque<Data> data_;
    std::deque<Response> responses_;
    uint32_t worst_ = OKAY;
};

#endif
