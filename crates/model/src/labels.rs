//! Label sets and the matchers that select them.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use regex::Regex;
use serde::{Deserialize, Serialize};

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// A set of labels: sorted by name, each name once, no empty value.
///
/// Cloning, comparing and hashing are cheap: all labels lie in one shared text, and its
/// hash was taken when it was made. An empty value means "not set", as in Prometheus, so
/// it is dropped.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Vec<(String, String)>", into = "Vec<(String, String)>")]
pub struct LabelSet {
    /// XXH3 of `text`.
    hash: u128,
    /// Name and value of each label, each behind its length: injective, so that equal
    /// texts are equal sets. Lengths are ASCII (see [`push_part`]), so it stays UTF-8.
    text: Arc<str>,
}

impl LabelSet {
    pub fn empty() -> Self {
        Self::from_text("")
    }

    /// Later values win over earlier ones of the same name.
    pub fn new<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let pairs: Vec<(N, V)> = pairs.into_iter().collect();
        let mut order: Vec<(&str, &str)> =
            pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        order.reverse();
        order.sort_by_key(|(name, _)| *name);
        order.dedup_by_key(|(name, _)| *name);
        order.retain(|(_, value)| !value.is_empty());
        Self::of_sorted(order.iter().copied())
    }

    /// Pairs that are sorted by name, each name once: the fast way for those who know it.
    /// Any others go the way of [`new`](LabelSet::new).
    pub fn from_sorted<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let mut last = None;
        let is_sorted = pairs.clone().all(|(name, value)| {
            let is_next = last.is_none_or(|last| last < name) && !value.is_empty();
            last = Some(name);
            is_next
        });
        if is_sorted { Self::of_sorted(pairs) } else { Self::new(pairs) }
    }

    fn of_sorted<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut text = String::with_capacity(256);
        for (name, value) in pairs {
            push_part(&mut text, name);
            push_part(&mut text, value);
        }
        Self::from_text(&text)
    }

    fn from_text(text: &str) -> Self {
        Self { hash: xxhash_rust::xxh3::xxh3_128(text.as_bytes()), text: Arc::from(text) }
    }

    /// The labels of the metric `name`.
    pub fn metric<N: AsRef<str>, V: AsRef<str>>(name: &str, pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self::new(pairs).with(METRIC_NAME, name)
    }

    /// Equal for equal sets, and for others by no accident that anybody will see. Not for
    /// files: it may change from one version of the program to the next.
    pub fn hash(&self) -> u128 {
        self.hash
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(candidate, _)| *candidate == name).map(|(_, value)| value)
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
        Self::of_sorted(self.iter().filter(|(name, _)| !names.contains(name)))
    }

    pub fn iter(&self) -> Pairs<'_> {
        Pairs { text: &self.text, at: 0 }
    }

    pub fn len(&self) -> usize {
        self.iter().count()
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Roughly what it takes in memory, should nobody else share it.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + 16 + self.text.len()
    }
}

/// The labels of a set, in order of names.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.part()?, self.part()?))
    }
}

impl<'a> Pairs<'a> {
    fn part(&mut self) -> Option<&'a str> {
        let part = part_at(self.text.as_bytes(), self.at)?;
        self.at = part.end;
        self.text.get(part)
    }
}

/// Where the part lies whose length is at `at`.
fn part_at(text: &[u8], at: usize) -> Option<Range<usize>> {
    let first = *text.get(at)?;
    let mut start = at + 1;
    let mut len = usize::from(first & LENGTH_BITS);
    // Nearly all parts are short.
    let (mut byte, mut shift) = (first, 6);
    while byte & MORE != 0 {
        byte = *text.get(start)?;
        len |= usize::from(byte & LENGTH_BITS) << shift;
        (start, shift) = (start + 1, shift + 6);
    }
    Some(start..start + len)
}

/// Six bits of a length in each byte, lowest first; the seventh says that more follow.
const LENGTH_BITS: u8 = 0x3f;
const MORE: u8 = 0x40;

