//! What a store in memory gives up by age, and what is erased from it.
//!
//! Its rows take no bytes as far as the seam counts them, so `bytes_max` never applies.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use model::{LabelSet, Timestamp};
use storage::{
    DropReason, DroppedDay, Erasure, Retention, RetentionPlan, Signal, TableUsage, ThinnedDay, Upkeep,
    UpkeepError, Usage, attribute_matches,
};

use super::MemoryStore;
use super::rows::{Row, Rows};

#[async_trait]
impl Upkeep for MemoryStore {
    async fn plan_retention(
        &self,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<RetentionPlan, UpkeepError> {
        Ok(plan(&self.rows.read(), retention, now))
    }

    async fn retain(&self, retention: &Retention, now: Timestamp) -> Result<RetentionPlan, UpkeepError> {
        let mut rows = self.rows.write();
        let plan = plan(&rows, retention, now);
        rows.keep_only(|row| fate(row, retention, now) == Fate::Stays);
        Ok(plan)
    }

    async fn drop_days(&self, planned: &[DroppedDay]) -> Result<Vec<DroppedDay>, UpkeepError> {
        let mut rows = self.rows.write();
        let is_of = |row: &Row<'_>, planned: &DroppedDay| {
            row.signal == planned.signal && day_of(row.at) == day_of(planned.day)
        };
        let is_unchanged = |planned: &&DroppedDay| {
            let count = rows.iter().filter(|row| is_of(row, planned)).count() as u64;
            count > 0 && count == planned.rows
        };
        let dropped: Vec<DroppedDay> = planned.iter().filter(is_unchanged).cloned().collect();
        rows.keep_only(|row| !dropped.iter().any(|dropped| is_of(&row, dropped)));
        Ok(dropped)
    }

    async fn erase(&self, erasure: &Erasure) -> Result<(), UpkeepError> {
        self.rows.write().keep_only(|row| !is_erased(row, erasure));
        Ok(())
    }

    async fn flush(&self) -> Result<(), UpkeepError> {
        Ok(())
    }

    async fn usage(&self) -> Result<Usage, UpkeepError> {
        let rows = self.rows.read();
        let streams: BTreeSet<(Signal, &LabelSet)> =
            rows.iter().map(|row| (row.signal, row.stream)).collect();
        Ok(Usage {
            tables: Signal::ALL.iter().map(|signal| table_usage(&rows, *signal)).collect(),
            wal_bytes: 0,
            active_streams: streams.len() as u64,
            offenders: Vec::new(),
        })
    }

    async fn close(&self) -> Result<(), UpkeepError> {
        Ok(())
    }
}

fn table_usage(rows: &Rows, signal: Signal) -> TableUsage {
    let days: Vec<i64> = rows.iter().filter(|row| row.signal == signal).map(|row| day_of(row.at)).collect();
    let distinct: BTreeSet<&i64> = days.iter().collect();
    TableUsage { table: signal.as_str(), rows: days.len() as u64, bytes: 0, days: distinct.len() as u64 }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    GoesWithItsDay,
    /// The first rule that applies.
    GoesByRule(usize),
}

fn fate(row: Row<'_>, retention: &Retention, now: Timestamp) -> Fate {
    let ended_longer_ago = |age| day_of(row.at) < day_of(now - age);
    if retention.ages.iter().any(|(signal, age)| *signal == row.signal && ended_longer_ago(*age)) {
        return Fate::GoesWithItsDay;
    }
    let rule = retention.rules.iter().position(|rule| {
        rule.signal == row.signal
            && ended_longer_ago(rule.age)
            && rule.stream.iter().all(|matcher| matcher.matches(row.stream))
    });
    rule.map_or(Fate::Stays, Fate::GoesByRule)
}

fn plan(rows: &Rows, retention: &Retention, now: Timestamp) -> RetentionPlan {
    let mut dropped: BTreeMap<(Signal, i64), u64> = BTreeMap::new();
    let mut thinned: BTreeMap<(Signal, i64, usize), BTreeSet<&LabelSet>> = BTreeMap::new();
    for row in rows.iter() {
        let (signal, day) = (row.signal, day_of(row.at));
        match fate(row, retention, now) {
            Fate::Stays => {}
            Fate::GoesWithItsDay => *dropped.entry((signal, day)).or_default() += 1,
            Fate::GoesByRule(rule) => {
                thinned.entry((signal, day, rule)).or_default().insert(row.stream);
            }
        }
    }
    let dropped = dropped.into_iter().map(|((signal, day), rows)| DroppedDay {
        signal,
        day: start_of(day),
        rows,
        bytes: 0,
        reason: DropReason::Age,
    });
    let thinned = thinned.into_iter().map(|((signal, day, rule), streams)| ThinnedDay {
        signal,
        day: start_of(day),
        rule,
        streams: streams.len() as u64,
    });
    RetentionPlan { days: dropped.collect(), thinned: thinned.collect(), ..RetentionPlan::default() }
}

fn is_erased(row: Row<'_>, erasure: &Erasure) -> bool {
    erasure.signals.contains(&row.signal)
        && erasure.range.contains(row.at)
        && erasure.stream.iter().all(|matcher| matcher.matches(row.stream))
        && erasure.attributes.iter().all(|matcher| attribute_matches(matcher, row.attributes))
}

const DAY_SECS: i64 = 86_400;

/// UTC days since the epoch.
pub(super) fn day_of(at: Timestamp) -> i64 {
    at.as_secs().div_euclid(DAY_SECS)
}

fn start_of(day: i64) -> Timestamp {
    Timestamp::from_secs(day * DAY_SECS)
}
