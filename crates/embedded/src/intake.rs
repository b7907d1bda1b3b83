//! From batches to rows of numbered streams: what the commit thread does before it writes.
//!
//! Every stream of a table and day has a dense number, given in order of arrival. The
//! numbers of open days are here and nobody else's, so that finding a known stream takes
//! no lock, no allocation and no look at its labels. A [`Group`] holds the rows of all
//! batches that become durable together; should the write fail, [`Intake::undo`] takes
//! back the numbers that it gave away.

mod limits;
mod numbers;
mod sources;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Batch, Exemplar, HistogramSample, LabelSet, LogRecord, Sample, Span, Timestamp};
use parking_lot::Mutex;
use storage::Appended;

pub use limits::Limits;
pub use numbers::{Numbers, WalNumber};
pub use sources::Offenders;

use limits::Refusals;

use crate::batch::places;
use crate::table::{Day, Table};

/// Rows of one table and day, and the streams among them that are new there.
#[derive(Debug)]
pub struct DayGroup<T> {
    /// The number of the first stream of which the labels are in the active memtable.
    pub base: u32,
    /// They have the last numbers of the day.
    pub fresh: Vec<LabelSet>,
    pub rows: Vec<(u32, T)>,
}

/// Rows by their day.
pub type Days<T> = BTreeMap<Day, DayGroup<T>>;

/// Rows of one series and one day.
#[derive(Debug)]
pub struct SeriesRows<T> {
    pub labels: LabelSet,
    pub rows: Vec<T>,
}

/// What becomes durable together.
#[derive(Debug, Default)]
pub struct Group {
    pub samples: Days<SeriesRows<Sample>>,
    pub histograms: Days<SeriesRows<HistogramSample>>,
    pub exemplars: Days<SeriesRows<Exemplar>>,
    pub logs: Days<Arc<LogRecord>>,
    pub spans: Days<Arc<Span>>,
}

impl Group {
    pub fn is_empty(&self) -> bool {
        Table::APPENDED.into_iter().all(|table| self.row_count(table) == 0)
    }

    pub fn row_count(&self, table: Table) -> usize {
        fn count<T>(days: &Days<T>, rows_of: impl Fn(&T) -> usize) -> usize {
            days.values().flat_map(|day| &day.rows).map(|(_, row)| rows_of(row)).sum()
        }
        match table {
            Table::Samples => count(&self.samples, |series| series.rows.len()),
            Table::Histograms => count(&self.histograms, |series| series.rows.len()),
            Table::Exemplars => count(&self.exemplars, |series| series.rows.len()),
            Table::Logs => count(&self.logs, |_| 1),
            Table::Spans => count(&self.spans, |_| 1),
            Table::Rollup(_) => 0,
        }
    }
}

/// Reads the numbers of a day from what is on disk and in frozen memory.
pub type Load<'a, E> = &'a mut dyn FnMut(Table, Day) -> Result<Numbers, E>;

#[derive(Debug)]
pub struct Intake {
    limits: Limits,
    days: BTreeMap<(Table, Day), Numbers>,
    offenders: Arc<Mutex<Offenders>>,
}

impl Intake {
    /// `offenders` learns who passes the limits.
    pub fn new(limits: Limits, offenders: Arc<Mutex<Offenders>>) -> Self {
        Self { limits, days: BTreeMap::new(), offenders }
    }

    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Adds the rows of a batch to the group, without those that pass a limit. After an
    /// error of `load` the group is as it was.
    pub fn place<E>(&mut self, batch: Batch, group: &mut Group, load: Load<'_, E>) -> Result<Appended, E> {
        for day in days_of(&batch) {
            if let Entry::Vacant(vacant) = self.days.entry(day) {
                vacant.insert(load(day.0, day.1)?);
            }
        }
        let mut refusals = Refusals::default();
        for series in batch.series {
            self.place_series(Placed {
                series: SeriesRows { labels: series.labels, rows: series.samples },
                table: Table::Samples,
                at: |sample| sample.at,
                group: &mut group.samples,
                refusals: &mut refusals,
            });
        }
        for mut series in batch.histograms {
            let limits = &self.limits;
            refusals.retain(Table::Histograms, &series.labels, &mut series.samples, |sample| {
                limits.check_histogram(&sample.histogram)
            });
            self.place_series(Placed {
                series: SeriesRows { labels: series.labels, rows: series.samples },
                table: Table::Histograms,
                at: |sample| sample.at,
                group: &mut group.histograms,
                refusals: &mut refusals,
            });
        }
        for mut series in batch.exemplars {
            let limits = &self.limits;
            refusals.retain(Table::Exemplars, &series.labels, &mut series.exemplars, |exemplar| {
                limits.check_labels(&exemplar.labels)
            });
            self.place_series(Placed {
                series: SeriesRows { labels: series.labels, rows: series.exemplars },
                table: Table::Exemplars,
                at: |exemplar| exemplar.at,
                group: &mut group.exemplars,
                refusals: &mut refusals,
            });
        }
        for record in batch.logs {
            let numbers = numbers_of(&mut self.days, Table::Logs, record.at);
            let group = group_of(&mut group.logs, record.at, numbers);
            let number = self
                .limits
                .check_record(&record)
                .and_then(|()| numbers.number(&record.stream, &mut group.fresh, &self.limits));
            match number {
                Ok(number) => group.rows.push((number, Arc::new(record))),
                Err(limit) => refusals.add(Table::Logs, limit, &record.stream, 1),
            }
        }
        for span in batch.spans {
            let numbers = numbers_of(&mut self.days, Table::Spans, span.start);
            let group = group_of(&mut group.spans, span.start, numbers);
            let number = self
                .limits
                .check_span(&span)
                .and_then(|()| numbers.number(&span.stream, &mut group.fresh, &self.limits));
            match number {
                Ok(number) => group.rows.push((number, Arc::new(span))),
                Err(limit) => refusals.add(Table::Spans, limit, &span.stream, 1),
            }
        }
        Ok(refusals.into_appended(&self.offenders))
    }

