// What the C++ that Yosys's write_cxxrtl makes of a flat design with one clock needs, without its debug interface.
//
// It stands in for the runtime of the same name that comes with Yosys. There, every value is an array of 32-bit chunks;
// here, one of at most 64 bits is a machine word, so that compilers see plain arithmetic: they take a fraction of the
// time, and the result is faster. Bits at or beyond a value's width are always zero.

#ifndef SYSTOLM_CXXRTL_H
#define SYSTOLM_CXXRTL_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#define INLINE inline __attribute__((always_inline))
#define CXXRTL_ASSERT(condition)

namespace cxxrtl {

constexpr size_t WORD = 64;

INLINE constexpr uint64_t mask(size_t bits) { return bits >= WORD ? ~uint64_t(0) : (uint64_t(1) << bits) - 1; }

INLINE constexpr uint64_t sign_extend(uint64_t word, size_t bits) {
    return uint64_t(int64_t(word << (WORD - bits)) >> (WORD - bits));
}

template <size_t Bits>
struct value;

template <class High, class Low>
struct places_of;

// Part of a value that can be assigned to.
template <size_t Bits, size_t Stop, size_t Start>
struct slice_of {
    static constexpr size_t bits = Stop - Start + 1;
    value<Bits> &whole;

    INLINE value<bits> val() const { return whole.template extract<Start, bits>(); }
    INLINE void operator=(const value<bits> &part) { whole.template insert<Start>(part); }
    template <size_t Count>
    INLINE auto repeat() const { return val().template repeat<Count>(); }
    template <size_t B, size_t T, size_t A>
    INLINE auto concat(const slice_of<B, T, A> &low) const {
        return places_of<slice_of, slice_of<B, T, A>>{*this, low};
    }
    template <class Low>
    INLINE auto concat(const Low &low) const { return val().concat(low); }
};

// Parts of values side by side that can be assigned to.
template <class High, class Low>
struct places_of {
    static constexpr size_t bits = High::bits + Low::bits;
    High high;
    Low low;

    INLINE value<bits> val() const { return high.val().concat(low.val()).val(); }
    INLINE void operator=(const value<bits> &parts) {
        low = parts.template extract<0, Low::bits>();
        high = parts.template extract<Low::bits, High::bits>();
    }
    template <size_t B, size_t T, size_t A>
    INLINE auto concat(const slice_of<B, T, A> &lower) const {
        return places_of<places_of, slice_of<B, T, A>>{*this, lower};
    }
    template <class Lower>
    INLINE auto concat(const Lower &lower) const { return val().concat(lower); }
};

// Values side by side that are too wide for a word; put together at once when all are known.
template <class High, class Low>
struct concat_of {
    static constexpr size_t bits = High::bits + Low::bits;
    High high;
    Low low;

    INLINE value<bits> val() const {
        value<bits> result;
        place<0>(result);
        return result;
    }
    template <size_t Start, size_t Bits>
    INLINE void place(value<Bits> &whole) const {
        low.template place<Start>(whole);
        high.template place<Start + Low::bits>(whole);
    }
    template <class Lower>
    INLINE auto concat(const Lower &lower) const {
        auto part = lower.val();
        return concat_of<concat_of, decltype(part)>{*this, part};
    }
};

template <size_t Bits>
struct value {
    using word = std::conditional_t<Bits <= 32, uint32_t, uint64_t>;

    static constexpr size_t bits = Bits;
    static constexpr size_t words = Bits ? (Bits + WORD - 1) / WORD : 1;  // Yosys makes zeros of no bits
    static constexpr bool single = words == 1;

    word data[words] = {};

    value() = default;
    value(const value &) = default;
    value &operator=(const value &) & = default;  // only where it stays: assigned to a temporary it would be lost

    // Generated code gives constants in chunks of 32 bits, low ones first.
    template <class... Chunks>
    explicit constexpr value(uint32_t first, Chunks... rest) {
        uint32_t chunks[] = {first, uint32_t(rest)...};
        for (size_t i = 0; i < sizeof...(rest) + 1; i++) data[i / 2] |= word(uint64_t(chunks[i]) << (i % 2 * 32));
    }

    static INLINE value of(uint64_t number) {
        static_assert(single, "a number must fit a word");
        value result;
        result.data[0] = word(number & mask(Bits));
        return result;
    }

    INLINE const value &val() const { return *this; }

