// The rules of AXI4 and AXI4-Lite that a chip must keep in every cycle, whatever happens at the other ends.

#ifndef SYSTOLM_HOSTILE_AXI_CHECKER_H
#define SYSTOLM_HOSTILE_AXI_CHECKER_H

#include "ports.h"

#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <string>

// Broken rules with the first cycle and how often.
class Violations {
public:
    void add(const std::string &rule, uint64_t cycle) { counts_.emplace(rule, Count{cycle, 0}).first->second.times++; }

    // One line for each rule; forgets them.
    std::string take() {
        std::string text;
        for (const auto &[rule, count] : counts_)
            text += rule + " (" + std::to_string(count.times) + " times, first in cycle " + std::to_string(count.first) + ")\n";
        counts_.clear();
        return text;
    }

private:
    struct Count {
        uint64_t first, times;
    };
    std::map<std::string, Count> counts_;
};

// A channel on which the chip sends: what it offers stays as it is until it is taken.
class Offered {
public:
    explicit Offered(std::string name) : name_(std::move(name)) {}

    template <class... Values>
    void check(Violations &violations, uint64_t cycle, bool valid, bool ready, const Values &...payload) {
        uint8_t now[sizeof before_] = {};
        size_t end = 0;
        auto append = [&](const auto &value) {
            std::memcpy(now + end, value.data, sizeof value.data);
            end += sizeof value.data;
        };
        if (valid) (append(payload), ...);
        if (waiting_ && !valid) violations.add(name_ + " is withdrawn before it is taken", cycle);
        if (waiting_ && valid && std::memcmp(now, before_, end))
            violations.add(name_ + " changes before it is taken", cycle);
        waiting_ = valid && !ready;
        std::memcpy(before_, now, end);
    }

private:
    std::string name_;
    bool waiting_ = false;
    uint8_t before_[256] = {};
};

class AxiChecker {
public:
    // Look at the settled signals of a cycle.
    void check(const Design &top, uint64_t cycle) {
        cycle_ = cycle;
        check_reads(top);
        check_writes(top);
        check_registers(top);
    }

    std::string violations() { return violations_.take(); }

private:
    void check_reads(const Design &top) {
        bool valid = low(top.p_m__axi__arvalid);
        ar_.check(violations_, cycle_, valid, low(top.p_m__axi__arready), top.p_m__axi__araddr, top.p_m__axi__arlen,
                  top.p_m__axi__arsize, top.p_m__axi__arburst, top.p_m__axi__arid);
        if (valid)
            check_burst("AR", bytes_of(top.p_m__axi__rdata), low(top.p_m__axi__araddr), low(top.p_m__axi__arlen),
                        low(top.p_m__axi__arsize), low(top.p_m__axi__arburst), low(top.p_m__axi__arid));
    }

    void check_writes(const Design &top) {
        bool addressed = low(top.p_m__axi__awvalid), written = low(top.p_m__axi__wvalid);
        aw_.check(violations_, cycle_, addressed, low(top.p_m__axi__awready), top.p_m__axi__awaddr, top.p_m__axi__awlen,
                  top.p_m__axi__awsize, top.p_m__axi__awburst, top.p_m__axi__awid);
        w_.check(violations_, cycle_, written, low(top.p_m__axi__wready), top.p_m__axi__wdata, top.p_m__axi__wstrb,
                 top.p_m__axi__wlast);
        if (addressed)
            check_burst("AW", bytes_of(top.p_m__axi__wdata), low(top.p_m__axi__awaddr), low(top.p_m__axi__awlen),
                        low(top.p_m__axi__awsize), low(top.p_m__axi__awburst), low(top.p_m__axi__awid));
        if (addressed && low(top.p_m__axi__awready)) announced_.push_back(low(top.p_m__axi__awlen) + 1);
        if (written && low(top.p_m__axi__wready)) {
            beats_++;
            if (low(top.p_m__axi__wlast)) {
                finished_.push_back(beats_);
                beats_ = 0;
            }
        }
        // Data may come before its address.
        for (; !announced_.empty() && !finished_.empty(); announced_.pop_front(), finished_.pop_front())
            rule(announced_.front() == finished_.front(), "WLAST", " comes with a burst's last beat and only with it");
        rule(announced_.empty() || beats_ < announced_.front(), "WLAST", " comes with a burst's last beat");
    }

    void check_burst(const char *channel, size_t bus_bytes, uint64_t addr, uint64_t len, uint64_t size,
                     uint64_t burst, uint64_t id) {
        uint64_t last = addr + (len + 1) * bus_bytes - 1;
        rule(uint64_t(1) << size == bus_bytes, channel, "SIZE is the width of the bus");
        rule(burst == 1, channel, "BURST is INCR");
        rule(addr % bus_bytes == 0, channel, "ADDR is a multiple of the bus's width");
        rule(addr / 4096 == last / 4096, channel, " stays within 4 KiB");
        rule(id == 0, channel, "ID is zero");
    }

    // AXI4-Lite, as the registers' contract has it: every access is answered once, OKAY.
    void check_registers(const Design &top) {
        bool read = low(top.p_s__axil__rvalid), written = low(top.p_s__axil__bvalid);
        bool reads_on = low(top.p_s__axil__rready), writes_on = low(top.p_s__axil__bready);
        r_.check(violations_, cycle_, read, reads_on, top.p_s__axil__rdata, top.p_s__axil__rresp);
        b_.check(violations_, cycle_, written, writes_on, top.p_s__axil__bresp);
        rule(!read || (reads_asked_ && low(top.p_s__axil__rresp) == 0), "registers", " answer a read, once, OKAY");
        rule(!written || (addresses_ && data_ && low(top.p_s__axil__bresp) == 0), "registers",
             " answer a write, once, OKAY");
        reads_asked_ -= read && reads_on && reads_asked_;
        addresses_ -= written && writes_on && addresses_;
        data_ -= written && writes_on && data_;
        reads_asked_ += low(top.p_s__axil__arvalid) && low(top.p_s__axil__arready);
        addresses_ += low(top.p_s__axil__awvalid) && low(top.p_s__axil__awready);
        data_ += low(top.p_s__axil__wvalid) && low(top.p_s__axil__wready);
    }

    void rule(bool kept, const char *subject, const char *promise) {
        if (!kept) violations_.add(std::string("not kept: ") + subject + promise, cycle_);
    }

    Violations violations_;
    uint64_t cycle_ = 0;
    Offered ar_{"AR"}, aw_{"AW"}, w_{"W"}, r_{"the registers' R"}, b_{"the registers' B"};
    std::deque<unsigned> announced_, finished_;
    unsigned beats_ = 0;
    unsigned reads_asked_ = 0, addresses_ = 0, data_ = 0;
};

#endif
