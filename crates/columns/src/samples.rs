//! A page of samples of many streams, pooled.
//!
//! ```text
//! byte 1                  the version
//! uint runs
//! block numbers (u32)     the stream of each run
//! block numbers (u32)     the rows of each run
//! block numbers (u32)     which vector of times each run has
//! uint vectors of times, for each:
//!   block numbers (i64)   the times, as many as the rows of its runs
//!   uint stretches        0, or more if some rows are quiet, then:
//!   block numbers (u32)   lengths of stretches of the rows after the first, by turns not
//!                         quiet and quiet
//! block numbers (u32)     the code of each run, see below
//! block numbers (i64)     the first number of each run that has rows
//! block numbers (u64)     the divisor of each run that says it has one
//! uint rows of a page     see below
//! uint pools, for each:   block, see `pool`
//!
//! code   bits 0 to 2      the pool of its residuals from 1, or 0 if all values are equal
//!        bits 3 to 5      decimal digits of its numbers, 7: bits of floats
//!        bit 6            level: changes are since the first number, not the one before
//!        bit 7            masked: there are no residuals for quiet rows
//!        bit 8            follows: to each residual, that of the run before is added
//!        bit 9            has a divisor
//! ```
//!
//! A value is a *number* over a power of ten, or its own bits (with all bits but the sign
//! flipped if that is set). A number is the one before, or the first, plus its *residual*
//! times the divisor. Runs of one pool stand in its pages in their order; a page is full
//! once it has the rows above, so that readers know the page of each run. "The run before"
//! is the one before in the same page.
//!
//! Why so, in bytes a sample of the fleet of our benches, pages of one agent (100 series of
//! 120 rows, of 720 rows), time of one core a sample:
//!
//! | | 120 | 720 | encode | decode |
//! |---|---|---|---|---|
//! | chunks of one series after Gorilla | 1.09 | 1.09 | | |
//! | all values in one pool of pco, its own choice of mode | 1.26 | 1.46 | 52 ns | 6 to 7 ns |
//! | this | 0.38 | 0.35 | 18 to 27 ns | 3.0 to 4.6 ns |
//!
//! One pool without the steps below fails because the changes of each run are of another
//! size: what is gained for one run is lost for the next. Reading a single run of 120 rows
//! takes 9 microseconds, the heads and the bins of all pools among them.
//! `cargo run --release -p columns --example measure -- samples` measures it again.

mod form;
mod pool;
mod quiet;
mod read;
mod write;

pub use read::Page;
pub use write::encode;

const WHAT: &str = "a page of samples";

const VERSION: u8 = 1;

/// Samples of one stream, the oldest first.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    pub stream: u32,
    /// Nanoseconds since the epoch.
    pub times: &'a [i64],
    /// As many as times.
    pub values: &'a [f64],
}

/// What is known of a run before its samples are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunHead {
    pub stream: u32,
    pub rows: u32,
}

/// How the values of a run are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Code {
    /// From 1; no residuals are kept of runs of which all values are equal.
    pool: u8,
    digits: u8,
    is_level: bool,
    is_masked: bool,
    follows: bool,
    has_divisor: bool,
}

impl Code {
    fn constant(digits: u8) -> Self {
        Self { pool: 0, digits, is_level: false, is_masked: false, follows: false, has_divisor: false }
    }

    fn to_bits(self) -> u32 {
        let flags = [self.is_level, self.is_masked, self.follows, self.has_divisor];
        let flags = (6..).zip(flags).map(|(bit, flag)| u32::from(flag) << bit).sum::<u32>();
        u32::from(self.pool) | u32::from(self.digits) << 3 | flags
    }

    /// Nothing but ten bits, which all have a meaning.
    fn from_bits(bits: u32) -> Option<Self> {
        let flag = |bit: u32| bits >> bit & 1 == 1;
        (bits < 1 << 10).then_some(Self {
            pool: (bits & 7) as u8,
            digits: (bits >> 3 & 7) as u8,
            is_level: flag(6),
            is_masked: flag(7),
            follows: flag(8),
            has_divisor: flag(9),
        })
    }
}

#[cfg(test)]
mod tests;
