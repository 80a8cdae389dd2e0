"""What is emitted of a configuration: netlists, Verilog, manifests."""
