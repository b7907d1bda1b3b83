//! `sort` and its kin. Order only shows in the answer of an instant query.

use std::cmp::Ordering;

use model::LabelSet;

use super::{Function, argument};
use crate::EvalError;
use crate::eval::{Evaluator, Row};
use crate::parse::expression::Expression;
use crate::plan::Grid;

pub fn ascending<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let mut rows = evaluator.float_rows(argument(function, arguments, 0)?, grid)?;
    rows.sort_by(|a, b| by_value(a, b, f64::total_cmp));
    Ok(rows)
}

pub fn descending<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let mut rows = evaluator.float_rows(argument(function, arguments, 0)?, grid)?;
    rows.sort_by(|a, b| by_value(a, b, |a, b| b.total_cmp(a)));
    Ok(rows)
}

pub fn by_label<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let names = label_names(evaluator, arguments)?;
    sorted(evaluator, function, arguments, grid, |a, b| by_labels(&a.labels, &b.labels, &names))
}

pub fn by_label_descending<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let names = label_names(evaluator, arguments)?;
    sorted(evaluator, function, arguments, grid, |a, b| by_labels(&b.labels, &a.labels, &names))
}

fn sorted<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
    compare: impl Fn(&Row, &Row) -> Ordering,
) -> Result<Vec<Row>, EvalError> {
    let argument = argument(function, arguments, 0)?;
    let mut rows = evaluator.rows(argument, grid)?;
    rows.sort_by(compare);
    Ok(rows)
}

fn label_names<'a>(
    evaluator: &Evaluator<'a>,
    arguments: &'a [Expression],
) -> Result<Vec<&'a str>, EvalError> {
    arguments.iter().skip(1).map(|name| evaluator.text(name)).collect()
}

/// What is not a number comes last in either direction.
fn by_value(a: &Row, b: &Row, compare: fn(&f64, &f64) -> Ordering) -> Ordering {
    let value = |row: &Row| row.points.first().copied().flatten().unwrap_or(f64::NAN);
    let (a, b) = (value(a), value(b));
    a.is_nan().cmp(&b.is_nan()).then_with(|| compare(&a, &b))
}

fn by_labels(a: &LabelSet, b: &LabelSet, names: &[&str]) -> Ordering {
    let compare = |name: &&str| natural(a.value(name), b.value(name));
    names.iter().map(compare).find(|order| order.is_ne()).unwrap_or_else(|| a.cmp(b))
}

/// As people sort: digits within a text count as the number they spell.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        if a.is_empty() || b.is_empty() {
            return a.len().cmp(&b.len());
        }
        let (a_part, a_rest) = split_part(a);
        let (b_part, b_rest) = split_part(b);
        let both_numbers = a_part.as_bytes()[0].is_ascii_digit() && b_part.as_bytes()[0].is_ascii_digit();
        let order = if both_numbers { by_number(a_part, b_part) } else { a_part.cmp(b_part) };
        if order.is_ne() {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
}

/// The digits, or the other characters, with which a text begins.
fn split_part(text: &str) -> (&str, &str) {
    let is_digit = text.as_bytes()[0].is_ascii_digit();
    let end = text.find(|letter: char| letter.is_ascii_digit() != is_digit).unwrap_or(text.len());
    text.split_at(end)
}

/// Without leading zeros the longer number is the larger one, however long.
fn by_number(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_within_text_are_sorted_by_their_value() {
        for (small, large) in
            [("cpu2", "cpu10"), ("4m5", "4m600"), ("1.2.3", "1.11.3"), ("a", "b"), ("", "0")]
        {
            assert_eq!(natural(small, large), Ordering::Less, "{small} {large}");
        }
    }
}
