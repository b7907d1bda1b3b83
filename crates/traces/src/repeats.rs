//! Calls that are made again and again.

use std::collections::HashMap;

use crate::tree::Trace;

/// Calls of one name below one parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Absent for roots.
    pub parent: Option<usize>,
    /// In order of their start.
    pub rows: Vec<usize>,
    /// Together, whether they ran one after the other or not.
    pub nanos: u64,
}

impl Trace {
    /// Those that are at least `least` times below one parent: what takes longest comes
    /// first.
    pub fn repeats(&self, least: usize) -> Vec<Repeat> {
        let mut by_name: HashMap<(Option<usize>, &str), Vec<usize>> = HashMap::new();
        for (row, (span, node)) in self.spans().iter().zip(self.nodes()).enumerate() {
            by_name.entry((node.parent, span.name.as_str())).or_default().push(row);
        }
        let repeat = |((parent, _), rows): ((Option<usize>, &str), Vec<usize>)| {
            let nanos = rows.iter().map(|row| self.spans()[*row].duration_nanos);
            Repeat { parent, nanos: nanos.fold(0, u64::saturating_add), rows }
        };
        let mut repeats: Vec<Repeat> =
            by_name.into_iter().filter(|(_, rows)| rows.len() >= least).map(repeat).collect();
        repeats.sort_by(|a, b| b.nanos.cmp(&a.nanos).then_with(|| a.rows.cmp(&b.rows)));
        repeats
    }
}
