//! Matchers, made ready to be put to many indexes.

mod automaton;
mod pattern;

use std::sync::OnceLock;

use model::{MatchOp, Matcher};

pub(crate) use automaton::{Automaton, Run};
pub(crate) use pattern::Pattern;

/// What a query asks for: the streams that all its matchers select.
///
/// Expressions are looked through and compiled once, whatever the number of indexes asked.
#[derive(Debug)]
pub struct Selector<'a> {
    terms: Vec<Term<'a>>,
}

impl<'a> Selector<'a> {
    pub fn new(matchers: &'a [Matcher]) -> Self {
        Self { terms: matchers.iter().map(Term::new).collect() }
    }

    pub(crate) fn terms(&self) -> &[Term<'a>] {
        &self.terms
    }
}

/// One matcher: a pattern of values, selected or refused.
#[derive(Debug)]
pub(crate) struct Term<'a> {
    pub matcher: &'a Matcher,
    pub pattern: Pattern<'a>,
    /// The values of the pattern are those that are *not* selected.
    pub is_negated: bool,
    /// Streams without the label are selected.
    pub selects_absence: bool,
    automaton: OnceLock<Option<Automaton>>,
}

impl<'a> Term<'a> {
    fn new(matcher: &'a Matcher) -> Self {
        let pattern = match matcher.op() {
            MatchOp::Equal | MatchOp::NotEqual => Pattern::Texts(vec![matcher.value().into()]),
            MatchOp::Matches | MatchOp::NotMatches => Pattern::of(matcher.value()),
        };
        Self {
            matcher,
            pattern,
            is_negated: matches!(matcher.op(), MatchOp::NotEqual | MatchOp::NotMatches),
            selects_absence: matcher.matches_absence(),
            automaton: OnceLock::new(),
        }
    }

    /// Whether the pattern has this value, whatever the matcher makes of that.
    pub fn pattern_has(&self, value: &str) -> bool {
        self.matcher.matches_value(value) != self.is_negated
    }

    /// For expressions; some are beyond an automaton, and are put to each value instead.
    pub fn automaton(&self) -> Option<&Automaton> {
        self.automaton.get_or_init(|| Automaton::of(self.matcher.value())).as_ref()
    }
}
