//! Rows that belong together because some of their labels are equal.
//!
//! A query groups rows by the thousand into a few groups, so the labels of a group are made
//! once, and a row is only compared by the text of the labels that count.

use std::collections::HashMap;

use model::{LabelSet, METRIC_NAME};

/// Which labels count.
#[derive(Clone, Copy, Debug)]
pub enum Counted<'a> {
    Only(&'a [String]),
    /// Neither these nor the metric's name.
    AllBut(&'a [String]),
}

impl Counted<'_> {
    fn counts(self, name: &str) -> bool {
        let is_listed = |labels: &[String]| labels.iter().any(|label| label == name);
        match self {
            Counted::Only(labels) => is_listed(labels),
            Counted::AllBut(labels) => name != METRIC_NAME && !is_listed(labels),
        }
    }

    pub fn of(self, labels: &LabelSet) -> LabelSet {
        LabelSet::from_sorted(labels.iter().filter(|(name, _)| self.counts(name)))
    }
}

/// Numbers groups in the order in which their first rows come.
#[derive(Debug)]
pub struct Grouping<'a> {
    counted: Counted<'a>,
    numbers: HashMap<Box<[u8]>, usize>,
    /// The greatest name that can count; absent when any can.
    last: Option<&'a str>,
    key: Vec<u8>,
}

impl<'a> Grouping<'a> {
    pub fn new(counted: Counted<'a>) -> Self {
        let last = match counted {
            Counted::Only(labels) => Some(labels.iter().max().map_or("", String::as_str)),
            Counted::AllBut(_) => None,
        };
        Self { counted, numbers: HashMap::new(), last, key: Vec::new() }
    }

    /// The number of the group; one that equals the count so far is new, and is then to be
    /// made with [`labels`](Self::labels).
    pub fn number(&mut self, labels: &LabelSet) -> usize {
        self.write_key(labels);
        if let Some(number) = self.numbers.get(&self.key[..]) {
            return *number;
        }
        let number = self.numbers.len();
        self.numbers.insert(self.key.as_slice().into(), number);
        number
    }

    /// The number of a group that is there already.
    pub fn find(&mut self, labels: &LabelSet) -> Option<usize> {
        self.write_key(labels);
        self.numbers.get(&self.key[..]).copied()
    }

    pub fn labels(&self, labels: &LabelSet) -> LabelSet {
        self.counted.of(labels)
    }

    /// Lengths keep parts apart, so that equal keys are equal labels.
    fn write_key(&mut self, labels: &LabelSet) {
        self.key.clear();
        for (name, value) in labels.iter() {
            // Names are in order, so nothing that is listed follows.
            if self.last.is_some_and(|last| last < name) {
                return;
            }
            if self.counted.counts(name) {
                for part in [name, value] {
                    self.key.extend_from_slice(&(part.len() as u32).to_ne_bytes());
                    self.key.extend_from_slice(part.as_bytes());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_labels_that_count_make_groups() {
        let listed = ["a".to_owned()];
        let sets = [[("a", "1"), ("b", "1")], [("a", "1"), ("b", "2")], [("a", "2"), ("b", "1")]];
        let sets = sets.map(|pairs| LabelSet::metric("m", pairs));
        for (counted, numbers) in [
            (Counted::Only(&listed), [0, 0, 1]),
            (Counted::AllBut(&listed), [0, 1, 0]),
            (Counted::Only(&[]), [0, 0, 0]),
            (Counted::AllBut(&[]), [0, 1, 2]),
        ] {
            let mut grouping = Grouping::new(counted);
            assert_eq!(sets.each_ref().map(|labels| grouping.number(labels)), numbers, "{counted:?}");
        }
        let kept = Grouping::new(Counted::AllBut(&listed)).labels(&sets[0]);
        assert_eq!(kept, LabelSet::new([("b", "1")]));
    }

    #[test]
    fn parts_of_labels_are_not_mistaken_for_each_other() {
        let mut grouping = Grouping::new(Counted::AllBut(&[]));
        let numbers = [[("a", "bc")], [("ab", "c")], [("abc", "d")]]
            .map(|pairs| grouping.number(&LabelSet::new(pairs)));
        assert_eq!(numbers, [0, 1, 2]);
    }
}
