//! What the whole had to wait for.
//!
//! From the end backwards: a span waits for the child that ends last; before that child
//! began, it waits for the one that ended last before then; where there is none, it works
//! itself. What runs beside that is not on the path: making it faster changes nothing.

use model::Timestamp;

use crate::class::Class;
use crate::tree::{Trace, end_of};

/// A piece of the critical path. Pieces follow each other without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Whose own time it is; absent where no span ran.
    pub row: Option<usize>,
    pub start: Timestamp,
    pub nanos: u64,
}

/// A span whose time is being told apart, from `end` backwards to `start`.
struct Frame {
    row: Option<usize>,
    start: i64,
    /// What is before it is not told yet.
    end: i64,
    /// Those that end first come first.
    children: Vec<usize>,
}

impl Trace {
    /// From the first start to the last end of the trace, in order of time.
    pub fn critical_path(&self) -> Vec<Stretch> {
        let (start, end) = (self.start().as_nanos(), self.end_nanos());
        let mut path = Vec::new();
        let mut frames = vec![self.frame(None, start, end)];
        while let Some(frame) = frames.last_mut() {
            match frame.children.pop() {
                Some(child) => {
                    let child_start = self.spans()[child].start.as_nanos().max(frame.start);
                    let child_end = end_of(&self.spans()[child]).min(frame.end);
                    if child_start >= child_end {
                        continue;
                    }
                    put(&mut path, frame.row, child_end, frame.end);
                    frame.end = child_start;
                    let below = self.frame(Some(child), child_start, child_end);
                    frames.push(below);
                }
                None => {
                    put(&mut path, frame.row, frame.start, frame.end);
                    frames.pop();
                }
            }
        }
        path.reverse();
        path
    }

    /// The critical path by class: what each took of the whole, in the order of
    /// [`Class::ALL`]. Time in which no span ran is in none of them.
    pub fn time_by_class(&self) -> [(Class, u64); Class::ALL.len()] {
        let classes = self.classes();
        let mut times = Class::ALL.map(|class| (class, 0));
        for stretch in self.critical_path() {
            let Some(class) = stretch.row.map(|row| classes[row]) else { continue };
            times
                .iter_mut()
                .filter(|(other, _)| *other == class)
                .for_each(|(_, nanos)| *nanos += stretch.nanos);
        }
        times
    }

    /// By row: the class of the span itself, or of the nearest one above that is of a class.
    /// What a tool does within is the tool's time.
    pub fn classes(&self) -> Vec<Class> {
        let mut classes: Vec<Class> = Vec::with_capacity(self.spans().len());
        for (span, node) in self.spans().iter().zip(self.nodes()) {
            let class = match (Class::of(span), node.parent) {
                // Parents stand before their children.
                (Class::Own, Some(parent)) => classes[parent],
                (class, _) => class,
            };
            classes.push(class);
        }
        classes
    }

    fn frame(&self, row: Option<usize>, start: i64, end: i64) -> Frame {
        let mut children: Vec<usize> = match row {
            Some(row) => self.children(row).collect(),
            None => self.roots().collect(),
        };
        children.sort_by_key(|child| end_of(&self.spans()[*child]));
        Frame { row, start, end, children }
    }
}

/// The path is told backwards, so that a piece that goes on is joined with the last one.
fn put(path: &mut Vec<Stretch>, row: Option<usize>, start: i64, end: i64) {
    if start >= end {
        return;
    }
    let nanos = end.abs_diff(start);
    match path.last_mut() {
        Some(last) if last.row == row && last.start.as_nanos() == end => {
            (last.start, last.nanos) = (Timestamp::from_nanos(start), last.nanos + nanos);
        }
        _ => path.push(Stretch { row, start: Timestamp::from_nanos(start), nanos }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use crate::tests::{span, traced};

    use super::*;

    fn told(trace: &Trace) -> Vec<(Option<&str>, u64)> {
        let name = |row: usize| trace.spans()[row].name.as_str();
        trace.critical_path().iter().map(|stretch| (stretch.row.map(name), stretch.nanos)).collect()
    }

    #[test]
    fn the_path_goes_through_what_ended_last() {
        let trace = traced(&[
            ("turn", 1, 0, 0..100),
            ("chat", 2, 1, 10..40),
            ("read", 3, 1, 20..35), // Beside `chat`, which ends later.
            ("bash", 4, 1, 50..90),
            ("spawn", 5, 4, 55..60),
        ]);
        let expected =
            [("turn", 10), ("chat", 30), ("turn", 10), ("bash", 5), ("spawn", 5), ("bash", 30), ("turn", 10)];
        assert_eq!(told(&trace), expected.map(|(name, nanos)| (Some(name), nanos)));
    }

    #[test]
    fn children_outside_of_their_parent_count_as_far_as_they_are_within() {
        let trace = traced(&[("turn", 1, 0, 10..50), ("early", 2, 1, 0..20), ("late", 3, 1, 40..70)]);
        // `late` ends the trace; its parent was over by then.
        let expected = [(None, 10), (Some("early"), 10), (Some("turn"), 20), (Some("late"), 10), (None, 20)];
        assert_eq!(told(&trace), expected);
    }

    #[test]
    fn time_between_roots_is_nobodys() {
        let trace = traced(&[("first", 1, 0, 0..10), ("second", 2, 0, 30..40)]);
        assert_eq!(told(&trace), [(Some("first"), 10), (None, 20), (Some("second"), 10)]);
        assert_eq!(trace.time_by_class()[5], (Class::Own, 20));
    }

    #[test]
    fn what_a_tool_does_within_is_the_tools_time() {
        let trace = traced(&[
            ("invoke_agent coder", 1, 0, 0..100),
            ("chat fake", 2, 1, 0..60),
            ("execute_tool bash", 3, 1, 60..90),
            ("fork", 4, 3, 70..80),
        ]);
        let times: Vec<u64> = trace.time_by_class().iter().map(|(_, nanos)| *nanos).collect();
        assert_eq!(times, [60, 30, 0, 0, 0, 10]);
    }

    proptest! {
        #[test]
        fn the_path_covers_the_trace_once(
            rows in proptest::collection::vec((0..12u64, 0..1000i64, 0..400u64), 1..40),
        ) {
            let spans = rows.iter().enumerate().map(|(place, (parent, start, length))| {
                span("s", place as u64 + 1, *parent, *start, *length)
            });
            let trace = Trace::of(spans.collect()).unwrap();
            let path = trace.critical_path();
            let mut at = trace.start().as_nanos();
            for stretch in &path {
                prop_assert_eq!(stretch.start.as_nanos(), at);
                prop_assert!(stretch.nanos > 0);
                at += stretch.nanos as i64;
            }
            prop_assert_eq!(at, trace.end_nanos());
        }
    }
}
