"""What a machine remembers of its own work; what really happened may differ."""

from __future__ import annotations

from dataclasses import dataclass

JUMP = 1000


@dataclass(slots=True)
class Counters:
    """`used_sets` is of the ribbon in it; `cleaned_at` what `cards` was then."""

    cards: int = 0
    used_sets: int = 0
    cleanings: int = 0
    thorough_cleanings: int = 0
    cleaned_at: int = 0
    last_cards: int = 0  # by how much the card inside moved them, not yet saved
    last_sets: int = 0

    def count_card(self) -> None:
        self.cards += 1
        self.last_cards += 1

    def count_set(self) -> None:
        self.used_sets += 1
        self.last_sets += 1

    def count_cleaning(self, *, thorough: bool) -> None:
        self.cleaned_at = self.cards
        self.cleanings += not thorough
        self.thorough_cleanings += thorough

    def save(self) -> None:
        """Keep what the last card added, whatever comes."""
        self.last_cards = self.last_sets = 0

    def lose_last(self) -> None:
        """Forget what the card inside added."""
        self.cards -= self.last_cards
        self.used_sets -= self.last_sets
        self.save()

    def change_ribbon(self, used_sets: int) -> None:
        self.used_sets = used_sets
        self.last_sets = 0

    def begin_anew(self) -> None:
        """Lose the count of cards."""
        self.cards = self.last_cards = self.cleaned_at = 0
