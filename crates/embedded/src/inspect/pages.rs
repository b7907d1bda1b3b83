//! The inside of a segment.

use std::path::Path;

use disk::DiskError;

use super::check::{Report, or_damage};
use super::labels::DayLabels;
use crate::files::{FileError, Span};
use crate::rows::{Rows, of_any_table};
use crate::segment::{Directory, DirectoryCache, Segment, SegmentScan};

/// Reads the directory, every page and every filter, and all rows.
pub fn check(
    file: &Path,
    segment: &Segment,
    labels: &mut DayLabels,
    report: &mut Report,
) -> Result<(), DiskError> {
    let cache = DirectoryCache::new(0, Directory::memory_bytes);
    let directory =
        or_damage(segment.directory(&cache), |what| report.add(file, what, "all rows of the file"))?;
    let Some(directory) = directory else { return Ok(()) };
    labels.add_streams(file, &directory);
    let damage_before = report.damage.len();
    check_frames(file, segment, &directory, report)?;
    if report.damage.len() > damage_before {
        return Ok(());
    }
    let rows = of_any_table!(segment.footer().table, R => count_rows::<R>(segment, &cache));
    let expected = segment.footer().rows;
    match or_damage(rows, |what| report.add(file, what, "some rows of the file"))? {
        Some(rows) if rows == expected && !segment.file().is_damaged() => report.rows += rows,
        Some(rows) => {
            let what = format!("{rows} rows can be read, {expected} were written");
            report.add(file, what, format!("{} rows", expected.saturating_sub(rows)));
        }
        None => {}
    }
    Ok(())
}

/// Every frame against its checksum, and whether they fill the file.
fn check_frames(
    file: &Path,
    segment: &Segment,
    directory: &Directory,
    report: &mut Report,
) -> Result<(), DiskError> {
    let stored = segment.file();
    let opened = or_damage(stored.open_file(), |what| report.add(file, what, "all rows of the file"))?;
    let Some(opened) = opened else { return Ok(()) };
    let read = |span: Span, what| stored.frame(&*opened, span, what).map(drop);
    for page in &directory.pages {
        let rows: u64 = page.pieces().map(|piece| directory.rows(piece)).sum();
        or_damage(read(page.span, "a page"), |what| {
            let at = page.span.offset;
            let affected = format!("{rows} rows between {} and {}", page.times.start, page.times.end);
            report.add(file, format!("byte {at}: {what}"), affected);
        })?;
        if page.filter.bytes > 0 {
            or_damage(read(page.filter, "a filter"), |what| {
                let at = page.filter.offset;
                report.add(file, format!("byte {at}: {what}"), "no rows; searches are slower");
            })?;
        }
    }
    let end = directory.pages.last().map(|page| page.filter.offset + page.filter.bytes);
    if end.is_some_and(|end| end != segment.footer().directory.offset) {
        report.add(file, "its pages do not fill it", "some rows of the file");
    }
    Ok(())
}

fn count_rows<R: Rows>(segment: &Segment, cache: &DirectoryCache) -> Result<u64, FileError> {
    let mut count = 0;
    for mut scan in SegmentScan::<R>::open(segment, cache)? {
        while let Some((_, rows)) = scan.next()? {
            count += rows.len() as u64;
        }
    }
    Ok(count)
}
