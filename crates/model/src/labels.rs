//! Label sets and the matchers that select them.

use std::fmt;
use std::sync::Arc;

use regex::Regex;
use serde::{Deserialize, Serialize};

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// A set of labels: sorted by name, each name once, no empty value.
///
/// Cloning is cheap. An empty value means "not set", as in Prometheus, so it is dropped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<(String, String)>", into = "Vec<(String, String)>")]
pub struct LabelSet(Arc<[(Box<str>, Box<str>)]>);

impl LabelSet {
    pub fn empty() -> Self {
        Self(Arc::from([]))
    }

    /// Later values win over earlier ones of the same name.
    pub fn new<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut pairs: Vec<(Box<str>, Box<str>)> = pairs
            .into_iter()
            .map(|(name, value)| (Box::from(name.as_ref()), Box::from(value.as_ref())))
            .collect();
        pairs.reverse();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, first| later.0 == first.0);
        pairs.retain(|(_, value)| !value.is_empty());
        Self(pairs.into())
    }

    /// The labels of the metric `name`.
    pub fn metric<N: AsRef<str>, V: AsRef<str>>(name: &str, pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self::new(pairs).with(METRIC_NAME, name)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .binary_search_by(|(candidate, _)| candidate.as_ref().cmp(name))
            .ok()
            .map(|index| self.0[index].1.as_ref())
    }

    /// The value of `name`, or the empty string, which means the same to a matcher.
    pub fn value(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }

    pub fn metric_name(&self) -> Option<&str> {
        self.get(METRIC_NAME)
    }

    /// This set with `name` set to `value`, or removed when `value` is empty.
    pub fn with(&self, name: &str, value: &str) -> Self {
        Self::new(self.iter().chain([(name, value)]))
    }

    pub fn without(&self, names: &[&str]) -> Self {
        Self::new(self.iter().filter(|(name, _)| !names.contains(name)))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<(String, String)>> for LabelSet {
    fn from(pairs: Vec<(String, String)>) -> Self {
        Self::new(pairs)
    }
}

impl From<LabelSet> for Vec<(String, String)> {
    fn from(labels: LabelSet) -> Self {
        labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// As PromQL writes it: `name{label="value"}`.
impl fmt::Display for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric_name().unwrap_or(""))?;
        let mut labels = self.iter().filter(|(name, _)| *name != METRIC_NAME).peekable();
        if labels.peek().is_none() && self.metric_name().is_some() {
            return Ok(());
        }
        f.write_str("{")?;
        for (index, (name, value)) in labels.enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    Equal,
    NotEqual,
    Matches,
    NotMatches,
}

/// One condition on one label. An absent label has the empty value.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    /// Present exactly for [`MatchOp::Matches`] and [`MatchOp::NotMatches`]; anchored at both ends.
    regex: Option<Regex>,
}

#[derive(Debug, thiserror::Error)]
#[error("`{pattern}` on label `{label}` is not a regular expression that can be run")]
pub struct MatcherError {
    pub label: String,
    pub pattern: String,
    #[source]
    pub source: Box<regex::Error>,
}

/// A compiled expression larger than this is refused: it came from outside.
const REGEX_BYTES_MAX: usize = 1 << 20;

impl Matcher {
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Self, MatcherError> {
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Matches | MatchOp::NotMatches => Some(anchored(name, value)?),
        };
        Ok(Self { name: name.to_owned(), op, value: value.to_owned(), regex })
    }

    pub fn equal(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), op: MatchOp::Equal, value: value.to_owned(), regex: None }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn op(&self) -> MatchOp {
        self.op
    }

    pub fn value(&self) -> &str {
        &self.value
    }

    pub fn matches_value(&self, value: &str) -> bool {
        let by_regex = || self.regex.as_ref().is_some_and(|regex| regex.is_match(value));
        match self.op {
            MatchOp::Equal => value == self.value,
            MatchOp::NotEqual => value != self.value,
            MatchOp::Matches => by_regex(),
            MatchOp::NotMatches => !by_regex(),
        }
    }

    pub fn matches(&self, labels: &LabelSet) -> bool {
        self.matches_value(labels.value(&self.name))
    }

    /// Whether a set without this label is selected.
    pub fn matches_absence(&self) -> bool {
        self.matches_value("")
    }
}

fn anchored(label: &str, pattern: &str) -> Result<Regex, MatcherError> {
    regex::RegexBuilder::new(&format!("^(?s:{pattern})$")).size_limit(REGEX_BYTES_MAX).build().map_err(
        |source| MatcherError {
            label: label.to_owned(),
            pattern: pattern.to_owned(),
            source: Box::new(source),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_the_last_value_of_a_name_wins() {
        let labels = LabelSet::new([("b", "1"), ("a", "2"), ("b", "3"), ("empty", "")]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "2"), ("b", "3")]);
    }

    #[test]
    fn a_set_reads_as_promql() {
        let labels = LabelSet::metric("up", [("job", "a\"b")]);
        assert_eq!(labels.to_string(), r#"up{job="a\"b"}"#);
        assert_eq!(LabelSet::empty().to_string(), "{}");
    }

    #[test]
    fn regular_expressions_are_anchored() -> Result<(), MatcherError> {
        let matcher = Matcher::new("a", MatchOp::Matches, "x|y")?;
        assert!(matcher.matches(&LabelSet::new([("a", "y")])));
        assert!(!matcher.matches(&LabelSet::new([("a", "xy")])));
        Ok(())
    }

    #[test]
    fn an_absent_label_is_an_empty_one() -> Result<(), MatcherError> {
        assert!(Matcher::new("a", MatchOp::NotEqual, "x")?.matches(&LabelSet::empty()));
        assert!(Matcher::new("a", MatchOp::Matches, ".*")?.matches_absence());
        assert!(!Matcher::new("a", MatchOp::Matches, ".+")?.matches_absence());
        Ok(())
    }

    #[test]
    fn a_huge_expression_is_refused() {
        assert!(Matcher::new("a", MatchOp::Matches, "(a{1000}){1000}").is_err());
    }
}
