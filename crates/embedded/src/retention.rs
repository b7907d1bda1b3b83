//! What is given up by age and by size: whole days, and streams within days.
//!
//! [`plan`] decides, as a function of what there is; here that is carried out. A folder is
//! renamed first, so that a crash on the way leaves either the whole day or none of it;
//! the next opening removes what is left.
//!
//! Before a day goes, the memtable is flushed and its WAL removed, so that no replay brings
//! the day back. What cannot be had is certainty about rows that come for the day at that
//! very moment, or that a full disk keeps from being flushed: those are dropped with their
//! day, and if a crash comes before the WAL file goes in which they are, they are there
//! again until the next retention. An erasure is stricter: it fails if it cannot flush.

use std::path::Path;

use disk::{Disk, DiskError};
use index::{Index, Selector};
use model::Timestamp;
use roaring::RoaringBitmap;
use storage::{
    DropReason, DroppedDay, DroppedRollup, Erasure, Retention, RetentionPlan, ThinnedDay, UpkeepError,
};

use crate::clock_judge::Judged;
use crate::files::FileError;
use crate::flush::failed;
use crate::shared::{DayFiles, Shared};
use crate::table::{Day, Table};

/// At the end of the name of a folder that is being removed.
pub const DROPPED: &str = ".dropped";

/// What the plan knows of a day of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayFacts {
    pub table: Table,
    pub day: Day,
    pub rows: u64,
    pub bytes: u64,
}

/// Which days go: by age, then the oldest while all take too much. The day of `now` and
/// later ones are never dropped for their size. Pure.
pub fn plan_days(days: &[DayFacts], retention: &Retention, now: Timestamp) -> Vec<(DayFacts, DropReason)> {
    let is_too_old = |facts: &DayFacts| {
        let age = match facts.table {
            Table::Rollup(resolution) => retention.age_of_rollup(resolution),
            table => retention.age_of(table.signal()),
        };
        age.is_some_and(|age| facts.day < Day::of(now - age))
    };
    let (old, mut kept): (Vec<DayFacts>, Vec<DayFacts>) = days.iter().copied().partition(is_too_old);
    let mut plan: Vec<_> = old.into_iter().map(|facts| (facts, DropReason::Age)).collect();
    kept.sort_by_key(|facts| (facts.day, facts.table));
    let mut bytes: u64 = kept.iter().map(|facts| facts.bytes).sum();
    for facts in kept.iter().filter(|facts| facts.day < Day::of(now)) {
        if retention.bytes_max.is_none_or(|most| bytes <= most) {
            break;
        }
        bytes -= facts.bytes;
        plan.push((*facts, DropReason::Size));
    }
    plan
}

/// What `retention` drops now. The caller has flushed what is in memory of old days.
pub fn plan(shared: &Shared, retention: &Retention, clock: Judged) -> Result<RetentionPlan, FileError> {
    let now = clock.now;
    let view = shared.view();
    let facts: Vec<DayFacts> =
        view.days.iter().map(|((table, day), files)| facts(*table, *day, files)).collect();
    let dropped = plan_days(&facts, retention, now);
    let mut thinned: Vec<ThinnedDay> = Vec::new();
    for ((table, day), files) in &view.days {
        if dropped.iter().any(|(dropped, _)| (dropped.table, dropped.day) == (*table, *day)) {
            continue;
        }
        // A stream goes by the first rule that means it, however many do.
        let mut taken = RoaringBitmap::new();
        for (rule, policy) in retention.rules.iter().enumerate() {
            if policy.signal != table.signal() || *day >= Day::of(now - policy.age) {
                continue;
            }
            let is_planned = |thinned: &ThinnedDay| thinned.rule == rule && thinned.day == day.start();
            // What thins the samples thins their rollups.
            if thinned.iter().any(is_planned) {
                continue;
            }
            let erasure = erasure_of(policy.signal, *day, policy.stream.clone());
            let streams = streams_left(shared, *table, files, &erasure)? - &taken;
            if !streams.is_empty() {
                let (signal, day, count) = (policy.signal, day.start(), streams.len());
                thinned.push(ThinnedDay { signal, day, rule, streams: count });
            }
            taken |= streams;
        }
    }
    let clock_doubted = clock.is_doubted.then_some(now);
    Ok(RetentionPlan { thinned, clock_doubted, ..of_days(&dropped) })
}

