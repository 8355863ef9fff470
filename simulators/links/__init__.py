"""Ways by which a host reaches an emulated printer."""
