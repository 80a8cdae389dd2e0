"""The byte machine in Python: what its programs mean."""

from collections.abc import Callable

from hw.link.compact.byte_code import NAMED_PAGE, Action, ByteCode, Function, Source, jump, operation, outside

_LAYOUTS = {False: jump, True: operation}


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
        self.memory = code.memory()
        self.a = self.index = self.place = self.caller = 0
        self.zero = self.carry = False
        self._operand, self._act = operand, act
        self._instructions = [_fields(word) for word in code.words()]

    def step(self) -> None:
        """Execute the instruction at ``place``."""
        fields = self._instructions[self.place]
        self.place += 1
        if fields["operates"]:
            self._operate(fields)
        else:
            self._jump(fields)

    def _jump(self, fields: dict[str, int]) -> None:
        flag = self.carry if fields["carry"] else self.zero
        if not fields["conditional"] or flag != bool(fields["unless"]):
            after, self.place = self.place, self.caller if fields["returns"] else fields["target"]
            if fields["calls"]:
                self.caller = after

    def _operate(self, fields: dict[str, int]) -> None:
        place = self.index if fields["indexed"] else fields["operand"]
        addr = place if fields["indexed"] and not fields["operand"] & 1 else NAMED_PAGE + place
        before = self.a
        if fields["stores"]:
            self.memory[addr] = before
        else:
            b = self._operand(Source(fields["source"]), self.index) if fields["outside"] else self.memory[addr]
            match fields["function"]:
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
            if fields["loads"]:
                self.a = result & 0xFF
        if fields["outside"] and fields["action"]:
            self._act(Action(fields["action"]), before)
        if fields["outside"] and fields["to_index"]:
            self.index = before
        elif fields["counts"]:
            self.index = (self.index + 1) & 0xFF


def _fields(word: int) -> dict[str, int]:
    """Return the fields of an instruction, with those of its operand."""
    operates = bool(operation.from_bits(word)["operates"])
    layout = _LAYOUTS[operates]
    view = layout.from_bits(word)
    fields = {name: int(view[name]) for name, _ in layout}
    if operates:
        other = outside.from_bits(fields["operand"])
        fields |= {name: int(other[name]) for name in ("source", "action", "to_index")}
    return fields
