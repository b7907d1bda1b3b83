//! The cases that do not pass, by file and cause, as they are written down in
//! `conformance.unmet`.

use std::collections::{BTreeMap, BTreeSet};

use crate::run::{Cause, Outcome};

/// Lines of file, cause and the numbers of the cases' lines.
const WRITTEN: &str = include_str!("../conformance.unmet");

type Lines = BTreeMap<(String, &'static str), BTreeSet<usize>>;

#[derive(Debug, Default, PartialEq)]
pub struct Ledger(Lines);

impl Ledger {
    pub fn written() -> Self {
        let mut ledger = Self::default();
        for line in WRITTEN.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let (Some(file), Some(name)) = (words.next(), words.next()) else { continue };
            let cause = Cause::ALL.into_iter().find(|cause| cause.name() == name);
            let cause = cause.unwrap_or_else(|| panic!("no cause is called {name}"));
            let numbers = words.map(|word| word.parse().unwrap()).collect();
            ledger.0.insert((file.to_owned(), cause.name()), numbers);
        }
        ledger
    }

    pub fn note(&mut self, file: &str, outcomes: &[(usize, String, Outcome)]) {
        for (line, _, outcome) in outcomes {
            if let Outcome::Unmet(cause, _) = outcome {
                self.0.entry((file.to_owned(), cause.name())).or_default().insert(*line);
            }
        }
    }

    /// What is here and not there.
    pub fn beyond(&self, other: &Ledger) -> Vec<String> {
        let beyond = |(key, lines): (&(String, &'static str), &BTreeSet<usize>)| {
            let known = other.0.get(key).cloned().unwrap_or_default();
            let new: Vec<String> = lines.difference(&known).map(ToString::to_string).collect();
            (!new.is_empty()).then(|| format!("{} {} {}", key.0, key.1, new.join(" ")))
        };
        self.0.iter().filter_map(beyond).collect()
    }
}

/// As it is written down.
impl std::fmt::Display for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for ((file, cause), lines) in &self.0 {
            let numbers: Vec<String> = lines.iter().map(ToString::to_string).collect();
            writeln!(f, "{file} {cause} {}", numbers.join(" "))?;
        }
        Ok(())
    }
}
