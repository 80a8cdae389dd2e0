"""What all commands share: how they end, what they say meanwhile, how they write files."""
