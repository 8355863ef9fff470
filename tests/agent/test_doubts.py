"""`make show-doubt`: why a card was decided, and why another waits for a person."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.agent.doubts import DOUBTFUL, RECOVERED, told


def test_why_says_what_was_decided_by_which_row_on_what_evidence(
    tmp_path: Path,
) -> None:
    """After a crash with the card inside: one comes to light, one is gone."""
    texts = {
        job_id: " ".join(text.split())
        for job_id, text in asyncio.run(told(tmp_path)).items()
    }
    recovered, doubtful = texts[RECOVERED], texts[DOUBTFUL]
    assert "decided: deliver the card inside" in recovered
    assert "(row 7 of the table; it had come to sent)" in recovered
    assert "nobody was there, and the power stayed on" in recovered
    assert "one card was fed, as expected" in recovered
    assert recovered.endswith("job-completed #1 attempts=1")
    assert "decided: unknown: a person must find the card" in doubtful
    assert "(row 10 of the table; it had come to sent)" in doubtful
    assert "no card is in the path" in doubtful
    assert "a fault, a hand or a power cut lies between" in doubtful
    assert doubtful.endswith("job-stopped #1 reasons=x-outcome-unknown-error")
