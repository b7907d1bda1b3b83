//! Measures the codecs on the workloads of our performance goals.
//!
//! `cargo run --release -p columns --example measure -- samples|logs|spans`
#![expect(clippy::print_stdout, reason = "a measurement is printed")]
#![expect(clippy::disallowed_methods, reason = "a measurement reads the machine's own counters")]

mod events;
mod logs;
mod samples;
mod spans;
/// The telemetry that the running binary is measured with.
#[path = "../../../../bench/src"]
#[allow(dead_code, unused_imports, reason = "each measurement needs a part of it")]
mod bench {
    pub mod workload;
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("samples") => samples::measure(),
        Some("logs") => logs::measure(),
        Some("spans") => spans::measure(),
        _ => println!("what shall be measured? samples, logs, spans"),
    }
}

/// Linux counts what a thread has run in ticks of up to four milliseconds.
const ROUND_NS: u64 = 150_000_000;

/// The best of a few rounds, in nanoseconds on a core for each of so many things: time that
/// neighbours on a busy machine take does not count.
fn nanoseconds_each(things: usize, mut work: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let (start, mut times) = (nanoseconds_on_core(), 0);
        while nanoseconds_on_core() - start < ROUND_NS {
            work();
            times += 1;
        }
        best = best.min((nanoseconds_on_core() - start) as f64 / (things * times) as f64);
    }
    best
}

fn nanoseconds_on_core() -> u64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    statistics.split(' ').next().and_then(|on_core| on_core.parse().ok()).unwrap_or_default()
}
