"""A flash with four data wires, as the memory of weights and programs."""
