//! Buckets of samples by matchers and time: from rollups where they are current, computed
//! from samples where they are not. Both know the same of a day; what joins days, the steps
//! of counters over midnight, is added here for both.

use std::collections::HashMap;
use std::sync::Arc;

use index::{Index, Part, Selector};
use model::{LabelSet, Matcher, TimeRange};
use roaring::RoaringBitmap;
use storage::{Bucket, QueryError, QueryLimits, Resolution, RollupSeries, roll_up};

use super::gather::{DayGathered, check};
use super::{DayQuery, days_of, unreadable};
use crate::erasure::Erased;
use crate::files::FileError;
use crate::rollup::{self, Standing, standing};
use crate::rows::{RollupRows, SampleRows};
use crate::segment::SegmentReader;
use crate::shared::{DayFiles, Shared, Tables};
use crate::table::{Day, Table};

pub fn select_rollup(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    resolution: Resolution,
    limits: QueryLimits,
) -> Result<Vec<RollupSeries>, QueryError> {
    let snapshot = shared.snapshot();
    let query = RollupQuery { shared, snapshot: &snapshot, matchers, resolution };
    let mut gathered = Gathered { series: HashMap::new(), limits, held: 0 };
    let to_read = resolution.range_to_read(range);
    for day in query.days(to_read) {
        query.read_day(day, to_read, &mut gathered)?;
    }
    Ok(gathered.finish(resolution.whole_buckets(range)))
}

struct RollupQuery<'a> {
    shared: &'a Shared,
    snapshot: &'a Tables,
    matchers: &'a [Matcher],
    resolution: Resolution,
}

impl RollupQuery<'_> {
    fn days(&self, range: TimeRange) -> Vec<Day> {
        let rolled_up = self.snapshot.view.days.keys();
        let rolled_up = rolled_up.filter(|(table, _)| *table == Table::Rollup(self.resolution));
        let mut days: Vec<Day> = rolled_up.map(|(_, day)| *day).collect();
        days.retain(|day| day.times().overlaps(range));
        days.extend(days_of::<SampleRows>(self.snapshot, range));
        days.sort_unstable();
        days.dedup();
        days
    }

    fn read_day(&self, day: Day, range: TimeRange, gathered: &mut Gathered) -> Result<(), QueryError> {
        let key = (Table::Rollup(self.resolution), day);
        let files = self.snapshot.view.days.get(&key).cloned().unwrap_or_default();
        let standing = standing(&rollup::facts(self.snapshot, &files, day, self.may_have_erased(&files)));
        let mut is_complete = standing == Standing::Current;
        if matches!(standing, Standing::Current | Standing::Orphaned) {
            is_complete &= match self.resolution {
                Resolution::FiveMinutes => self.read_rollup::<5>(&files, range, gathered)?,
                Resolution::OneHour => self.read_rollup::<60>(&files, range, gathered)?,
            };
        }
        if is_complete { Ok(()) } else { self.read_samples(day, range, gathered) }
    }

    /// A look at footers has to do; upkeep looks closer and sees to it.
    fn may_have_erased(&self, files: &DayFiles) -> bool {
        let tombstones = &self.snapshot.view.tombstones;
        files.segments.iter().any(|segment| tombstones.iter().any(|one| one.may_concern(segment)))
    }

    /// `false` when not all of it could be read. Files that cannot be go to quarantine.
    fn read_rollup<const MINUTES: u32>(
        &self,
        files: &DayFiles,
        range: TimeRange,
        gathered: &mut Gathered,
    ) -> Result<bool, QueryError> {
        let labels = DayLabels::new(self.shared, files, self.matchers).map_err(unreadable)?;
        let mut is_complete = labels.is_complete;
        for segment in &files.segments {
            let tombstones = &self.snapshot.view.tombstones;
            let opened = SegmentReader::open(segment, &self.shared.directories)
                .and_then(|reader| Ok((reader, Erased::of(self.shared, tombstones, files, segment)?)));
            let (reader, erased) = match opened {
                Ok(opened) => opened,
                Err(error) => {
                    self.shared.judge_segment(segment, error).map_err(unreadable)?;
                    is_complete = false;
                    continue;
                }
            };
            reader.read::<RollupRows<MINUTES>, Stop>(&labels.streams, range, |stream, mut rows| {
                erased.apply(stream, &mut rows);
                match labels.of(stream)? {
                    Some(labels) => Ok(gathered.add(labels, rows.0)?),
                    None => Ok(()),
                }
            })?;
            is_complete &= !segment.file().is_damaged();
        }
        Ok(is_complete)
    }

    fn read_samples(&self, day: Day, range: TimeRange, gathered: &mut Gathered) -> Result<(), QueryError> {
        let query = DayQuery::<SampleRows>::new(self.shared, self.snapshot, day, self.matchers)
            .map_err(unreadable)?;
        let mut of_day = DayGathered::new(query.streams().to_vec(), gathered.left());
        for segment in query.segments(range) {
            query.read_segment(segment, range, |stream, rows| of_day.add(stream, rows))?;
        }
        query.read_memory(range, |stream, rows| of_day.add(stream, rows))?;
        for (stream, rows) in of_day.finish()? {
            // A stream without labels is one of a part that has just gone to quarantine.
            if let Some(labels) = query.labels(stream).map_err(unreadable)? {
                gathered.add(labels, roll_up(rows.into_samples(), self.resolution))?;
            }
        }
        Ok(())
    }
}

