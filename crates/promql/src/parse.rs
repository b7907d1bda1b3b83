//! Text to [`Query`].
//!
//! The grammar is `promql-parser`'s. `tokens` looks at the text first: it bounds how deep
//! an expression can become and remembers where things stand, which the grammar forgets.
//! `lower` turns the grammar's tree into `expression`, which is what the rest works on.

mod durations;
pub mod expression;
mod lower;
mod strings;
mod tokens;
mod tree;

use std::sync::Arc;

use model::{METRIC_NAME, MatchOp, Matcher};

use crate::ParseError;
use expression::{Expression, Kind, Selector, ValueType};
pub use tree::{format, syntax_tree};

/// A query that was understood. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Query(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    text: String,
    root: Expression,
    selectors: Vec<Selector>,
    experimental: Option<String>,
}

pub fn parse(text: &str) -> Result<Query, ParseError> {
    let Grammar { tokens, tree } = understood(text)?;
    let lowered = lower::lower(&tree, tokens)?;
    let lower::Lowered { root, selectors, experimental } = lowered;
    Ok(Query(Arc::new(Parsed { text: text.to_owned(), root, selectors, experimental })))
}

/// What the grammar makes of a text.
struct Grammar<'a> {
    tokens: Vec<tokens::Token<'a>>,
    tree: promql_parser::parser::Expr,
}

fn understood(text: &str) -> Result<Grammar<'_>, ParseError> {
    let tokens = tokens::scan(text)?;
    let known = durations::folded(tokens::in_terms_of_grammar(text, &tokens))?;
    // `tokens` refuses what is known to make the grammar's crate panic. What is not known
    // must not take the caller down either: the text came from outside.
    let tree = std::panic::catch_unwind(|| promql_parser::parser::parse(&known))
        .map_err(|_| ParseError::new("the query cannot be parsed"))?
        .map_err(ParseError::new)?;
    Ok(Grammar { tokens, tree })
}

impl Query {
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The metric names that its selectors ask for, each once. A selector that finds its
    /// metrics by a regular expression has no name here.
    pub fn metric_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .selectors()
            .iter()
            .flat_map(|selector| &selector.matchers)
            .filter(|matcher| matcher.name() == METRIC_NAME && matcher.op() == MatchOp::Equal)
            .map(|matcher| matcher.value().to_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The matchers of each selector, in the order of the text.
    pub fn selections(&self) -> impl Iterator<Item = &[Matcher]> {
        self.selectors().iter().map(|selector| selector.matchers.as_slice())
    }

    /// The matchers, when the text is one selector at the time of the query and nothing else.
    pub fn plain_selector(&self) -> Option<&[Matcher]> {
        match &self.root().kind {
            Kind::Instant { selector, shift } if shift.anchor.is_none() && shift.offset_ms == 0 => {
                Some(&self.selectors().get(*selector)?.matchers)
            }
            _ => None,
        }
    }

    /// The first function, aggregation or modifier of the text that Prometheus calls
    /// experimental: it may change its meaning or go.
    pub fn experimental(&self) -> Option<&str> {
        self.0.experimental.as_deref()
    }

    pub(crate) fn root(&self) -> &Expression {
        &self.0.root
    }

    pub(crate) fn selectors(&self) -> &[Selector] {
        &self.0.selectors
    }

    pub(crate) fn value_type(&self) -> ValueType {
        self.0.root.value_type()
    }

    /// ` (line:column)` of a byte of the text, as Prometheus ends its remarks.
    pub(crate) fn place(&self, at: Option<usize>) -> String {
        let Some(before) = at.and_then(|at| self.text().get(..at)) else { return String::new() };
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
        format!(" ({line}:{column})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::parse;

    #[test]
    fn a_query_names_the_metrics_it_reads() {
        let query = parse(r#"sum(rate(a_total[5m])) / b{x="1"} + {__name__="c"} + a_total"#).unwrap();
        assert_eq!(query.metric_names(), ["a_total", "b", "c"]);
    }

    #[test]
    fn what_is_experimental_is_named() {
        for (text, expected) in [
            ("sum(rate(a[5m]))", None),
            ("sum(mad_over_time(a[5m]))", Some("mad_over_time()")),
            ("limitk(2, a)", Some("limitk()")),
            ("a + fill (0) b", Some("fill")),
        ] {
            assert_eq!(parse(text).unwrap().experimental(), expected, "{text}");
        }
    }

    #[test]
    fn a_plain_selector_gives_its_matchers() {
        let matchers = |text| parse(text).unwrap().plain_selector().map(<[_]>::len);
        assert_eq!(matchers(r#"up{job="a"}"#), Some(2));
        for text in ["up offset 5m", "up @ 0", "up[5m]", "sum(up)", "1"] {
            assert_eq!(matchers(text), None, "{text}");
        }
    }

    #[test]
    fn a_query_keeps_its_text() {
        assert_eq!(parse(" up ").unwrap().text(), " up ");
    }

    #[test]
    fn nonsense_is_refused_with_words() {
        for text in [
            "",
            "sum(",
            "up[",
            "1 +",
            "rate(up)",
            "foo[NaN]",
            "foo[1e400]",
            "foo offset -inf",
            "foo[-1]",
            "up{a='b' or c='d'}",
            "{}",
        ] {
            assert!(!parse(text).unwrap_err().message.is_empty(), "{text}");
        }
    }

    #[test]
    fn an_expression_without_bottom_is_refused_before_it_costs_the_stack() {
        for text in
            ["(".repeat(5_000), "-".repeat(5_000) + "1", "1^".repeat(5_000) + "1", "1+".repeat(5_000) + "1"]
        {
            assert!(parse(&text).is_err());
        }
    }
}
