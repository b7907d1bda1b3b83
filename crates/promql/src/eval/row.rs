//! One series of an intermediate result.

use model::LabelSet;

/// A value or nothing for every step of the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub labels: LabelSet,
    /// The metric's name no longer describes the values. It is removed when the answer is
    /// made, not before, so that `label_replace` can still read it.
    pub drop_name: bool,
    pub points: Vec<Option<f64>>,
}

impl Row {
    pub fn new(labels: LabelSet, drop_name: bool, points: Vec<Option<f64>>) -> Self {
        Self { labels, drop_name, points }
    }

    pub fn is_empty(&self) -> bool {
        self.points.iter().all(Option::is_none)
    }
}
