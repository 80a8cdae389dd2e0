// The compiled design between a hostile memory, a host that takes its time, and a checker of both buses; behind a C
// interface for ctypes.

#include "axi_checker.h"
#include "memory.h"
#include "ports.h"
#include "random.h"

#include <cstdint>
#include <string>

namespace {

constexpr unsigned RESET_CYCLES = 4;
constexpr unsigned REGISTER_TIMEOUT = 2000;

class Chip {
public:
    explicit Chip(uint64_t seed) : random_(seed), memory_(top_, random_) {
        drive(top_.p_clk, 1);
        hard_reset();
    }

    void hard_reset() {
        drive(top_.p_rst, 1);
        for (unsigned i = 0; i < RESET_CYCLES; i++) {
            settle(top_);
            top_.commit();
        }
        drive(top_.p_rst, 0);
    }

    Memory &memory() { return memory_; }
    uint64_t cycles() const { return cycle_; }
    bool irq() const { return irq_; }

    void behave(const Behaviour &behaviour) {
        stall_ = behaviour.stall_host;
        memory_.behave(behaviour);
    }

    const char *violations() {
        text_ = checker_.violations();
        return text_.c_str();
    }

    // Run for so many cycles, or until irq is high if that is wanted.
    void advance(uint64_t cycles, bool until_irq) {
        for (; cycles && !(until_irq && irq_); cycles--) tick();
    }

    bool read_register(uint32_t addr, uint32_t &value) {
        bool asked = false;
        for (unsigned i = 0; i < REGISTER_TIMEOUT; i++) {
            offer(top_.p_s__axil__arvalid, top_.p_s__axil__araddr, addr, asked);
            drive(top_.p_s__axil__rready, !random_.chance(stall_));
            evaluate();
            asked |= low(top_.p_s__axil__arvalid) && low(top_.p_s__axil__arready);
            bool answered = low(top_.p_s__axil__rvalid) && low(top_.p_s__axil__rready);
            value = low(top_.p_s__axil__rdata);
            edge();
            if (answered) return rest();
        }
        return false;
    }

    // Address and data come when they like.
    bool write_register(uint32_t addr, uint32_t value, uint32_t strobes) {
        bool addressed = false, written = false;
        for (unsigned i = 0; i < REGISTER_TIMEOUT; i++) {
            offer(top_.p_s__axil__awvalid, top_.p_s__axil__awaddr, addr, addressed);
            offer(top_.p_s__axil__wvalid, top_.p_s__axil__wdata, value, written);
            drive(top_.p_s__axil__wstrb, low(top_.p_s__axil__wvalid) ? strobes : uint32_t(random_.between(0, 15)));
            drive(top_.p_s__axil__bready, !random_.chance(stall_));
            evaluate();
            addressed |= low(top_.p_s__axil__awvalid) && low(top_.p_s__axil__awready);
            written |= low(top_.p_s__axil__wvalid) && low(top_.p_s__axil__wready);
            bool answered = low(top_.p_s__axil__bvalid) && low(top_.p_s__axil__bready);
            edge();
            if (answered) return rest();
        }
        return false;
    }

private:
    void tick() {
        evaluate();
        edge();
    }

    void evaluate() {
        settle(top_);
        irq_ = low(top_.p_irq);
        checker_.check(top_, cycle_);
        memory_.accept();
    }

    void edge() {
        top_.commit();
        cycle_++;
        memory_.offer();
    }

    // A channel of the host: valid at some time, then for as long as it is not taken.
    template <size_t Bits>
    void offer(cxxrtl::value<1> &valid, cxxrtl::value<Bits> &payload, uint32_t value, bool taken) {
        bool offered = !taken && (low(valid) || !random_.chance(stall_));
        drive(valid, offered);
        drive(payload, offered ? value : uint32_t(random_.between(0, (uint64_t(1) << Bits) - 1)));
    }

    bool rest() {
        drive(top_.p_s__axil__arvalid, 0);
        drive(top_.p_s__axil__awvalid, 0);
        drive(top_.p_s__axil__wvalid, 0);
        drive(top_.p_s__axil__rready, 0);
        drive(top_.p_s__axil__bready, 0);
        return true;
    }

    Design top_;
    Random random_;
    Memory memory_;
    AxiChecker checker_;
    uint64_t cycle_ = 0;
    double stall_ = 0;
    bool irq_ = false;
    std::string text_;
};

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

Chip *chip_new(uint64_t seed) { return new Chip(seed); }
void chip_free(Chip *chip) { delete chip; }
void chip_attach(Chip *chip, uint8_t *bytes, uint64_t size) { chip->memory().attach(bytes, size); }
void chip_behave(Chip *chip, const Behaviour *behaviour) { chip->behave(*behaviour); }
uint64_t chip_cycles(const Chip *chip) { return chip->cycles(); }
bool chip_irq(const Chip *chip) { return chip->irq(); }
void chip_advance(Chip *chip, uint64_t cycles, bool until_irq) { chip->advance(cycles, until_irq); }
bool chip_read(Chip *chip, uint32_t addr, uint32_t *value) { return chip->read_register(addr, *value); }
bool chip_write(Chip *chip, uint32_t addr, uint32_t value, uint32_t strobes) {
    return chip->write_register(addr, value, strobes);
}
const char *chip_violations(Chip *chip) { return chip->violations(); }
void chip_seen(Chip *chip, Seen *seen) { *seen = chip->memory().seen(); }
uint64_t chip_awaited(Chip *chip, uint64_t *starts, uint64_t most) {
    auto all = chip->memory().awaited();
    std::copy_n(all.begin(), std::min<uint64_t>(all.size(), most), starts);
    return all.size();
}
}
#pragma GCC visibility pop
