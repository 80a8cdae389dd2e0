"""Statistics of rows become scalars, in serial arithmetic."""

from hw.core.post.row_unit.row_unit import RowUnit

__all__ = ["RowUnit"]
