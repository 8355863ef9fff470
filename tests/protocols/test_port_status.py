"""One byte of a printer's port, in the words of the USB printer class."""

import pytest

from protocols.contract import PortStatus


@pytest.mark.parametrize(
    ("value", "error", "selected", "paper_empty"),
    [
        (0x18, False, True, False),
        (0x08, False, False, False),
        (0x10, True, True, False),
        (0x38, False, True, True),
        (0x00, True, False, False),
    ],
)
def test_each_bit_is_named_as_the_class_names_it(value, error, selected, paper_empty):
    status = PortStatus(value)
    assert (status.error, status.selected) == (error, selected)
    assert status.paper_empty is paper_empty
