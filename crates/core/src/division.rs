//! Administrative divisions of China, levels 1 to 5, built into the binary.