    INLINE explicit operator bool() const {
        uint64_t any = 0;
        for (size_t i = 0; i < words; i++) any |= data[i];
        return any != 0;
    }

    INLINE bool operator==(const value &other) const {
        uint64_t different = 0;
        for (size_t i = 0; i < words; i++) different |= data[i] ^ other.data[i];
        return !different;
    }

    INLINE bool negative() const { return Bits && get<Bits ? Bits - 1 : 0, Bits ? 1 : 0>(); }

    // At most a word, from fixed places.
    template <size_t Start, size_t Length>
    INLINE uint64_t get() const {
        static_assert(Length <= WORD && Start + Length <= Bits, "a part must be inside the value");
        constexpr size_t index = Start / WORD, offset = Start % WORD;
        uint64_t result = uint64_t(data[index]) >> offset;
        if constexpr (offset + Length > WORD) result |= uint64_t(data[index + 1]) << (WORD - offset);
        return result & mask(Length);
    }

    template <size_t Start, size_t Length>
    INLINE void set(uint64_t part) {
        static_assert(Length <= WORD && Start + Length <= Bits, "a part must be inside the value");
        constexpr size_t index = Start / WORD, offset = Start % WORD;
        data[index] = word((data[index] & ~(mask(Length) << offset)) | part << offset);
        if constexpr (offset + Length > WORD)
            data[index + 1] = word((data[index + 1] & ~mask(offset + Length - WORD)) | part >> (WORD - offset));
    }

    template <size_t Start, size_t Length>
    INLINE value<Length> extract() const {
        value<Length> result;
        extract_words<Start>(result, std::make_index_sequence<value<Length>::words>());
        return result;
    }

    template <size_t Start, size_t Length>
    INLINE void insert(const value<Length> &part) {
        insert_words<Start>(part, std::make_index_sequence<value<Length>::words>());
    }

    // Like insert, where this has only zeros.
    template <size_t Start, size_t Whole>
    INLINE void place(value<Whole> &whole) const {
        constexpr size_t index = Start / WORD, offset = Start % WORD;
        for (size_t i = 0; i < words; i++) {
            whole.data[index + i] |= typename value<Whole>::word(uint64_t(data[i]) << offset);
            if (offset && index + i + 1 < value<Whole>::words)
                whole.data[index + i + 1] |= typename value<Whole>::word(uint64_t(data[i]) >> (WORD - offset));
        }
    }

    template <size_t Stop, size_t Start = Stop>
    INLINE value<Stop - Start + 1> slice() const { return extract<Start, Stop - Start + 1>(); }
    template <size_t Stop, size_t Start = Stop>
    INLINE slice_of<Bits, Stop, Start> slice() { return {*this}; }

    template <class Low>
    INLINE auto concat(const Low &low) const {
        auto part = low.val();
        using Part = decltype(part);
        if constexpr (Bits + Part::bits <= WORD)
            return value<Bits + Part::bits>::of(uint64_t(data[0]) << Part::bits | part.data[0]);
        else
            return concat_of<value, Part>{*this, part};
    }

    template <size_t Count>
    INLINE value<Count> repeat() const {
        static_assert(Bits == 1, "only bits are repeated");
        value<Count> result;
        for (size_t i = 0; i < result.words; i++) result.data[i] = typename value<Count>::word(-uint64_t(data[0]));
        result.trim();
        return result;
    }

    // The same number, or its low bits, in another width.
    template <bool Signed, size_t Width>
    INLINE value<Width> cast() const {
        if constexpr (Width <= Bits) return extract<0, Width>();
        value<Width> result;
        for (size_t i = 0; i < words; i++) result.data[i] = data[i];
        if constexpr (Signed) {
            uint64_t fill = -uint64_t(negative());
            constexpr size_t used = Bits % WORD;
            if constexpr (used != 0) result.data[words - 1] |= typename value<Width>::word(fill & ~mask(used));
            for (size_t i = words; i < result.words; i++) result.data[i] = fill;
            result.trim();
        }
        return result;
    }

    // Low word of the number, extended.
    template <bool Signed>
    INLINE uint64_t low() const {
        if constexpr (Signed && Bits > 0 && Bits < WORD) return sign_extend(data[0], Bits);
        return data[0];
    }

    // The word from bit `start` on, with zeros beyond the end.
    INLINE uint64_t word_at(uint64_t start) const {
        uint64_t index = start / WORD, offset = start % WORD;
        if (index >= words) return 0;
        uint64_t result = uint64_t(data[index]) >> offset;
        if (offset && index + 1 < words) result |= uint64_t(data[index + 1]) << (WORD - offset);
        return result;
    }

