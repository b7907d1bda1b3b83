//! Measures the codecs on the workloads of our performance goals.
//!
//! `cargo run --release -p columns --example measure -- samples|logs|spans|small`
#![expect(clippy::print_stdout, reason = "a measurement is printed")]
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock of the machine")]

mod samples;
/// The telemetry that the running binary is measured with.
#[path = "../../../../bench/src"]
#[allow(dead_code, unused_imports, reason = "each measurement needs a part of it")]
mod bench {
    pub mod workload;
}

use std::time::Instant;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("samples") => samples::measure(),
        _ => println!("what shall be measured? samples"),
    }
}

/// The best of a few rounds, in nanoseconds for each of so many things.
fn nanoseconds_each(things: usize, mut work: impl FnMut()) -> f64 {
    let rounds = (0..5).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_nanos() as f64 / things as f64
    });
    rounds.fold(f64::INFINITY, f64::min)
}
