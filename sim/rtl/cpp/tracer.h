// Writes a window of cycles to a VCD file.

#ifndef SYSTOLM_TRACER_H
#define SYSTOLM_TRACER_H

#include "ports.h"

#include <algorithm>
#include <cstdint>
#include <cxxrtl/cxxrtl_vcd.h>
#include <fstream>
#include <string>

// Cycles of the window count from `origin`.
class Tracer {
public:
    Tracer(Design &top, const char *path, uint64_t origin, uint64_t start, uint64_t stop)
        : top_(top), file_(path), origin_(origin), start_(start), stop_(stop) {
        cxxrtl::debug_items items;
        top.debug_info(&items, nullptr, "");
        writer_.timescale(1, "ns");
        writer_.add(items, [](const std::string &name, const cxxrtl::debug_item &item) {
            // Ports of the chip and signals of the blocks right below it.
            return item.type != cxxrtl::debug_item::MEMORY && std::count(name.begin(), name.end(), ' ') <= 1;
        });
    }

    bool opened() const { return bool(file_); }

    // A cycle lasts two steps; its signals change with the rising edge with which it begins.
    void sample(uint64_t cycle) {
        cycle -= origin_;
        if (cycle < start_ || cycle >= stop_) return;
        writer_.sample(2 * cycle);
        drive(top_.p_clk, 0);
        writer_.sample(2 * cycle + 1);
        drive(top_.p_clk, 1);
        file_ << writer_.buffer;
        writer_.buffer.clear();
    }

private:
    Design &top_;
    std::ofstream file_;
    uint64_t origin_, start_, stop_;
    cxxrtl::vcd_writer writer_;
};

#endif