    INLINE void trim() {
        if constexpr (Bits % WORD) data[words - 1] = word(data[words - 1] & mask(Bits % WORD));
    }

private:
    template <size_t Start, size_t Length, size_t... Index>
    INLINE void extract_words(value<Length> &part, std::index_sequence<Index...>) const {
        ((part.data[Index] = typename value<Length>::word(
              get<Start + Index * WORD, std::min(WORD, Length - Index * WORD)>())), ...);
    }

    template <size_t Start, size_t Length, size_t... Index>
    INLINE void insert_words(const value<Length> &part, std::index_sequence<Index...>) {
        (set<Start + Index * WORD, std::min(WORD, Length - Index * WORD)>(part.data[Index]), ...);
    }
};

// A register: `next` becomes `curr` at the clock edge.
template <size_t Bits>
struct wire {
    value<Bits> curr, next;

    wire() = default;
    template <class... Chunks>
    explicit constexpr wire(uint32_t first, Chunks... rest) : curr(first, rest...), next(first, rest...) {}

    template <class Observer>
    INLINE bool commit(Observer &) {
        curr = next;
        return false;
    }
};

// A memory, zero at first; writes happen at the clock edge, those of higher priority last.
template <size_t Width>
struct memory {
    struct write {
        size_t index;
        value<Width> data, mask;
        int priority;
    };

    size_t depth;
    std::unique_ptr<value<Width>[]> data;
    std::vector<write> writes;

    explicit memory(size_t depth) : depth(depth), data(new value<Width>[depth]()) {}

    INLINE value<Width> &operator[](size_t index) { return data[index]; }

    INLINE void update(size_t index, const value<Width> &data, const value<Width> &mask, int priority) {
        if (!mask) return;
        auto place = writes.end();
        while (place != writes.begin() && std::prev(place)->priority > priority) --place;
        writes.insert(place, write{index, data, mask, priority});
    }

    template <class Observer>
    INLINE bool commit(Observer &) {
        for (const write &w : writes)
            for (size_t i = 0; i < value<Width>::words; i++)
                data[w.index].data[i] ^= (data[w.index].data[i] ^ w.data.data[i]) & w.mask.data[i];
        writes.clear();
        return false;
    }
};

struct performer {};
struct observer {};
struct interior {};

struct module {
    virtual ~module() = default;
    virtual void reset() = 0;
    virtual bool eval(performer *performer = nullptr) = 0;
    virtual bool commit() = 0;
};

}  // namespace cxxrtl

// Yosys's cells; u and s tell how operands A and B are extended.
namespace cxxrtl_yosys {

using namespace cxxrtl;

constexpr size_t wider(size_t a, size_t b) { return a > b ? a : b; }

struct memory_index {
    bool valid;
    size_t index;

