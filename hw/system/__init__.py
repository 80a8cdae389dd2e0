"""Systems of accelerator, link and memory for boards."""
