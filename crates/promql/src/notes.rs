//! Remarks on an answer: warnings (it may be wrong) and infos (it may not be what you meant).

/// Each remark once, in the order in which they came up.
#[derive(Debug, Default)]
pub struct Notes {
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
}

impl Notes {
    pub fn warn(&mut self, what: impl AsRef<str>, place: &str) {
        add(&mut self.warnings, format!("PromQL warning: {}{place}", what.as_ref()));
    }

    pub fn inform(&mut self, what: impl AsRef<str>, place: &str) {
        add(&mut self.infos, format!("PromQL info: {}{place}", what.as_ref()));
    }
}

/// Prometheus' API shows ten of a kind; a hundred are plenty for any reader.
const NOTES_MAX: usize = 100;

fn add(notes: &mut Vec<String>, note: String) {
    if notes.len() < NOTES_MAX && !notes.contains(&note) {
        notes.push(note);
    }
}

/// What came up while one series was computed, before its place in the query is known.
#[derive(Debug, Default)]
pub struct Remarks {
    seen: Vec<&'static str>,
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
}

impl Remarks {
    /// Texts are only made for the first of each `kind`.
    pub fn warn(&mut self, kind: &'static str, text: impl FnOnce(&'static str) -> String) {
        if self.is_new(kind) {
            self.warnings.push(text(kind));
        }
    }

    pub fn inform(&mut self, kind: &'static str, text: impl FnOnce(&'static str) -> String) {
        if self.is_new(kind) {
            self.infos.push(text(kind));
        }
    }

    fn is_new(&mut self, kind: &'static str) -> bool {
        let is_new = !self.seen.contains(&kind);
        if is_new {
            self.seen.push(kind);
        }
        is_new
    }
}

/// The remark about the metric called `name`.
pub fn about(name: &str) -> impl FnOnce(&'static str) -> String {
    move |kind| format!("{kind}: {name:?}")
}

pub fn for_metric(name: &str) -> impl FnOnce(&'static str) -> String {
    move |kind| format!("{kind} for metric name {name:?}")
}

pub const MIXED_FLOATS: &str = "encountered a mix of histograms and floats";
pub const MIXED_SCHEMAS: &str =
    "vector contains a mix of histograms with exponential and custom buckets schemas";
pub const NOT_A_COUNTER: &str = "this native histogram metric is not a counter";
pub const NOT_A_GAUGE: &str = "this native histogram metric is not a gauge";
pub const IGNORED_IN_RANGE: &str = "ignored histograms in a range containing both floats and histograms";
pub const RECONCILED_ADDITION: &str = "mismatched custom buckets were reconciled during addition";
pub const RECONCILED_SUBTRACTION: &str = "mismatched custom buckets were reconciled during subtraction";
pub const RECONCILED_AGGREGATION: &str = "mismatched custom buckets were reconciled during aggregation";
pub const COLLISION_ADDITION: &str = "conflicting counter resets during histogram addition";
pub const COLLISION_SUBTRACTION: &str = "conflicting counter resets during histogram subtraction";
pub const COLLISION_AGGREGATION: &str = "conflicting counter resets during histogram aggregation";
