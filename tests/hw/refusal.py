"""That a component refuses what it cannot be made of."""

import gc
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from amaranth.hdl import UnusedElaboratable

__all__ = ["assert_refused"]


def assert_refused(message: str, component: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Assert that the component's constructor raises ValueError with ``message``, a regular expression."""
    # What has been made of it by then is never elaborated, of which amaranth warns when it is collected.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedElaboratable)
        with pytest.raises(ValueError, match=message) as caught:
            component(*args, **kwargs)
        del caught
        gc.collect()