    fn place_series<T: Clone>(&mut self, placed: Placed<'_, T>) {
        let Placed { series, table, at, group, refusals } = placed;
        let SeriesRows { labels, rows } = series;
        for rows in by_day(rows, at) {
            let at = at(&rows[0]);
            let numbers = numbers_of(&mut self.days, table, at);
            let group = group_of(group, at, numbers);
            match numbers.number(&labels, &mut group.fresh, &self.limits) {
                Ok(number) => group.rows.push((number, SeriesRows { labels: labels.clone(), rows })),
                Err(limit) => refusals.add(table, limit, &labels, rows.len()),
            }
        }
    }

    /// What the WAL knows streams of a day as.
    pub fn wal_numbers(&mut self, table: Table, day: Day) -> &mut Numbers {
        self.days.get_mut(&(table, day)).expect("a group has rows of open days only")
    }

    /// Takes back the numbers of streams that were new in a group that nobody will see.
    pub fn undo(&mut self, group: &Group) {
        fn fresh<T>(table: Table, days: &Days<T>) -> impl Iterator<Item = ((Table, Day), &[LabelSet])> {
            days.iter().map(move |(day, group)| ((table, *day), &group.fresh[..]))
        }
        let fresh = fresh(Table::Samples, &group.samples)
            .chain(fresh(Table::Histograms, &group.histograms))
            .chain(fresh(Table::Exemplars, &group.exemplars))
            .chain(fresh(Table::Logs, &group.logs))
            .chain(fresh(Table::Spans, &group.spans));
        for (day, fresh) in fresh {
            if let Some(numbers) = self.days.get_mut(&day) {
                numbers.forget(fresh);
            }
        }
    }

    /// Days that are no more: should rows come for them, numbers begin anew.
    pub fn close(&mut self, days: &[(Table, Day)]) {
        self.days.retain(|day, _| !days.contains(day));
    }

    /// The active memtable was frozen: labels of later streams go into the next one. Days
    /// that had no rows in it are closed; should rows come for them, they are loaded again.
    pub fn freeze(&mut self, covered: &[(Table, Day)]) {
        self.days.retain(|day, _| covered.contains(day));
        self.days.values_mut().for_each(Numbers::freeze);
    }
}

/// A series on its way into a group.
struct Placed<'a, T> {
    series: SeriesRows<T>,
    table: Table,
    at: fn(&T) -> Timestamp,
    group: &'a mut Days<SeriesRows<T>>,
    refusals: &'a mut Refusals,
}

/// The rows of a series, cut where the day changes. Nearly always there is one.
fn by_day<T: Clone>(rows: Vec<T>, at: fn(&T) -> Timestamp) -> Vec<Vec<T>> {
    let is_same_day = |a: &T, b: &T| Day::of(at(a)) == Day::of(at(b));
    let has_one_day = rows.windows(2).all(|pair| is_same_day(&pair[0], &pair[1]));
    if has_one_day {
        return if rows.is_empty() { Vec::new() } else { vec![rows] };
    }
    rows.chunk_by(is_same_day).map(<[T]>::to_vec).collect()
}

fn days_of(batch: &Batch) -> BTreeSet<(Table, Day)> {
    let mut days = BTreeSet::new();
    // Neighbours mostly share their day: look each run up once.
    let mut last = None;
    for (table, at) in places(batch) {
        let day = (table, Day::of(at));
        if last.replace(day) != Some(day) {
            days.insert(day);
        }
    }
    days
}

fn numbers_of(days: &mut BTreeMap<(Table, Day), Numbers>, table: Table, at: Timestamp) -> &mut Numbers {
    days.get_mut(&(table, Day::of(at))).expect("every day of the batch was opened before its rows are placed")
}

fn group_of<'a, T>(days: &'a mut Days<T>, at: Timestamp, numbers: &Numbers) -> &'a mut DayGroup<T> {
    let empty = || DayGroup { base: numbers.memory_base(), fresh: Vec::new(), rows: Vec::new() };
    days.entry(Day::of(at)).or_insert_with(empty)
}
