//! Log records by filter, in order of time.

use std::cmp::Ordering;
use std::sync::Arc;

use model::{LogRecord, Timestamp};
use storage::{LogQuery, Order, QueryError};

use crate::segment::Segment;
use crate::select::{read_segment, segments};
use crate::shared::{Shared, TableRow};
use crate::table::{LogRow, Row};

pub fn search(shared: &Shared, query: &LogQuery) -> Result<Vec<LogRecord>, QueryError> {
    let keep = |row: &LogRow| query.selects(&row.0);
    let snapshot = shared.snapshot::<LogRow>(&query.stream, query.range, keep);
    let mut hits = Hits::new(query);
    for (_, rows) in snapshot.active {
        hits.add(rows, u64::MAX);
    }
    if let Some(frozen) = &snapshot.view.frozen {
        for (_, rows) in LogRow::streams(&frozen.memtable).select(&query.stream, query.range, keep) {
            hits.add(rows, u64::MAX - 1);
        }
    }
    let mut segments: Vec<&Arc<Segment>> = segments::<LogRow>(&snapshot.view, query.range).collect();
    // The days that are asked for first are read first, so that later ones need no reading.
    if query.order == Order::NewestFirst {
        segments.reverse();
    }
    for segment in segments {
        if hits.needs_nothing_of(segment) {
            continue;
        }
        let age = segment.footer.wal.last;
        read_segment::<LogRow>(shared, segment, &query.stream, query.range, |labels, rows| {
            let rows = rows.into_iter().map(|row| row.within(labels)).filter(keep).collect();
            hits.add(rows, age);
            Ok(())
        })?;
    }
    Ok(hits.finish())
}

/// The best hits so far, at most about twice as many as are wanted.
struct Hits {
    order: Order,
    limit: usize,
    found: Vec<Hit>,
    /// Once `limit` hits are known: no worse one is of interest.
    worst: Option<Timestamp>,
}

struct Hit {
    row: LogRow,
    /// Within a stream and instant, records of a greater age number came later.
    age: u64,
}

impl Hits {
    fn new(query: &LogQuery) -> Self {
        Self { order: query.order, limit: query.limit, found: Vec::new(), worst: None }
    }

    /// Rows of one stream and source, in order of arrival within each instant.
    fn add(&mut self, rows: Vec<LogRow>, age: u64) {
        self.found.extend(rows.into_iter().map(|row| Hit { row, age }));
        if self.found.len() > self.limit.saturating_mul(2).saturating_add(1024) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.found.sort_by(|a, b| a.compare(b));
        if self.found.len() < self.limit {
            return;
        }
        match self.order {
            Order::OldestFirst => self.found.truncate(self.limit),
            Order::NewestFirst => drop(self.found.drain(..self.found.len() - self.limit)),
        }
        let worst = match self.order {
            Order::OldestFirst => self.found.last(),
            Order::NewestFirst => self.found.first(),
        };
        self.worst = worst.map(|hit| hit.row.at());
    }

    fn needs_nothing_of(&mut self, segment: &Segment) -> bool {
        if self.found.len() >= self.limit {
            self.cut();
        }
        match (self.order, self.worst) {
            (_, None) => self.limit == 0,
            (Order::OldestFirst, Some(worst)) => segment.footer.first_at > worst,
            (Order::NewestFirst, Some(worst)) => segment.footer.last_at < worst,
        }
    }

    fn finish(mut self) -> Vec<LogRecord> {
        self.cut();
        if self.order == Order::NewestFirst {
            self.found.reverse();
        }
        self.found.into_iter().map(|hit| Arc::unwrap_or_clone(hit.row.0)).collect()
    }
}

impl Hit {
    /// By time, then stream, then arrival (the sort is stable): the same before and after
    /// a flush.
    fn compare(&self, other: &Hit) -> Ordering {
        let stream = || self.row.0.stream.cmp(&other.row.0.stream);
        self.row.at().cmp(&other.row.at()).then_with(stream).then_with(|| self.age.cmp(&other.age))
    }
}