    template <size_t Bits>
    INLINE memory_index(const value<Bits> &addr, size_t offset, size_t depth)
        : valid(addr.data[0] >= offset && addr.data[0] < offset + depth), index(addr.data[0] - offset) {
        static_assert(value<Bits>::single, "an address must fit a word");
    }
};

template <size_t Y>
INLINE value<Y> truth(bool is) { return value<Y>(uint32_t(is)); }

template <size_t Y, size_t A>
INLINE value<Y> logic_not(const value<A> &a) { return truth<Y>(!a); }
template <size_t Y, size_t A, size_t B>
INLINE value<Y> logic_and(const value<A> &a, const value<B> &b) { return truth<Y>(bool(a) & bool(b)); }
template <size_t Y, size_t A, size_t B>
INLINE value<Y> logic_or(const value<A> &a, const value<B> &b) { return truth<Y>(bool(a) | bool(b)); }
template <size_t Y, size_t A>
INLINE value<Y> reduce_or(const value<A> &a) { return truth<Y>(bool(a)); }
template <size_t Y, size_t A>
INLINE value<Y> reduce_bool(const value<A> &a) { return truth<Y>(bool(a)); }
template <size_t Y, size_t A>
INLINE value<Y> reduce_and(const value<A> &a) { return truth<Y>(a == value<1>(1u).template repeat<A>()); }
template <size_t Y, size_t A>
INLINE value<Y> reduce_xor(const value<A> &a) {
    uint64_t folded = 0;
    for (size_t i = 0; i < a.words; i++) folded ^= a.data[i];
    return truth<Y>(__builtin_parityll(folded));
}

template <bool Signed, size_t Y, size_t A>
INLINE value<Y> bitwise_not(const value<A> &a) {
    value<Y> result = a.template cast<Signed, Y>();
    for (size_t i = 0; i < result.words; i++) result.data[i] = ~result.data[i];
    if constexpr (Y % WORD) result.data[result.words - 1] &= mask(Y % WORD);
    return result;
}

template <bool Signed, size_t Y, size_t A, size_t B, class Operation>
INLINE value<Y> bitwise(const value<A> &a, const value<B> &b, Operation operation) {
    value<Y> x = a.template cast<Signed, Y>(), y = b.template cast<Signed, Y>();
    for (size_t i = 0; i < x.words; i++) x.data[i] = operation(x.data[i], y.data[i]);
    return x;
}

template <bool Signed, size_t Y, size_t A, size_t B>
INLINE value<Y> add(const value<A> &a, const value<B> &b, bool carry = false, bool invert = false) {
    if constexpr (value<Y>::single) {
        uint64_t y = b.template low<Signed>();
        return value<Y>::of(a.template low<Signed>() + (invert ? ~y : y) + carry);
    } else {
        value<Y> x = a.template cast<Signed, Y>(), y = b.template cast<Signed, Y>();
        for (size_t i = 0; i < x.words; i++) {
            unsigned __int128 sum = (unsigned __int128)x.data[i] + (invert ? ~y.data[i] : y.data[i]) + carry;
            x.data[i] = uint64_t(sum);
            carry = sum >> WORD;
        }
        x.trim();
        return x;
    }
}

template <bool Signed, size_t Y, size_t A, size_t B>
INLINE value<Y> subtract(const value<A> &a, const value<B> &b) { return add<Signed, Y>(a, b, true, true); }

template <bool Signed, size_t Y, size_t A, size_t B>
INLINE value<Y> multiply(const value<A> &a, const value<B> &b) {
    if constexpr (value<Y>::single) {
        return value<Y>::of(a.template low<Signed>() * b.template low<Signed>());
    } else {
        value<Y> x = a.template cast<Signed, Y>(), y = b.template cast<Signed, Y>(), result;
        for (size_t i = 0; i < x.words; i++) {
            uint64_t carry = 0;
            for (size_t j = 0; i + j < x.words; j++) {
                unsigned __int128 sum = (unsigned __int128)x.data[i] * y.data[j] + result.data[i + j] + carry;
                result.data[i + j] = uint64_t(sum);
                carry = sum >> WORD;
            }
        }
        result.trim();
        return result;
    }
}

template <bool Signed, size_t A, size_t B>
INLINE bool equal(const value<A> &a, const value<B> &b) {
    constexpr size_t width = wider(A, B);
    return a.template cast<Signed, width>() == b.template cast<Signed, width>();
}

template <bool Signed, size_t A, size_t B>
INLINE bool less(const value<A> &a, const value<B> &b) {
    constexpr size_t width = wider(A, B);
    if constexpr (width <= WORD) {
        uint64_t x = a.template low<Signed>(), y = b.template low<Signed>();
        return Signed ? int64_t(x) < int64_t(y) : x < y;
    } else {
        value<width> x = a.template cast<Signed, width>(), y = b.template cast<Signed, width>();
        if (Signed && x.negative() != y.negative()) return x.negative();
        for (size_t i = x.words; i-- > 0;)
            if (x.data[i] != y.data[i]) return x.data[i] < y.data[i];
        return false;
    }
}

template <size_t B>
INLINE uint64_t amount_of(const value<B> &b) {
    static_assert(value<B>::single, "a shift must fit a word");
    return b.data[0];
}

template <bool Signed, size_t Y, size_t A, size_t B>
INLINE value<Y> shift_left(const value<A> &a, const value<B> &b) {
    uint64_t amount = amount_of(b);
    value<Y> x = a.template cast<Signed, Y>();
    if constexpr (value<Y>::single) {
        return value<Y>::of(amount < WORD ? uint64_t(x.data[0]) << amount : 0);
    } else {
        value<Y> result;
        uint64_t skip = amount / WORD, offset = amount % WORD;
        for (size_t i = skip; i < x.words; i++) {
            result.data[i] = x.data[i - skip] << offset;
            if (offset && i > skip) result.data[i] |= x.data[i - skip - 1] >> (WORD - offset);
        }
        result.trim();
        return result;
    }
}

template <size_t Y, size_t A, size_t B>
INLINE value<Y> shift_right(const value<A> &a, const value<B> &b) {
    uint64_t amount = amount_of(b);
    if constexpr (value<A>::single && value<Y>::single) {
        return value<Y>::of(amount < WORD ? uint64_t(a.data[0]) >> amount : 0);
    } else {
        value<Y> result;
        if (amount < A)
            for (size_t i = 0; i < result.words; i++)
                result.data[i] = typename value<Y>::word(a.word_at(amount + i * WORD));
        result.trim();
        return result;
    }
}

template <size_t Y, size_t A, size_t B>
INLINE value<Y> shift_right_arithmetic(const value<A> &a, const value<B> &b) {
    static_assert(A <= WORD && Y <= WORD, "an arithmetic shift must fit a word");
    return value<Y>::of(uint64_t(int64_t(a.template low<true>()) >> std::min(amount_of(b), uint64_t(WORD - 1))));
}

template <size_t Y, size_t A, size_t B>
INLINE value<Y> divfloor_uu(const value<A> &a, const value<B> &b) {
    static_assert(A <= WORD && B <= WORD, "a division must fit a word");
    return value<Y>::of(b ? a.data[0] / b.data[0] : 0);
}

template <size_t Y, size_t A, size_t B>
INLINE value<Y> modfloor_uu(const value<A> &a, const value<B> &b) {
    static_assert(A <= WORD && B <= WORD, "a division must fit a word");
    return value<Y>::of(b ? a.data[0] % b.data[0] : 0);
}

#define UNARY(name, expression) \
    template <size_t Y, size_t A> \
    INLINE value<Y> name(const value<A> &a) { return expression; }
#define BINARY(name, expression) \
    template <size_t Y, size_t A, size_t B> \
    INLINE value<Y> name(const value<A> &a, const value<B> &b) { return expression; }
#define BITWISE(name, operator) \
    BINARY(name##_uu, (bitwise<false, Y>(a, b, [](auto x, auto y) { return x operator y; }))) \
    BINARY(name##_ss, (bitwise<true, Y>(a, b, [](auto x, auto y) { return x operator y; })))
#define BOTH(name, function) \
    BINARY(name##_uu, (function<false, Y>(a, b))) \
    BINARY(name##_ss, (function<true, Y>(a, b)))
#define ORDER(signedness, suffix) \
    BINARY(eq_##suffix, truth<Y>(equal<signedness>(a, b))) \
    BINARY(ne_##suffix, truth<Y>(!equal<signedness>(a, b))) \
    BINARY(lt_##suffix, truth<Y>(less<signedness>(a, b))) \
    BINARY(gt_##suffix, truth<Y>(less<signedness>(b, a))) \
    BINARY(le_##suffix, truth<Y>(!less<signedness>(b, a))) \
    BINARY(ge_##suffix, truth<Y>(!less<signedness>(a, b)))

UNARY(not_u, (bitwise_not<false, Y>(a)))
UNARY(not_s, (bitwise_not<true, Y>(a)))
UNARY(neg_u, (subtract<false, Y>(value<Y>(), a)))
UNARY(neg_s, (subtract<true, Y>(value<Y>(), a)))
BITWISE(and, &)
BITWISE(or, |)
BITWISE(xor, ^)
BOTH(add, add)
BOTH(sub, subtract)
BOTH(mul, multiply)
ORDER(false, uu)
ORDER(true, ss)
BINARY(shl_uu, (shift_left<false, Y>(a, b)))
BINARY(shl_su, (shift_left<true, Y>(a, b)))
BINARY(sshl_uu, (shift_left<false, Y>(a, b)))
BINARY(sshl_su, (shift_left<true, Y>(a, b)))
BINARY(shr_uu, (shift_right<Y>(a, b)))
BINARY(sshr_uu, (shift_right<Y>(a, b)))
BINARY(shift_uu, (shift_right<Y>(a, b)))
BINARY(shiftx_uu, (shift_right<Y>(a, b)))
BINARY(shr_su, (shift_right<Y>(a.template cast<true, Y>(), b)))
BINARY(sshr_su, (shift_right_arithmetic<Y>(a, b)))

#undef UNARY
#undef BINARY
#undef BITWISE
#undef BOTH
#undef ORDER

}  // namespace cxxrtl_yosys

#endif
