//! The spans of a trace as a tree.

use std::collections::HashMap;

use model::{Span, SpanId, Timestamp};

/// One span in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// The row of its parent. Absent for roots and for spans whose parent is not there.
    pub parent: Option<usize>,
    pub depth: usize,
    /// Spans below it, all levels together.
    pub descendants: usize,
    /// While it ran, and none of its children did.
    pub self_nanos: u64,
}

/// The spans of one trace, each behind its parent, children in order of their start: the
/// rows of a waterfall.
#[derive(Clone, Debug)]
pub struct Trace {
    spans: Vec<Span>,
    nodes: Vec<Node>,
    /// Spans whose parent is named and not there.
    orphans: usize,
}

/// In nanoseconds since 1970; the last instant there is for one that ends after it.
pub(crate) fn end_of(span: &Span) -> i64 {
    let duration = i64::try_from(span.duration_nanos).unwrap_or(i64::MAX);
    span.start.as_nanos().saturating_add(duration)
}

impl Trace {
    /// `None` without spans. Of several with one id the last counts. Parents that are their
    /// own descendants are taken for roots.
    pub fn of(spans: Vec<Span>) -> Option<Self> {
        let mut by_id: HashMap<SpanId, usize> = HashMap::with_capacity(spans.len());
        let mut distinct: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans {
            match by_id.get(&span.id) {
                Some(place) => distinct[*place] = span,
                None => {
                    by_id.insert(span.id, distinct.len());
                    distinct.push(span);
                }
            }
        }
        if distinct.is_empty() {
            return None;
        }
        let parents: Vec<Option<usize>> =
            distinct.iter().map(|span| span.parent.and_then(|id| by_id.get(&id).copied())).collect();
        let orphans = distinct.iter().zip(&parents);
        let orphans = orphans.filter(|(span, parent)| span.parent.is_some() && parent.is_none()).count();
        let parents = without_circles(parents);
        let order = waterfall(&distinct, &parents);
        Some(Self::in_order(distinct, &parents, &order, orphans))
    }

    fn in_order(spans: Vec<Span>, parents: &[Option<usize>], order: &[usize], orphans: usize) -> Self {
        let mut row_of = vec![0; spans.len()];
        order.iter().enumerate().for_each(|(row, place)| row_of[*place] = row);
        let mut places: Vec<Option<Span>> = spans.into_iter().map(Some).collect();
        let spans: Vec<Span> = order.iter().filter_map(|place| places[*place].take()).collect();
        let mut nodes: Vec<Node> = Vec::with_capacity(order.len());
        for place in order {
            let parent = parents[*place].map(|parent| row_of[parent]);
            let depth = parent.map_or(0, |parent| nodes[parent].depth + 1);
            nodes.push(Node { parent, depth, descendants: 0, self_nanos: 0 });
        }
        for row in (0..nodes.len()).rev() {
            if let Some(parent) = nodes[row].parent {
                nodes[parent].descendants += nodes[row].descendants + 1;
            }
        }
        let mut trace = Self { spans, nodes, orphans };
        for row in 0..trace.nodes.len() {
            trace.nodes[row].self_nanos = trace.self_nanos(row);
        }
        trace
    }

    /// In order of rows.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// As [`spans`](Trace::spans).
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub fn orphans(&self) -> usize {
        self.orphans
    }

    /// Rows without a parent, in order of their start.
    pub fn roots(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(|row| self.nodes[*row].depth == 0)
    }

    /// In order of their start.
    pub fn children(&self, row: usize) -> impl Iterator<Item = usize> {
        let end = row + self.nodes[row].descendants;
        let mut next = row + 1;
        std::iter::from_fn(move || {
            let child = next;
            (child <= end).then(|| next += self.nodes[child].descendants + 1).map(|()| child)
        })
    }

    /// When its first span started.
    pub fn start(&self) -> Timestamp {
        Timestamp::from_nanos(self.spans.iter().map(|span| span.start.as_nanos()).min().unwrap_or(0))
    }

    /// From the first start to the last end.
    pub fn duration_nanos(&self) -> u64 {
        self.end_nanos().abs_diff(self.start().as_nanos())
    }

    pub(crate) fn end_nanos(&self) -> i64 {
        self.spans.iter().map(end_of).max().unwrap_or(0)
    }

    /// The span's time that none of its children covers. Children count as far as they are
    /// within it.
    fn self_nanos(&self, row: usize) -> u64 {
        let span = &self.spans[row];
        let (start, end) = (span.start.as_nanos(), end_of(span));
        // Children come in order of their start.
        let (mut covered, mut until) = (0u64, start);
        for child in self.children(row) {
            let from = self.spans[child].start.as_nanos().clamp(until, end);
            let to = end_of(&self.spans[child]).clamp(from, end);
            covered += to.abs_diff(from);
            until = to;
        }
        end.abs_diff(start).saturating_sub(covered)
    }
}

/// Cuts each circle at one of its spans.
fn without_circles(mut parents: Vec<Option<usize>>) -> Vec<Option<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        OnThisWay,
        Before,
    }
    let mut seen = vec![Seen::Not; parents.len()];
    for start in 0..parents.len() {
        let mut way = Vec::new();
        let mut next = Some(start);
        while let Some(place) = next.filter(|place| seen[*place] == Seen::Not) {
            seen[place] = Seen::OnThisWay;
            way.push(place);
            next = parents[place];
        }
        if let (Some(place), Some(last)) = (next, way.last())
            && seen[place] == Seen::OnThisWay
        {
            parents[*last] = None;
        }
        way.into_iter().for_each(|place| seen[place] = Seen::Before);
    }
    parents
}

/// Parents before their children, children in order of their start.
fn waterfall(spans: &[Span], parents: &[Option<usize>]) -> Vec<usize> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    let mut roots = Vec::new();
    for (place, parent) in parents.iter().enumerate() {
        match parent {
            Some(parent) => children[*parent].push(place),
            None => roots.push(place),
        }
    }
    // Taken from the end, so that the last is the first. Long spans go before short ones.
    let by_start = |place: &usize| {
        let span = &spans[*place];
        (std::cmp::Reverse(span.start), span.duration_nanos, std::cmp::Reverse(span.id))
    };
    let mut waiting = roots;
    waiting.sort_by_key(by_start);
    let mut order = Vec::with_capacity(spans.len());
    while let Some(place) = waiting.pop() {
        order.push(place);
        let mut below = std::mem::take(&mut children[place]);
        below.sort_by_key(by_start);
        waiting.extend(below);
    }
    order
}
