//! Stands for tests: a clock that obeys, a store in memory, peers that misbehave.
//!
//! Only ever a development dependency.

pub mod clock;
pub mod contract;
pub mod memory;

pub use clock::FakeClock;
pub use memory::MemoryStore;