fn of_days(dropped: &[(DayFacts, DropReason)]) -> RetentionPlan {
    let mut plan = RetentionPlan::default();
    for (DayFacts { table, day, rows, bytes }, reason) in dropped.iter().copied() {
        let day = day.start();
        match table {
            Table::Rollup(resolution) => {
                plan.rollups.push(DroppedRollup { resolution, day, rows, bytes, reason });
            }
            table => plan.days.push(DroppedDay { signal: table.signal(), day, rows, bytes, reason }),
        }
    }
    plan
}

/// The days of tables that a plan drops.
pub fn days_dropped(plan: &RetentionPlan) -> Vec<(Table, Day)> {
    let days = plan.days.iter().map(|dropped| (Table::from(dropped.signal), Day::of(dropped.day)));
    let rollup = |dropped: &DroppedRollup| (Table::Rollup(dropped.resolution), Day::of(dropped.day));
    days.chain(plan.rollups.iter().map(rollup)).collect()
}

fn facts(table: Table, day: Day, files: &DayFiles) -> DayFacts {
    let segments = files.segments.iter();
    let parts: u64 = files.parts.iter().map(|part| part.file().bytes).sum();
    DayFacts {
        table,
        day,
        rows: segments.clone().map(|segment| segment.footer().rows).sum(),
        bytes: segments.map(|segment| segment.file().bytes).sum::<u64>() + parts,
    }
}

/// The erasure by which a rule thins a day.
pub fn erasure_of(signal: storage::Signal, day: Day, stream: Vec<model::Matcher>) -> Erasure {
    Erasure { signals: vec![signal], range: day.times(), stream, attributes: Vec::new() }
}

/// Streams that an erasure means and that still have rows which no tombstone hides wholly.
fn streams_left(
    shared: &Shared,
    table: Table,
    files: &DayFiles,
    erasure: &Erasure,
) -> Result<RoaringBitmap, FileError> {
    let selector = Selector::new(&erasure.stream);
    let mut meant = RoaringBitmap::new();
    for part in &files.parts {
        meant |= part.read(&shared.parts)?.select_with(&selector)?;
    }
    let view = shared.view();
    let mut left = RoaringBitmap::new();
    for segment in &files.segments {
        let mut visible = meant.clone();
        for tombstone in view.tombstones.iter().filter(|tombstone| tombstone.may_concern(segment)) {
            let hides_all = tombstone.attributes.is_empty()
                && tombstone.tables.contains(&table)
                && tombstone.range.start <= segment.times().start
                && segment.times().end <= tombstone.range.end;
            if hides_all {
                let selector = Selector::new(&tombstone.stream);
                for part in &files.parts {
                    visible -= part.read(&shared.parts)?.select_with(&selector)?;
                }
            }
        }
        let directory = segment.directory(&shared.directories)?;
        left.extend(directory.streams.iter().filter(|stream| visible.contains(**stream)));
    }
    Ok(left)
}

/// Whether there are rows in memory of days that a retention may mean, or were in what a
/// flush that failed has left: then they are in the WAL still.
pub fn memory_holds_days_before(shared: &Shared, day: Day) -> bool {
    let tables = shared.snapshot();
    tables.view.frozen.is_some() || tables.active.covered().iter().any(|(_, other)| *other < day)
}

/// Whether there are rows in memory of a planned day, or were in what a flush that failed
/// has left.
pub fn memory_holds_any(shared: &Shared, planned: &[DroppedDay]) -> bool {
    let tables = shared.snapshot();
    let is_planned = |day: &(Table, Day)| planned.iter().any(|planned| of(planned) == *day);
    tables.view.frozen.is_some() || tables.active.covered().iter().any(is_planned)
}

/// The planned days of which the files are those of the plan, as far as their sizes tell.
pub fn unchanged(shared: &Shared, mut planned: Vec<DroppedDay>) -> Vec<DroppedDay> {
    let view = shared.view();
    planned.retain(|planned| {
        let (table, day) = of(planned);
        let files = view.days.get(&(table, day));
        let now = files.map(|files| facts(table, day, files));
        now.is_some_and(|now| (now.rows, now.bytes) == (planned.rows, planned.bytes))
    });
    planned
}

/// The table and day that is planned to go.
pub fn of(planned: &DroppedDay) -> (Table, Day) {
    (Table::from(planned.signal), Day::of(planned.day))
}

