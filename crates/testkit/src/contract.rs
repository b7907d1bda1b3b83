//! What every engine behind the seam must do. Run by each engine's tests.