fn push_part(text: &mut String, part: &str) {
    let mut len = part.len();
    while len > usize::from(LENGTH_BITS) {
        text.push(char::from((len as u8 & LENGTH_BITS) | MORE));
        len >>= 6;
    }
    text.push(char::from(len as u8));
    text.push_str(part);
}

impl PartialEq for LabelSet {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && (Arc::ptr_eq(&self.text, &other.text) || self.text == other.text)
    }
}

impl Eq for LabelSet {}

impl Hash for LabelSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash as u64);
    }
}

/// Label by label, as sorted lists of pairs are compared.
impl Ord for LabelSet {
    /// Sets that are sorted together have their first labels in common. The first part that
    /// is not decides; it begins at the same place in both texts.
    fn cmp(&self, other: &Self) -> Ordering {
        let (one, another) = (self.text.as_bytes(), other.text.as_bytes());
        let differs = common_prefix(one, another);
        let mut at = 0;
        while let Some(part) = part_at(one, at) {
            if differs < part.end {
                let counterpart = part_at(another, at).and_then(|part| another.get(part));
                return one.get(part).cmp(&counterpart);
            }
            at = part.end;
        }
        one.len().cmp(&another.len())
    }
}

fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    const WIDTH: usize = 8;
    let words = one.chunks_exact(WIDTH).zip(other.chunks_exact(WIDTH));
    let whole = words.take_while(|(one, other)| one == other).count() * WIDTH;
    let rest = one[whole..].iter().zip(&other[whole..]);
    whole + rest.take_while(|(one, other)| one == other).count()
}

impl PartialOrd for LabelSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
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
    fn labels_of_any_length_come_back() {
        for len in [1, 62, 63, 64, 4095, 4096, 300_000] {
            let long = "ü".repeat(len);
            let labels = LabelSet::new([("a", long.as_str()), (long.as_str(), "b")]);
            assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", long.as_str()), (long.as_str(), "b")]);
        }
    }

    #[test]
    fn a_set_is_the_same_however_it_was_made() {
        let by_sorted = LabelSet::from_sorted([("a", "1"), ("b", "2")].into_iter());
        let by_others = LabelSet::from_sorted([("b", "2"), ("a", "0"), ("a", "1"), ("c", "")].into_iter());
        let by_steps = LabelSet::new([("b", "2"), ("x", "y")]).with("a", "1").without(&["x"]);
        assert_eq!(by_sorted, by_others);
        assert_eq!(by_sorted, by_steps);
        assert_eq!(by_sorted.hash(), by_steps.hash());
        assert_ne!(by_sorted, LabelSet::new([("a", "1b"), ("b", "2")]));
    }

    #[test]
    fn sets_are_ordered_as_their_lists_of_pairs_are() {
        // Of lengths around those at which one byte no longer tells them.
        let parts: Vec<String> = ["a", "b", "ab", "aé", "a\u{1}"]
            .iter()
            .flat_map(|part| [part.to_string(), part.repeat(31), part.repeat(32), part.repeat(64)])
            .collect();
        let mut sets = vec![LabelSet::empty()];
        for (index, name) in parts.iter().enumerate() {
            let other = &parts[(index * 7 + 3) % parts.len()];
            for value in &parts {
                sets.push(LabelSet::new([("__name__", "m"), (name, value)]));
                sets.push(LabelSet::new([(name, value), (other, name)]));
            }
        }
        for one in &sets {
            for other in &sets {
                assert_eq!(one.cmp(other), one.iter().cmp(other.iter()), "{one} {other}");
            }
        }
    }

    #[test]
    fn sets_are_ordered_label_by_label() {
        let set = |pairs: &[(&str, &str)]| LabelSet::new(pairs.iter().copied());
        let mut sets = vec![set(&[("b", "1")]), set(&[("a", "z")]), set(&[("a", "a"), ("b", "1")]), set(&[])];
        sets.sort();
        let expected = [set(&[]), set(&[("a", "a"), ("b", "1")]), set(&[("a", "z")]), set(&[("b", "1")])];
        assert_eq!(sets, expected);
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
