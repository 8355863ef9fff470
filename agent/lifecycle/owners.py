"""Who may take back a pause or a hold.

Pure: whose words stand comes in as an argument.
"""

from __future__ import annotations

from collections.abc import Set

from agent.contract.commands import Owner


def taken_back(standing: Set[Owner], by: Owner) -> frozenset[Owner]:
    """Return whose words `by` takes back: its own, and the centre everybody's."""
    return frozenset(standing if by is Owner.CENTRE else standing & {by})
