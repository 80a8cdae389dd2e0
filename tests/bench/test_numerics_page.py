import pytest

from bench.markdown import filled
from bench.numerics_page import numerics_page

PAGE = "before\n<!-- figures: written by `make docs` -->\nold\n<!-- end of figures -->\nbehind\n"


def test_slots_of_every_norm_and_activation_are_counted() -> None:
    page = numerics_page(PAGE)
    assert page.startswith("before\n")
    assert page.endswith("<!-- end of figures -->\nbehind\n")
    assert "old" not in page
    assert sum(line.startswith("| `") for line in page.splitlines()) == 19
    assert "| `layers.4.ffn1` | 1536 | 16 | 16 | 1 | 10 |\n" in page


@pytest.mark.parametrize("page", ["", PAGE.replace("<!-- end of figures -->", "")])
def test_page_without_a_place_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="the comments around the figures are missing"):
        filled(page, "figures", "new\n")
