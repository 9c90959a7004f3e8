//! Files that are lost, copied, foreign or on a full disk.
