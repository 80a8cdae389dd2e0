"""The byte machine in Python: what its programs mean."""

from collections.abc import Callable

from hw.link.compact.byte_code import NAMED_PAGE, Action, ByteCode, Function, Source, jump, operation, outside


class Interpreter:
    """Executes an instruction at a time.

    Parameters
    ----------
    code : ByteCode
    operand : callable
        Returns the operand from outside for a source, at a value of the index.
    act : callable
        Called with each action and the accumulator.
    """

    def __init__(
        self, code: ByteCode, operand: Callable[[Source, int], int], act: Callable[[Action, int], None]
    ) -> None:
        self.words, self.memory = code.words(), code.memory()
        self.a = self.index = self.place = self.caller = 0
        self.zero = self.carry = False
        self._operand, self._act = operand, act

    def step(self) -> None:
        """Execute the instruction at ``place``."""
        word = self.words[self.place]
        self.place += 1
        if operation.from_bits(word).operates:
            self._operate(word)
        else:
            self._jump(word)

    def _jump(self, word: int) -> None:
        fields = jump.from_bits(word)
        flag = self.carry if fields.carry else self.zero
        if not fields.conditional or flag != bool(fields.unless):
            after, self.place = self.place, self.caller if fields.returns else fields.target
            if fields.calls:
                self.caller = after

    def _operate(self, word: int) -> None:
        fields = operation.from_bits(word)
        other = outside.from_bits(fields.operand)
        place = self.index if fields.indexed else fields.operand
        addr = place if fields.indexed and not fields.operand & 1 else NAMED_PAGE + place
        before = self.a
        if fields.stores:
            self.memory[addr] = before
        else:
            b = self._operand(Source(other.source), self.index) if fields.outside else self.memory[addr]
            match Function(fields.function):
                case Function.LOAD:
                    result = b
                case Function.ADD:
                    result = before + b
                    self.carry = result > 0xFF
                case Function.SUBTRACT:
                    result = before - b
                    self.carry = result >= 0
                case Function.AND:
                    result = before & b
            self.zero = not result & 0xFF
            if fields.loads:
                self.a = result & 0xFF
        if fields.outside and other.action:
            self._act(Action(other.action), before)
        if fields.outside and other.to_index:
            self.index = before
        elif fields.counts:
            self.index = (self.index + 1) & 0xFF
