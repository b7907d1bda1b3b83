//! How many tests passed, read from what the test runners print.

use std::fmt;
use std::ops::Add;

#[derive(Clone, Copy, Debug)]
pub enum Tool {
    Nextest,
    /// `cargo test`.
    Libtest,
    Vitest,
    Playwright,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Counts {
    /// Adds what this line says when it is one of the tool's closing lines.
    pub fn read(&mut self, tool: Tool, line: &str) {
        let line = line.trim();
        let is_summary = match tool {
            Tool::Nextest => line.starts_with("Summary [") && line.contains("tests run:"),
            Tool::Libtest => line.starts_with("test result:"),
            Tool::Vitest => line.starts_with("Tests "),
            Tool::Playwright => {
                let mut words = line.split(' ');
                let number = words.next().is_some_and(|word| word.parse::<u64>().is_ok());
                number
                    && matches!(words.next(), Some("passed" | "failed" | "skipped" | "flaky" | "interrupted"))
            }
        };
        if is_summary {
            *self = *self + counts_in(line);
        }
    }
}

/// Takes `12 passed, 1 failed` and the like apart.
fn counts_in(line: &str) -> Counts {
    let mut counts = Counts::default();
    let words: Vec<&str> = line.split([' ', ',', ';', '|']).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    for pair in words.windows(2) {
        let Ok(number) = pair[0].parse::<u64>() else { continue };
        match pair[1] {
            "passed" => counts.passed += number,
            // A test that needed a second try is not one that passed.
            "failed" | "flaky" | "interrupted" => counts.failed += number,
            "timed" => counts.failed += number,
            "skipped" | "ignored" | "todo" => counts.skipped += number,
            _ => {}
        }
    }
    counts
}

impl Add for Counts {
    type Output = Counts;
    fn add(self, other: Counts) -> Counts {
        Counts {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tool: Tool, lines: &[&str], expected: (u64, u64, u64)) {
        let mut counts = Counts::default();
        lines.iter().for_each(|line| counts.read(tool, line));
        assert_eq!((counts.passed, counts.failed, counts.skipped), expected, "{tool:?}");
    }

    #[test]
    fn each_runner_is_understood() {
        check(
            Tool::Nextest,
            &["     Summary [   1.2s] 12 tests run: 10 passed (1 slow), 1 failed, 1 timed out, 3 skipped"],
            (10, 2, 3),
        );
        check(
            Tool::Libtest,
            &[
                "test result: ok. 16 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.1s",
                "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
            ],
            (17, 1, 2),
        );
        check(
            Tool::Vitest,
            &[" Test Files  3 passed (3)", "      Tests  1 failed | 40 passed (41)"],
            (40, 1, 0),
        );
        check(
            Tool::Playwright,
            &[
                "  ✓  1 agents.spec.ts:5:1 › 3 passed by (2s)",
                "  1 failed",
                "  1 flaky",
                "  2 skipped",
                "  9 passed (1.2m)",
            ],
            (9, 2, 2),
        );
    }
}
