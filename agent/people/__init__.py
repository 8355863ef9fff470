"""People at the machine: what they may ask and say, and who stands for it."""
