"""What the accelerator achieves, measured: ``python -m bench`` writes ``results/bench.json`` and its report."""
