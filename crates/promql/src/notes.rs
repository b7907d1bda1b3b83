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
