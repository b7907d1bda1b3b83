//! An expression that walks along sorted values.

use regex_automata::Anchored;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::start;

/// As [`Matcher`](model::Matcher) limits its own: the expression came from outside.
const NFA_BYTES_MAX: usize = 1 << 20;

/// States are made as values ask for them. Common expressions take some kilobytes; one that
/// outgrows this is put to each value by other means.
const CACHE_BYTES_MAX: usize = 4 << 20;

/// Anchored at both ends, in time linear in the values.
#[derive(Clone, Debug)]
pub struct Automaton {
    dfa: DFA,
}

impl Automaton {
    /// `None` for expressions that need more than a finite automaton of bytes, such as `\b`
    /// among letters of all alphabets.
    pub fn of(expression: &str) -> Option<Self> {
        let config = DFA::config()
            .cache_capacity(CACHE_BYTES_MAX)
            // Clearing would forget the states that a run has kept for the next value.
            .minimum_cache_clear_count(Some(0));
        let dfa = DFA::builder()
            .configure(config)
            .thompson(thompson::Config::new().nfa_size_limit(Some(NFA_BYTES_MAX)))
            .build(&format!("^(?s:{expression})$"));
        Some(Self { dfa: dfa.ok()? })
    }

    /// `None` when not even the beginning can be made.
    pub fn run(&self) -> Option<Run<'_>> {
        let mut cache = self.dfa.create_cache();
        let anchored = start::Config::new().anchored(Anchored::Yes);
        let start = self.dfa.start_state(&mut cache, &anchored).ok()?;
        Some(Run { dfa: &self.dfa, cache, states: vec![start] })
    }
}

/// Remembers the states along the last value, so that what neighbours share is walked once.
#[derive(Debug)]
pub struct Run<'a> {
    dfa: &'a DFA,
    cache: Cache,
    /// After each byte of the last value, up to a dead one.
    states: Vec<LazyStateID>,
}

impl Run<'_> {
    /// Whether the value matches; its first `shared` bytes are those of the value before.
    /// `None` when it takes more states than allowed: the run cannot go on then.
    pub fn matches(&mut self, value: &[u8], shared: usize) -> Option<bool> {
        self.states.truncate(shared + 1);
        let mut state = *self.states.last()?;
        while !state.is_dead() && self.states.len() <= value.len() {
            state = self.dfa.next_state(&mut self.cache, state, value[self.states.len() - 1]).ok()?;
            if state.is_quit() {
                return None;
            }
            self.states.push(state);
        }
        if state.is_dead() {
            return Some(false);
        }
        Some(self.dfa.next_eoi_state(&mut self.cache, state).ok()?.is_match())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use model::{MatchOp, Matcher};

    fn check(expression: &str, values: &[String]) {
        let matcher = Matcher::new("a", MatchOp::Matches, expression).unwrap();
        let automaton = Automaton::of(expression).unwrap();
        let mut run = automaton.run().unwrap();
        let mut last: &str = "";
        for value in values {
            let shared = last.bytes().zip(value.bytes()).take_while(|(a, b)| a == b).count();
            let expected = Some(matcher.matches_value(value));
            assert_eq!(run.matches(value.as_bytes(), shared), expected, "{expression} {value:?}");
            last = value;
        }
    }

    #[test]
    fn a_dot_is_any_character() {
        check("a.b", &["a\nb".into(), "aüb".into(), "a".into(), "ab".into()]);
    }

    #[test]
    fn an_expression_that_needs_too_many_states_gives_up() {
        let automaton = Automaton::of("(a|b)*a(a|b){18}").unwrap();
        let mut run = automaton.run().unwrap();
        let values =
            (0..400_000u32).map(|number| format!("{number:019b}").replace('0', "a").replace('1', "b"));
        assert!(values.map(|value| run.matches(value.as_bytes(), 0)).any(|matched| matched.is_none()));
    }

    proptest! {
        #[test]
        fn runs_agree_with_matchers(mut values: Vec<String>, mut short in proptest::collection::vec("[abc]{0,4}", 0..20)) {
            values.append(&mut short);
            values.sort();
            for expression in ["a|b.*", "[ab]*c", "a??b?", "(?i)AB+", "[^a]+", "(a|ab)(c|bcd)*", ".*b.*", "a$|^b"] {
                check(expression, &values);
            }
        }
    }
}
