//! A search as a tree, and whether an event fits it.

use regex::Regex;
use storage::{contains_ignoring_case, words};

use crate::event::{Event, Found};
use crate::operand::{Operand, unit_of};

#[derive(Clone, Debug)]
pub enum Expression {
    Not(Box<Expression>),
    /// Of none, everything.
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Text(Text),
    Field {
        name: String,
        condition: Condition,
    },
}

/// Something that a text has. ASCII case is ignored, except by regular expressions.
#[derive(Clone, Debug)]
pub enum Text {
    /// As a word: between characters that belong to none.
    Word(String),
    /// Anywhere.
    Part(String),
    Pattern(Regex),
}

#[derive(Clone, Debug)]
pub enum Condition {
    /// The field is there, whatever its value.
    Exists,
    Is(Operand),
    /// The whole value, or with a free expression any part of it.
    Matches(Regex),
    /// Its text has this.
    Contains(Text),
    Compares(Comparison, Operand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Expression {
    pub fn matches(&self, event: &impl Event) -> bool {
        match self {
            Expression::Not(inner) => !inner.matches(event),
            Expression::And(parts) => parts.iter().all(|part| part.matches(event)),
            Expression::Or(parts) => parts.iter().any(|part| part.matches(event)),
            Expression::Text(text) => event.texts().any(|candidate| text.is_in(candidate)),
            Expression::Field { name, condition } => {
                event.field(name).is_some_and(|found| condition.holds(name, &found))
            }
        }
    }
}

impl Text {
    pub fn is_in(&self, candidate: &str) -> bool {
        match self {
            Text::Word(word) => words(candidate).any(|other| other.eq_ignore_ascii_case(word)),
            Text::Part(part) => contains_ignoring_case(candidate, part),
            Text::Pattern(regex) => regex.is_match(candidate),
        }
    }
}

impl Condition {
    fn holds(&self, name: &str, found: &Found<'_>) -> bool {
        match self {
            Condition::Exists => true,
            Condition::Matches(regex) => regex.is_match(&found.text()),
            Condition::Contains(text) => text.is_in(&found.text()),
            Condition::Is(operand) => is(name, found, operand),
            Condition::Compares(comparison, operand) => {
                sides(name, found, operand).is_some_and(|(found, wanted)| comparison.holds(found, wanted))
            }
        }
    }
}

impl Comparison {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
        }
    }
}

fn is(name: &str, found: &Found<'_>, operand: &Operand) -> bool {
    match found {
        Found::Text(text) => *text == operand.text,
        _ => sides(name, found, operand).is_some_and(|(found, wanted)| found == wanted),
    }
}

/// Both as numbers of one unit; nothing when they cannot be compared.
fn sides(name: &str, found: &Found<'_>, operand: &Operand) -> Option<(f64, f64)> {
    let number = match found {
        Found::Severity(severity) => {
            return Some((f64::from(*severity as u8), f64::from(operand.severity? as u8)));
        }
        Found::Duration(nanos) => return Some((*nanos as f64, operand.duration_nanos?)),
        Found::Number(number) => *number,
        // Some senders write numbers as text.
        Found::Text(text) => text.parse().ok()?,
    };
    match (operand.number, operand.duration_nanos) {
        (Some(wanted), _) => Some((number, wanted)),
        (None, Some(wanted)) => Some((number * unit_of(name), wanted)),
        (None, None) => None,
    }
}
