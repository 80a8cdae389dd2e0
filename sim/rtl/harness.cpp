// One simulated chip with its memory, behind a C interface for ctypes.
//
// The design is flat and has one clock, so a single eval() settles every signal of a cycle and computes the next state;
// commit() then is the clock edge. The clock input stays high, and forgetting its previous value makes each eval() see
// an edge. Inputs are functions of the harness's own state, as if they came out of registers.

#include "design.h"
#include "ports.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>
#ifdef TRACE
#include <cxxrtl/cxxrtl_vcd.h>
#include <fstream>
#include <memory>
#endif

namespace {

using Design = cxxrtl_design::p_systolm;

constexpr uint32_t RESPONSE_OKAY = 0, RESPONSE_SLVERR = 2;
constexpr unsigned RESET_CYCLES = 4;
constexpr unsigned REGISTER_TIMEOUT = 1000;
constexpr unsigned CYCLES_PER_GLANCE = 256;  // at the clock on the wall
constexpr std::chrono::milliseconds MOMENT{50};

}  // namespace

// Mirrors the structure Settings of chip.py.
struct Settings {
    uint64_t latency, write_latency;
    double bytes_per_cycle;
    double stall_probability;
    uint64_t seed;
    uint64_t faults_start, faults_stop;
    uint64_t dead_start, dead_stop;
};

namespace {

// Reproducible stalls: xorshift64*.
class Stalls {
public:
    Stalls(double probability, uint64_t seed)
        : threshold_(uint32_t(probability * 4294967296.0)), state_(seed * 2 + 1) {}

    bool operator()() {
        if (!threshold_) return false;
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return uint32_t((state_ * 0x2545F4914F6CDD1DULL) >> 32) < threshold_;
    }

private:
    uint32_t threshold_;
    uint64_t state_;
};

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

struct Burst {
    uint64_t addr;
    unsigned beats;
    uint64_t due;
};

struct Response {
    uint32_t code;
    uint64_t due;
};

#ifdef TRACE
// Writes a window of cycles to a VCD file; cycles count from `origin`.
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

class Chip {
public:
    explicit Chip(const Settings &settings)
        : settings_(settings),
          stalls_(settings.stall_probability, settings.seed),
          read_bandwidth_(settings.bytes_per_cycle, beat_bytes()),
          write_bandwidth_(settings.bytes_per_cycle, beat_bytes()) {
        drive(top_.p_clk, 1);
        drive(top_.p_rst, 1);
        for (unsigned i = 0; i < RESET_CYCLES; i++) tick();
        drive(top_.p_rst, 0);
    }

