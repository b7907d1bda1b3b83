//! What searches over logs and spans have in common: parameters, and what is said about how
//! much was searched.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use model::{TimeRange, Timestamp};
use search::{Event, Place, Reached, Scan};
use storage::Order;

use super::parameters::Query;
use crate::dto;
use crate::dto::search::{FieldDto, HistogramDto, SearchedDto, ValueDto};
use crate::problem::Problem;
use crate::wire::{parameter, parse_time};

/// What is searched when no start is named.
const USUAL: Duration = Duration::from_secs(60 * 60);

/// An answer that takes longer says how far it came.
const PATIENCE: Duration = Duration::from_secs(5);

/// `query`, `start`, `end`, `order` and `cursor`; the last hour, newest first, when absent.
pub(super) fn scan(query: &Query, now: Timestamp) -> Result<Scan, Problem> {
    let text = parameter(query, "query").unwrap_or_default();
    let parsed = search::parse(text).map_err(|error| Problem::bad_field("query", error.to_string()))?;
    let end = time(query, "end")?.unwrap_or(now);
    let start = time(query, "start")?.unwrap_or(end - USUAL);
    if end < start {
        return Err(Problem::bad_field("end", "must not be before `start`"));
    }
    let order = match parameter(query, "order").unwrap_or("newest") {
        "newest" => Order::NewestFirst,
        "oldest" => Order::OldestFirst,
        other => {
            let detail = format!("must be `newest` or `oldest`, not `{other}`");
            return Err(Problem::bad_field("order", detail));
        }
    };
    let from = match parameter(query, "cursor") {
        None => None,
        Some(cursor) => Some(
            Place::from_cursor(cursor)
                .ok_or_else(|| Problem::bad_field("cursor", "is not one that an earlier answer has given"))?,
        ),
    };
    Ok(Scan { query: parsed, range: TimeRange::new(start, end), order, from, patience: PATIENCE })
}

fn time(query: &Query, name: &str) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = parameter(query, name) else { return Ok(None) };
    let detail = || format!("must be a time (RFC 3339) or seconds since 1970, not `{text}`");
    parse_time(text).map(Some).ok_or_else(|| Problem::bad_field(name, detail()))
}

pub(super) fn searched(scan: &Scan, reached: Reached) -> SearchedDto {
    SearchedDto {
        start: dto::time(scan.range.start),
        end: dto::time(scan.range.end),
        until: reached.next.map(|place| dto::time(place.at)),
        looked_at: reached.looked_at,
        matched: reached.matched,
        complete: reached.next.is_none(),
    }
}

/// Bars of a histogram, as far as nobody asks for others.
pub(super) const BARS_USUAL: u32 = 60;
pub(super) const BARS_MAX: u32 = 500;

/// How many events there were in each part of a range of time.
pub(super) struct Histogram {
    start: i64,
    step: u64,
    counts: Vec<u64>,
}

impl Histogram {
    pub fn new(range: TimeRange, bars: u32) -> Self {
        let length = range.end.as_nanos().abs_diff(range.start.as_nanos());
        // The last instant belongs to the range, so it must belong to a bar.
        let step = length / u64::from(bars) + 1;
        Self { start: range.start.as_nanos(), step, counts: vec![0; bars as usize] }
    }

    pub fn add(&mut self, at: Timestamp) {
        let bar = at.as_nanos().abs_diff(self.start) / self.step;
        if let Some(count) = usize::try_from(bar).ok().and_then(|bar| self.counts.get_mut(bar)) {
            *count += 1;
        }
    }

    pub fn into_dto(self) -> HistogramDto {
        HistogramDto {
            start: dto::time(Timestamp::from_nanos(self.start)),
            step: self.step as f64 / 1e9,
            counts: self.counts,
        }
    }
}

/// Fields that can be counted in one answer, and the values of each that are shown.
const FIELDS_MAX: usize = 12;
const VALUES_SHOWN: usize = 10;
/// Distinct values that are counted; further ones are told together.
const VALUES_COUNTED: usize = 10_000;
/// Longer values are cut.
const VALUE_CHARS_MAX: usize = 200;

/// How often fields have which values.
pub(super) struct Fields {
    fields: BTreeMap<String, Counts>,
}

#[derive(Default)]
struct Counts {
    values: HashMap<String, u64>,
    others: u64,
    absent: u64,
}

impl Fields {
    /// Names separated by commas.
    pub fn of(query: &Query, usual: &str) -> Result<Self, Problem> {
        let named = parameter(query, "fields").unwrap_or(usual);
        let names = named.split(',').map(str::trim).filter(|name| !name.is_empty());
        let fields: BTreeMap<String, Counts> =
            names.map(|name| (name.to_owned(), Counts::default())).collect();
        if fields.len() > FIELDS_MAX {
            return Err(Problem::bad_field("fields", format!("must be at most {FIELDS_MAX}")));
        }
        Ok(Self { fields })
    }

    pub fn add(&mut self, event: &impl Event) {
        for (name, counts) in &mut self.fields {
            let Some(found) = event.field(name) else {
                counts.absent += 1;
                continue;
            };
            let value: String = found.text().chars().take(VALUE_CHARS_MAX).collect();
            let has_room = counts.values.len() < VALUES_COUNTED;
            match counts.values.get_mut(&value) {
                Some(count) => *count += 1,
                None if has_room => drop(counts.values.insert(value, 1)),
                None => counts.others += 1,
            }
        }
    }

    pub fn into_dto(self) -> Vec<FieldDto> {
        let field = |(field, counts): (String, Counts)| {
            let mut values: Vec<ValueDto> =
                counts.values.into_iter().map(|(value, count)| ValueDto { value, count }).collect();
            values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
            let rest = values.split_off(values.len().min(VALUES_SHOWN));
            let others = counts.others + rest.iter().map(|value| value.count).sum::<u64>();
            FieldDto { field, values, others, absent: counts.absent }
        };
        self.fields.into_iter().map(field).collect()
    }
}
