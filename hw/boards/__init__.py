"""Tops of FPGA boards and their PLLs."""
