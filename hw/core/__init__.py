"""The pipelined core: array, control, memories and post-processor."""