/// Which streams of a rollup are meant, and their labels.
struct DayLabels {
    /// Whether all of them could be read.
    is_complete: bool,
    parts: Vec<Arc<Part>>,
    /// Ascending.
    streams: Vec<u32>,
}

impl DayLabels {
    fn new(shared: &Shared, files: &DayFiles, matchers: &[Matcher]) -> Result<Self, FileError> {
        let selector = Selector::new(matchers);
        let (mut parts, mut selected) = (Vec::new(), RoaringBitmap::new());
        let mut is_complete = true;
        for part in &files.parts {
            let read = part.read(&shared.parts);
            match read.and_then(|read| Ok((read.select_with(&selector)?, read))) {
                Ok((streams, read)) => {
                    selected |= streams;
                    parts.push(read);
                }
                Err(error) => {
                    shared.judge_part(part, error)?;
                    is_complete = false;
                }
            }
        }
        Ok(Self { is_complete, parts, streams: selected.iter().collect() })
    }

    fn of(&self, stream: u32) -> Result<Option<LabelSet>, FileError> {
        let part = self.parts.iter().find(|part| part.ids().contains(&stream));
        Ok(part.map(|part| part.labels(stream)).transpose()?)
    }
}

/// Buckets of all days, by series.
struct Gathered {
    series: HashMap<LabelSet, Vec<Bucket>>,
    limits: QueryLimits,
    held: u64,
}

impl Gathered {
    fn left(&self) -> u64 {
        self.limits.samples_max.saturating_sub(self.held)
    }

    /// Of two buckets of one series and time the first given counts.
    fn add(&mut self, labels: LabelSet, buckets: Vec<Bucket>) -> Result<(), QueryError> {
        if buckets.is_empty() {
            return Ok(());
        }
        self.held += buckets.len() as u64;
        self.series.entry(labels).or_default().extend(buckets);
        check(self.series.len() as u64, self.limits.series_max, "series", "query.series_max")?;
        check(self.held, self.limits.samples_max, "samples", "query.samples_max")
    }

    fn finish(self, wanted: TimeRange) -> Vec<RollupSeries> {
        let series = self.series.into_iter().map(|(labels, mut buckets)| {
            buckets.sort_by_key(|bucket| bucket.start);
            buckets.dedup_by_key(|bucket| bucket.start);
            join_days(&mut buckets);
            buckets.retain(|bucket| wanted.contains(bucket.start));
            RollupSeries { labels, buckets }
        });
        let mut series: Vec<RollupSeries> = series.filter(|series| !series.buckets.is_empty()).collect();
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        series
    }
}

/// Adds the steps over midnight.
fn join_days(buckets: &mut [Bucket]) {
    for index in 1..buckets.len() {
        let before = buckets[index - 1];
        if Day::of(before.start) != Day::of(buckets[index].start) {
            buckets[index].add_step_from(&before);
        }
    }
}

/// Why reading a rollup ended early.
struct Stop(QueryError);

impl From<FileError> for Stop {
    fn from(error: FileError) -> Self {
        Stop(unreadable(error))
    }
}

impl From<QueryError> for Stop {
    fn from(error: QueryError) -> Self {
        Stop(error)
    }
}

impl From<Stop> for QueryError {
    fn from(Stop(error): Stop) -> Self {
        error
    }
}
