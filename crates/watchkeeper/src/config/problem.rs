//! What is wrong with a configuration: which key, why, and where it was written.

use std::fmt;

use super::Origin;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub key: String,
    pub reason: String,
    /// Absent when the fault is not in one written value.
    pub origin: Option<Origin>,
}

impl Problem {
    pub fn new(key: &str, reason: impl Into<String>, origin: Option<Origin>) -> Self {
        Self { key: key.to_owned(), reason: reason.into(), origin }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            // A variable's own name says where it was written.
            Some(Origin::Environment(name)) if *name == self.key => {
                write!(f, "{}: {} (environment)", self.key, self.reason)
            }
            Some(origin) => write!(f, "{}: {} ({origin})", self.key, self.reason),
            None => write!(f, "{}: {}", self.key, self.reason),
        }
    }
}

/// All that is wrong, in the order in which it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// `Ok` when there is none.
    pub fn none_in(problems: Vec<Problem>) -> Result<(), Problems> {
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [problem] => write!(f, "the configuration has a problem: {problem}"),
            problems => {
                write!(f, "the configuration has {} problems:", problems.len())?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl std::error::Error for Problems {}
