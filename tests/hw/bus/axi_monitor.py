"""What passes over a bus, and whether offers stay until they are taken."""

from dataclasses import dataclass, field
from typing import Any

from hw.bus.axi import payload_of

__all__ = ["AxiMonitor"]


@dataclass
class AxiMonitor:
    """Cycles in which each channel transfers."""

    cycles: dict[str, list[int]] = field(default_factory=dict)

    async def watch(self, ctx: Any, axi: Any, *channels: str, domain: str = "sync") -> None:
        """Record transfers and check offers: an Amaranth testbench that never ends."""
        signals: list[Any] = []
        for channel in channels:
            self.cycles[channel] = []
            signals += [getattr(axi, channel + "valid"), getattr(axi, channel + "ready"), payload_of(axi, channel)]
        offered: dict[str, int] = {}
        now = 0
        while True:
            _, _, *sampled = await ctx.tick(domain).sample(*signals)
            for number, channel in enumerate(channels):
                valid, ready, payload = sampled[3 * number : 3 * number + 3]
                if channel in offered:
                    assert valid and payload == offered.pop(channel), f"{channel} is withdrawn in cycle {now}"
                if valid and ready:
                    self.cycles[channel].append(now)
                elif valid:
                    offered[channel] = payload
            now += 1

    def gaps(self, channel: str) -> int:
        """Cycles between the first and the last transfer of a channel in which it rested."""
        cycles = self.cycles[channel]
        return cycles[-1] - cycles[0] + 1 - len(cycles)
