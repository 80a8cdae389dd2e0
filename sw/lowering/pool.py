"""Sums of codes over the rows: the array turns them over, then adds up with ones as the other operand."""

from dataclasses import dataclass
from math import gcd

import numpy as np

from spec.codes import CODE, SUM_BYTES
from spec.isa import Destination, Drain, Gemm, Load, LoadTarget, ParamMode
from spec.param_record import pack_records
from sw.lowering.blocks import Rows
from sw.lowering.constants import Constants, Pieces
from sw.lowering.schedule import Product
from sw.lowering.steps import Binding, Resident, Step
from sw.lowering.workbench import Workbench
from sw.network.pool import Pool

__all__ = ["PoolConstants", "lower_pool", "place_pool"]


@dataclass(frozen=True, kw_only=True)
class PoolConstants:
    """Words of codes in a row, and addresses of constants.

    These are an identity matrix; words of ones; one word each whose first 1, 2, ... bytes are ones; parameters that
    change nothing, and no parameters.
    """

    words: int
    identity_addr: int
    ones_addr: int
    begun_addrs: tuple[int, ...]
    one_addr: int
    zero_addr: int


def place_pool(constants: Constants, _pool: Pool, pieces: Pieces) -> tuple[PoolConstants, Pieces]:
    """Put into memory what the sums of all columns over as many rows as a text may have take."""
    rows = constants.config.rows
    made = PoolConstants(
        words=constants.words(sum(pieces)),
        identity_addr=constants.load(np.eye(rows, dtype=np.int8)),
        ones_addr=constants.load(np.ones((constants.words(constants.positions), rows), np.int8)),
        begun_addrs=tuple(constants.load(word) for word in np.tri(rows, dtype=np.int8)[:-1]),
        one_addr=constants.load(pack_records(mul=1)),
        zero_addr=constants.load(pack_records()),
    )
    return made, ()


def lower_pool(bench: Workbench, pool: Pool, constants: PoolConstants) -> None:
    """Turn the codes over, as many channels at a time as there is room for, and write the sums to memory.

    Raises
    ------
    ValueError
        If there is no room for any.
    """
    rows, config = Rows(0, bench.kept[pool.name]), bench.config
    bench.norm_codes(pool.name)
    length_words = bench.words(rows.count)
    # Whatever stood behind the codes is not needed any more.
    identity = bench.plan.middle.addr
    ones = identity + config.rows
    turned = ones + length_words
    most = (config.scratchpad_words - turned) // (config.rows * length_words)
    most -= most % (config.bus_bytes // gcd(config.bus_bytes, config.rows * SUM_BYTES))
    if most < 1:
        raise ValueError(
            f"scratchpad_kib must be larger than {config.scratchpad_kib}: there is no room to add up {rows.count} rows"
        )
    bench.wait_for_codes(rows)
    bench.schedule.flush()
    _load_operands(bench, pool, constants, rows.count, identity, ones)
    for first in range(0, constants.words, most):
        count = min(most, constants.words - first)
        for word in range(count):
            place = turned + word * config.rows * length_words
            _turn_over(bench, pool, constants, rows, identity, first + word, place)
        _add_up(bench, pool, constants, Rows(first * config.rows, count * config.rows), ones, turned, length_words)


def _load_operands(
    bench: Workbench, pool: Pool, constants: PoolConstants, length: int, identity: int, ones: int
) -> None:
    """Load the identity matrix, and as many ones as there are rows."""

    def load(addr: int, count: int, mem_addr: int) -> None:
        instruction = Load(target=LoadTarget.SCRATCHPAD, addr=addr, count=count, mem_addr=mem_addr)
        bench.builder.emit(Step(instruction, f"{pool.name}.load scratchpad"))

    load(identity, bench.config.rows, constants.identity_addr)
    whole, begun = divmod(length, bench.config.rows)
    if whole:
        load(ones, whole, constants.ones_addr)
    if begun:
        load(ones + whole, 1, constants.begun_addrs[begun - 1])


def _turn_over(
    bench: Workbench, pool: Pool, constants: PoolConstants, rows: Rows, identity: int, word: int, place: int
) -> None:
    """Make a word of all codes into rows of their own, one a channel."""
    config, codes, stride = bench.config, bench.plan.codes, bench.words(rows.count)
    params = Binding(Resident(LoadTarget.PARAM_BROADCAST, constants.one_addr, 1))
    for part in bench.plan.blocks(config.rows, config.acc_depth):
        bench.schedule.multiply(
            Product(
                label=f"{pool.name}.turn",
                gemm=Gemm(
                    m=part.count,
                    n=rows.count,
                    k_tiles=1,
                    a_addr=identity + part.first,
                    a_stride=1,
                    b_scratchpad=1,
                    b_addr=codes.row(rows.first) + word,
                    b_stride=codes.stride,
                    clear=1,
                    release=1,
                ),
                drain=Drain(
                    m=part.count,
                    n=rows.count,
                    dest=Destination.SCRATCHPAD,
                    dest_addr=place + part.first * stride,
                    dest_stride=stride,
                    param_mode=ParamMode.FIXED,
                    clip_low=-CODE,
                    clip_high=CODE,
                ),
                params=params,
                cut=bench.whole_cut,
            )
        )


def _add_up(
    bench: Workbench, pool: Pool, constants: PoolConstants, channels: Rows, ones: int, turned: int, length_words: int
) -> None:
    """Multiply some channels by ones, into memory."""
    bench.schedule.multiply(
        Product(
            label=f"{pool.name}.sum",
            gemm=Gemm(
                m=1,
                n=channels.count,
                k_tiles=length_words,
                a_addr=ones,
                a_stride=length_words,
                b_scratchpad=1,
                b_addr=turned,
                b_stride=length_words,
                clear=1,
                release=1,
            ),
            drain=Drain(
                m=1,
                n=channels.count,
                dest=Destination.MEMORY,
                dest_addr=bench.outputs["logits"].addr + channels.first * SUM_BYTES,
                param_mode=ParamMode.FIXED,
            ),
            params=Binding(Resident(LoadTarget.PARAM_BROADCAST, constants.zero_addr, 1)),
            cut=bench.whole_cut,
        )
    )
