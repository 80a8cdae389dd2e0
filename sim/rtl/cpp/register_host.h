// A host at the chip's registers that never makes the chip wait.

#ifndef SYSTOLM_REGISTER_HOST_H
#define SYSTOLM_REGISTER_HOST_H

#include "ports.h"

#include <cstdint>

class RegisterHost {
public:
    explicit RegisterHost(Design &top) : top_(top) {}

    // Returns whether the read was answered. `evaluate` settles a cycle, `edge` ends it.
    template <class Evaluate, class Edge>
    bool read(uint32_t addr, uint32_t &value, Evaluate evaluate, Edge edge) {
        drive(top_.p_s__axil__araddr, addr);
        drive(top_.p_s__axil__arvalid, 1);
        drive(top_.p_s__axil__rready, 1);
        for (unsigned i = 0; i < TIMEOUT; i++) {
            evaluate();
            bool accepted = low(top_.p_s__axil__arready), answered = low(top_.p_s__axil__rvalid);
            value = low(top_.p_s__axil__rdata);
            edge();
            if (accepted) drive(top_.p_s__axil__arvalid, 0);
            if (answered) {
                drive(top_.p_s__axil__rready, 0);
                return true;
            }
        }
        return false;
    }

    // The same for a write.
    template <class Evaluate, class Edge>
    bool write(uint32_t addr, uint32_t value, Evaluate evaluate, Edge edge) {
        drive(top_.p_s__axil__awaddr, addr);
        drive(top_.p_s__axil__awvalid, 1);
        drive(top_.p_s__axil__wdata, value);
        drive(top_.p_s__axil__wstrb, 15);
        drive(top_.p_s__axil__wvalid, 1);
        drive(top_.p_s__axil__bready, 1);
        for (unsigned i = 0; i < TIMEOUT; i++) {
            evaluate();
            bool addressed = low(top_.p_s__axil__awready), written = low(top_.p_s__axil__wready);
            bool answered = low(top_.p_s__axil__bvalid);
            edge();
            if (addressed) drive(top_.p_s__axil__awvalid, 0);
            if (written) drive(top_.p_s__axil__wvalid, 0);
            if (answered) {
                drive(top_.p_s__axil__bready, 0);
                return true;
            }
        }
        return false;
    }

private:
    static constexpr unsigned TIMEOUT = 1000;

    Design &top_;
};

#endif
