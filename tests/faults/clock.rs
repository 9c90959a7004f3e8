//! Clocks that step back, and processes whose clocks differ.