/// Removes the folders of days that are out of sight, also of those that could not be
/// removed before. The caller holds the upkeep lock.
pub fn remove_days(shared: &Shared, days: &[(Table, Day)]) -> Result<(), UpkeepError> {
    shared.undropped.lock().extend(days);
    let days: Vec<(Table, Day)> = shared.undropped.lock().iter().copied().collect();
    for table in Table::ALL {
        let of_table = days.iter().filter(|(other, _)| *other == table);
        let names: Vec<String> = of_table.map(|(_, day)| day.folder()).collect();
        drop_folders(&*shared.disk, &shared.table_dir(table), &names)
            .map_err(|error| failed(&format!("drop old days of {}", table.as_str()), error))?;
        shared.undropped.lock().retain(|(other, _)| *other != table);
    }
    metrics::counter!("watchkeeper_store_days_dropped_total").increment(days.len() as u64);
    Ok(())
}

/// Before rows come to a day again, the folder of the one that was dropped has to go: its
/// streams had other numbers.
pub fn finish_drop(shared: &Shared, table: Table, day: Day) -> Result<(), DiskError> {
    if shared.undropped.lock().contains(&(table, day)) {
        drop_folders(&*shared.disk, &shared.table_dir(table), &[day.folder()])?;
        shared.undropped.lock().remove(&(table, day));
    }
    Ok(())
}

fn drop_folders(disk: &dyn Disk, dir: &Path, names: &[String]) -> Result<(), DiskError> {
    if names.is_empty() {
        return Ok(());
    }
    let mut dropped = Vec::new();
    for name in names {
        let target = dir.join(format!("{name}{DROPPED}"));
        // Left over from an attempt that failed.
        if disk.list(&target).is_ok() {
            remove_folder(disk, &target)?;
        }
        match disk.rename(&dir.join(name), &target) {
            Ok(()) => dropped.push(target),
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
    }
    disk.sync_dir(dir)?;
    dropped.iter().try_for_each(|target| remove_folder(disk, target))
}

pub fn remove_folder(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    for entry in disk.list(dir)? {
        disk.remove(&dir.join(&entry.name))?;
    }
    disk.remove_dir(dir)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use storage::{Resolution, Signal};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn check(days: &[(Table, i64, u64)], retention: &Retention, expected: &[(Table, i64, DropReason)]) {
        let facts: Vec<DayFacts> = days
            .iter()
            .map(|(table, day, bytes)| DayFacts { table: *table, day: Day(*day), rows: 1, bytes: *bytes })
            .collect();
        let now = Day(100).start() + Duration::from_secs(5);
        let found: Vec<(Table, i64, DropReason)> = plan_days(&facts, retention, now)
            .into_iter()
            .map(|(facts, reason)| (facts.table, facts.day.0, reason))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn days_that_ended_longer_ago_than_their_age_go() {
        let retention = Retention {
            ages: vec![(Signal::Samples, 30 * DAY), (Signal::Logs, 2 * DAY)],
            ..Retention::default()
        };
        let days = [
            (Table::Samples, 69, 1),
            (Table::Samples, 70, 1),
            (Table::Logs, 97, 1),
            (Table::Logs, 98, 1),
            (Table::Spans, 1, 1),
        ];
        check(
            &days,
            &retention,
            &[(Table::Samples, 69, DropReason::Age), (Table::Logs, 97, DropReason::Age)],
        );
    }

    #[test]
    fn rollups_go_by_an_age_of_their_own_or_with_their_samples() {
        let [fine, coarse] = Resolution::ALL.map(Table::Rollup);
        let retention = Retention {
            ages: vec![(Signal::Samples, 2 * DAY)],
            rollup_ages: vec![(Resolution::OneHour, 30 * DAY)],
            ..Retention::default()
        };
        let days = [(Table::Samples, 97, 1), (fine, 97, 1), (fine, 98, 1), (coarse, 70, 1), (coarse, 69, 1)];
        let gone = [(Table::Samples, 97), (fine, 97), (coarse, 69)];
        check(&days, &retention, &gone.map(|(table, day)| (table, day, DropReason::Age)));
    }

    #[test]
    fn the_oldest_days_go_while_all_take_too_much() {
        let retention = |bytes_max| Retention { bytes_max: Some(bytes_max), ..Retention::default() };
        let days = [
            (Table::Samples, 98, 10),
            (Table::Logs, 97, 10),
            (Table::Samples, 99, 10),
            (Table::Logs, 100, 99),
        ];
        check(&days, &retention(129), &[]);
        let oldest = [(Table::Logs, 97, DropReason::Size), (Table::Samples, 98, DropReason::Size)];
        check(&days, &retention(115), &oldest);
        let all = [oldest[0], oldest[1], (Table::Samples, 99, DropReason::Size)];
        check(&days, &retention(1), &all);
    }
}
