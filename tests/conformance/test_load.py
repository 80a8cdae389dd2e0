"""LOAD: every target, from constants, inputs and what was written before."""

import numpy as np

from spec.isa import Destination, Drain, Gemm, Load, LoadTarget, ParamMode
from tests.conformance.assembler import Assembler, params, read_scratchpad, read_vector, undense


def test_scratchpad_words_go_to_their_place_and_nowhere_else(device, rng):
    config = device.config
    asm = Assembler(config)
    words = rng.integers(-128, 128, (37, config.rows)).astype(np.int8)
    asm.load(LoadTarget.SCRATCHPAD, 11, words, len(words))
    asm.dump_scratchpad("all")
    expected = np.zeros((config.scratchpad_words, config.rows), np.int8)
    expected[11 : 11 + len(words)] = words
    outputs = device.run(asm.program(), {}).outputs
    np.testing.assert_array_equal(read_scratchpad(config, outputs, "all"), expected)


def test_the_last_scratchpad_word_can_be_loaded(device, rng):
    config = device.config
    asm = Assembler(config)
    word = rng.integers(-128, 128, (1, config.rows)).astype(np.int8)
    asm.load(LoadTarget.SCRATCHPAD, config.scratchpad_words - 1, word, 1)
    asm.dump_scratchpad("all")
    dumped = read_scratchpad(config, device.run(asm.program(), {}).outputs, "all")
    np.testing.assert_array_equal(dumped[-1:], word)
    assert not dumped[:-1].any()


def test_vector_words_from_an_input(device, rng):
    config = device.config
    asm = Assembler(config)
    words = rng.integers(-(1 << 15), 1 << 15, (23, config.lanes)).astype(np.int16)
    addr = asm.input("rows", "int16", words.shape)
    asm.add(Load(target=LoadTarget.VECTOR, addr=9, count=len(words), mem_addr=addr))
    asm.dump_vector("all")
    expected = np.zeros((config.vector_words, config.lanes), np.int16)
    expected[9 : 9 + len(words)] = words
    outputs = device.run(asm.program(), {"rows": words}).outputs
    np.testing.assert_array_equal(read_vector(config, outputs, "all"), expected)


def test_parameters_differ_by_lane_unless_broadcast(device, rng):
    config = device.config
    count = 7
    own = rng.integers(-(1 << 27), 1 << 27, (count, config.lanes))
    common = rng.integers(-(1 << 27), 1 << 27, count)
    asm = Assembler(config)
    asm.load(LoadTarget.PARAM, 3, params(own.reshape(-1), 1, 2), count)
    asm.load(LoadTarget.PARAM_BROADCAST, 20, params(common, 3, 4), count)
    for name, addr in (("own", 3), ("common", 20)):
        asm.stream(np.zeros((config.lanes, config.rows), np.int8))
        asm.add(Gemm(m=count, n=config.lanes, k_tiles=1, clear=1, release=1))
        asm.drain_to_memory(name, count, config.lanes, param_mode=ParamMode.ROW, param_addr=addr)
    outputs = device.run(asm.program(), {}).outputs
    np.testing.assert_array_equal(undense(config, outputs["own"], count, config.lanes), own)
    np.testing.assert_array_equal(
        undense(config, outputs["common"], count, config.lanes), np.tile(common[:, None], config.lanes)
    )


def test_table_groups(device, rng):
    config = device.config
    table, indices = config.tables - 1, rng.integers(0, 2048, 24)
    entries = rng.integers(0, 256, 2048).astype(np.uint8)
    later = rng.integers(0, 256, 16).astype(np.uint8)
    asm = Assembler(config)
    asm.load(LoadTarget.TABLE, table * 256, entries, 256)
    asm.load(LoadTarget.TABLE, table * 256 + 5, later, 2)
    entries[40:56] = later
    indices[:4] = [0, 2047, 40, 55]
    asm.load_broadcast(0, bias=indices, mul=1)
    asm.stream(np.zeros((1, config.rows), np.int8))
    asm.add(Gemm(m=len(indices) // 2, n=1, k_tiles=1, clear=1, release=1))
    asm.stream(np.zeros((1, config.rows), np.int8))
    asm.add(Gemm(m=len(indices) // 2, n=1, k_tiles=1, clear=1, release=1))
    for half in range(2):
        asm.add(
            Drain(
                m=len(indices) // 2,
                n=1,
                dest=Destination.VECTOR,
                dest_addr=half * len(indices) // 2,
                dest_stride=1,
                param_mode=ParamMode.ROW,
                param_addr=half * len(indices) // 2,
                clip_high=2047,
                table_enable=1,
                table=table,
            )
        )
    asm.dump_vector("all")
    dumped = read_vector(config, device.run(asm.program(), {}).outputs, "all")
    np.testing.assert_array_equal(dumped[: len(indices), 0], entries[indices])


def test_results_in_memory_can_be_loaded_again(device, rng):
    config = device.config
    b = rng.integers(-128, 128, (config.cols, config.rows)).astype(np.int8)
    asm = Assembler(config)
    k_tiles = asm.load_operand(0, np.eye(4, config.rows, dtype=np.int8))
    asm.load_broadcast(0)
    asm.stream(b)
    asm.add(Gemm(m=4, n=config.cols, k_tiles=k_tiles, a_stride=1, clear=1, release=1))
    asm.drain_to_memory("product", 4, config.cols, param_mode=ParamMode.FIXED)
    words = asm.outputs["product"].nbytes // config.rows
    asm.add(Load(target=LoadTarget.SCRATCHPAD, addr=8, count=words, mem_addr=asm.outputs["product"].addr))
    asm.dump_scratchpad("all")
    outputs = device.run(asm.program(), {}).outputs
    dumped = read_scratchpad(config, outputs, "all")[8 : 8 + words]
    product = np.zeros((4, config.cols), np.int32)
    product[: min(4, config.rows)] = b.T[:4]
    np.testing.assert_array_equal(undense(config, outputs["product"], 4, config.cols), product)
    np.testing.assert_array_equal(dumped.reshape(-1), outputs["product"].view(np.int8)[: words * config.rows])
