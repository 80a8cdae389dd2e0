"""What drives an accelerator, simulated or real."""
