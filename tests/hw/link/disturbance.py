"""A line that damages, loses, repeats and invents bytes."""

import random


def disturb(frame: bytes, rng: random.Random) -> bytes:
    """Return what arrives of ``frame``."""
    data = bytearray(frame)
    match rng.randrange(7):
        case 0:
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        case 1:
            for _ in range(min(len(data), rng.randint(1, 3))):
                del data[rng.randrange(len(data))]
        case 2:
            del data[rng.randrange(len(data)) :]
        case 3:
            data *= 2
        case 4:
            at = rng.randrange(len(data) + 1)
            data[at:at] = rng.randbytes(rng.randint(1, 8))
        case 5:
            del data[: rng.randrange(len(data))]
        case 6:
            at = rng.randrange(len(data) + 1)
            data[at:at] = rng.choice((b"\xc0", b"\xdb", b"\xdb\xc0", b"\xdb\xdb", b"\xdb\xdc"))
    return bytes(data)