    void attach(uint8_t *memory, uint64_t size) {
        memory_ = memory;
        size_ = size;
    }

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
        drive(top_.p_s__axil__araddr, addr);
        drive(top_.p_s__axil__arvalid, 1);
        drive(top_.p_s__axil__rready, 1);
        for (unsigned i = 0; i < REGISTER_TIMEOUT; i++) {
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

    bool write_register(uint32_t addr, uint32_t value) {
        drive(top_.p_s__axil__awaddr, addr);
        drive(top_.p_s__axil__awvalid, 1);
        drive(top_.p_s__axil__wdata, value);
        drive(top_.p_s__axil__wstrb, 15);
        drive(top_.p_s__axil__wvalid, 1);
        drive(top_.p_s__axil__bready, 1);
        for (unsigned i = 0; i < REGISTER_TIMEOUT; i++) {
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

#ifdef PROBES
    // Every change of what the engines do from now on: the cycle in the high 40 bits, the activity in the low 24.
    void record() {
        record_.clear();
        activity_ = 0;
    }
    const std::vector<uint64_t> &recorded() const { return record_; }
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

    // Settle this cycle and note what is transferred in it.
    void evaluate() {
        drive(top_.prev_p_clk, 0);
        top_.eval();
        irq_ = low(top_.p_irq);
#ifdef TRACE
        if (tracer_) tracer_->sample(cycle_);
#endif
#ifdef PROBES
        uint32_t now = activity();
        if (now != activity_) record_.push_back(cycle_ << 24 | now);
        activity_ = now;
#endif
        accept_read();
        accept_write();
    }

    // Go to the next cycle with new inputs.
    void edge() {
        top_.commit();
        cycle_++;
        offer_read();
        offer_write();
    }

#ifdef PROBES
    // Mirrors the fields of activity.py.
    uint32_t activity() const {
        uint32_t word = 0;
        unsigned place = 0;
        auto add = [&](uint32_t bits, unsigned width) {
            word |= bits << place;
            place += width;
        };
        add(low(top_.p_probe__enable), 1);
        add(low(top_.p_probe__array), 4);
        add(low(top_.p_probe__array__lacks), 3);
        add(low(top_.p_probe__post), 4);
        add(low(top_.p_probe__post__lacks), 3);
        add(low(top_.p_probe__load__busy), 1);
        add(low(top_.p_probe__weight__beat), 1);
        add(low(top_.p_probe__load__valid) & low(top_.p_probe__load__ready), 1);
        add(low(top_.p_probe__array__valid) & low(top_.p_probe__array__ready), 1);
        add(low(top_.p_probe__post__valid) & low(top_.p_probe__post__ready), 1);
        add(low(top_.p_probe__load__done), 1);
        add(low(top_.p_probe__array__done), 1);
        add(low(top_.p_probe__post__done), 1);
        return word;
    }
#endif

    void accept_read() {
        if (low(top_.p_m__axi__rvalid) && low(top_.p_m__axi__rready)) {
            drive(top_.p_m__axi__rvalid, 0);
            Burst &burst = reads_.front();
            burst.addr += beat_bytes();
            if (!--burst.beats) reads_.pop_front();
        }
        if (low(top_.p_m__axi__arvalid) && low(top_.p_m__axi__arready)) {
            Burst burst{low(top_.p_m__axi__araddr), low(top_.p_m__axi__arlen) + 1, cycle_ + settings_.latency};
            if (!dead(burst)) reads_.push_back(burst);
        }
    }

    void offer_read() {
        drive(top_.p_m__axi__arready, !stalls_());
        read_bandwidth_.tick();
        if (low(top_.p_m__axi__rvalid) || reads_.empty()) return;
        const Burst &burst = reads_.front();
        if (burst.due > cycle_ || !read_bandwidth_.affords() || stalls_()) return;
        read_bandwidth_.spend();
        uint32_t response = response_of(burst.addr);
        drive(top_.p_m__axi__rvalid, 1);
        drive(top_.p_m__axi__rresp, response);
        drive(top_.p_m__axi__rlast, burst.beats == 1);
        if (response == RESPONSE_OKAY) std::memcpy(top_.p_m__axi__rdata.data, memory_ + burst.addr, beat_bytes());
    }

    void accept_write() {
        if (low(top_.p_m__axi__bvalid) && low(top_.p_m__axi__bready)) {
            drive(top_.p_m__axi__bvalid, 0);
            responses_.pop_front();
        }
        if (low(top_.p_m__axi__wvalid) && low(top_.p_m__axi__wready)) {
            Burst &burst = writes_.front();
            uint32_t response = response_of(burst.addr);
            worst_ = std::max(worst_, response);
            if (response == RESPONSE_OKAY) store(memory_ + burst.addr);
            burst.addr += beat_bytes();
            if (!--burst.beats) {
                if (burst.due) responses_.push_back({worst_, cycle_ + settings_.write_latency});
                worst_ = RESPONSE_OKAY;
                writes_.pop_front();
            }
        }
        if (low(top_.p_m__axi__awvalid) && low(top_.p_m__axi__awready)) {
            Burst burst{low(top_.p_m__axi__awaddr), low(top_.p_m__axi__awlen) + 1, 1};
            burst.due = !dead(burst);  // 0: no response
            writes_.push_back(burst);
        }
    }

    void offer_write() {
        drive(top_.p_m__axi__awready, !stalls_());
        write_bandwidth_.tick();
        bool ready = !writes_.empty() && write_bandwidth_.affords() && !stalls_();
        if (ready) write_bandwidth_.spend();
        drive(top_.p_m__axi__wready, ready);
        if (low(top_.p_m__axi__bvalid) || responses_.empty()) return;
        const Response &response = responses_.front();
        if (response.due > cycle_ || stalls_()) return;
        drive(top_.p_m__axi__bvalid, 1);
        drive(top_.p_m__axi__bresp, response.code);
    }

    void store(uint8_t *to) {
        const auto *from = reinterpret_cast<const uint8_t *>(top_.p_m__axi__wdata.data);
        for (size_t i = 0; i < beat_bytes(); i++)
            if (bit(top_.p_m__axi__wstrb, i)) to[i] = from[i];
    }

    bool dead(const Burst &burst) const {
        return burst.addr < settings_.dead_stop && burst.addr + burst.beats * beat_bytes() > settings_.dead_start;
    }

    uint32_t response_of(uint64_t addr) const {
        bool faulty = addr < settings_.faults_stop && addr + beat_bytes() > settings_.faults_start;
        return faulty || addr + beat_bytes() > size_ ? RESPONSE_SLVERR : RESPONSE_OKAY;
    }

    size_t beat_bytes() const { return bytes_of(top_.p_m__axi__rdata); }

    Design top_;
    Settings settings_;
    Stalls stalls_;
    Bandwidth read_bandwidth_, write_bandwidth_;
    uint8_t *memory_ = nullptr;
    uint64_t size_ = 0;
    uint64_t cycle_ = 0;
    bool irq_ = false;
    std::deque<Burst> reads_, writes_;
    std::deque<Response> responses_;
    uint32_t worst_ = RESPONSE_OKAY;
#ifdef PROBES
    std::vector<uint64_t> record_;
    uint32_t activity_ = 0;
#endif
#ifdef TRACE
    std::unique_ptr<Tracer> tracer_;
#endif
};

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

Chip *chip_new(const Settings *settings) { return new Chip(*settings); }
void chip_free(Chip *chip) { delete chip; }
void chip_attach(Chip *chip, uint8_t *memory, uint64_t size) { chip->attach(memory, size); }
uint64_t chip_cycles(const Chip *chip) { return chip->cycles(); }
uint64_t chip_advance(Chip *chip, uint64_t cycles) { return chip->advance(cycles); }
bool chip_read(Chip *chip, uint32_t addr, uint32_t *value) { return chip->read_register(addr, *value); }
bool chip_write(Chip *chip, uint32_t addr, uint32_t value) { return chip->write_register(addr, value); }
#ifdef PROBES
void chip_record(Chip *chip) { chip->record(); }
uint64_t chip_recorded(const Chip *chip) { return chip->recorded().size(); }
const uint64_t *chip_changes(const Chip *chip) { return chip->recorded().data(); }
#endif
#ifdef TRACE
bool chip_trace(Chip *chip, const char *path, uint64_t start, uint64_t stop) { return chip->trace(path, start, stop); }
void chip_end_trace(Chip *chip) { chip->end_trace(); }
#endif
}
#pragma GCC visibility pop
