"""The contract: what hardware, models, drivers and programs agree on, in plain Python and NumPy."""
