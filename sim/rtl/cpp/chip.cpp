// One simulated chip with its memory, behind a C interface for ctypes.
//
// The design is flat and has one clock: see settle(). Inputs are functions of the state of memory and host, as if they
// came out of registers.

#include "axi_memory.h"
#include "ports.h"
#include "register_host.h"
#ifdef PROBES
#include "recorder.h"
#endif
#ifdef TRACE
#include "tracer.h"
#endif

#include <chrono>
#include <cstdint>
#include <memory>

namespace {

constexpr unsigned RESET_CYCLES = 4;
constexpr unsigned CYCLES_PER_GLANCE = 256;  // at the clock on the wall
constexpr std::chrono::milliseconds MOMENT{50};

class Chip {
public:
    explicit Chip(const MemorySettings &settings) : memory_(top_, settings), host_(top_) {
        drive(top_.p_clk, 1);
        drive(top_.p_rst, 1);
        for (unsigned i = 0; i < RESET_CYCLES; i++) tick();
        drive(top_.p_rst, 0);
    }

    void attach(uint8_t *bytes, uint64_t size) { memory_.attach(bytes, size); }

    uint64_t cycles() const { return cycle_; }

    // Run for so many cycles, at most until irq is high or a moment has passed; return how many are left then.
    uint64_t advance(uint64_t cycles) {
        auto end = std::chrono::steady_clock::now() + MOMENT;
        while (cycles && !irq_) {
            for (unsigned i = 0; i < CYCLES_PER_GLANCE && cycles && !irq_; i++, cycles--) tick();
            if (std::chrono::steady_clock::now() >= end) break;
        }
        return irq_ ? 0 : cycles;
    }

    bool read_register(uint32_t addr, uint32_t &value) {
        return host_.read(addr, value, [this] { evaluate(); }, [this] { edge(); });
    }

    bool write_register(uint32_t addr, uint32_t value) {
        return host_.write(addr, value, [this] { evaluate(); }, [this] { edge(); });
    }

#ifdef PROBES
    Recorder &recorder() { return recorder_; }
#endif

#ifdef TRACE
    bool trace(const char *path, uint64_t start, uint64_t stop) {
        tracer_.reset(new Tracer(top_, path, cycle_, start, stop));
        return tracer_->opened();
    }

    void end_trace() { tracer_.reset(); }
#endif

private:
    void tick() {
        evaluate();
        edge();
    }

    // Settle this cycle and note what happens in it.
    void evaluate() {
        settle(top_);
        irq_ = low(top_.p_irq);
#ifdef TRACE
        if (tracer_) tracer_->sample(cycle_);
#endif
#ifdef PROBES
        recorder_.sample(top_, cycle_);
#endif
        memory_.accept(cycle_);
    }

    // Go to the next cycle with new inputs.
    void edge() {
        top_.commit();
        cycle_++;
        memory_.offer(cycle_);
    }

    Design top_;
    AxiMemory memory_;
    RegisterHost host_;
    uint64_t cycle_ = 0;
    bool irq_ = false;
#ifdef PROBES
    Recorder recorder_;
#endif
#ifdef TRACE
    std::unique_ptr<Tracer> tracer_;
#endif
};

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

Chip *chip_new(const MemorySettings *settings) { return new Chip(*settings); }
void chip_free(Chip *chip) { delete chip; }
void chip_attach(Chip *chip, uint8_t *memory, uint64_t size) { chip->attach(memory, size); }
uint64_t chip_cycles(const Chip *chip) { return chip->cycles(); }
uint64_t chip_advance(Chip *chip, uint64_t cycles) { return chip->advance(cycles); }
bool chip_read(Chip *chip, uint32_t addr, uint32_t *value) { return chip->read_register(addr, *value); }
bool chip_write(Chip *chip, uint32_t addr, uint32_t value) { return chip->write_register(addr, value); }
#ifdef PROBES
void chip_record(Chip *chip) { chip->recorder().begin(); }
uint64_t chip_recorded(Chip *chip) { return chip->recorder().changes().size(); }
const uint64_t *chip_changes(Chip *chip) { return chip->recorder().changes().data(); }
#endif
#ifdef TRACE
bool chip_trace(Chip *chip, const char *path, uint64_t start, uint64_t stop) { return chip->trace(path, start, stop); }
void chip_end_trace(Chip *chip) { chip->end_trace(); }
#endif
}
#pragma GCC visibility pop
