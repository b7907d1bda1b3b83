//! `target_info`: what a resource says of itself, as a series that others are joined with.

use std::time::Duration;

use model::LabelSet;

use super::labels::joined;
use super::rows::Rows;
use crate::otlp::MetricSettings;
use crate::otlp::resource::{IDENTIFYING, Sender};

/// Half of how long PromQL looks back, so that no query misses it between two points.
const EVERY_MS: i64 = Duration::from_secs(150).as_millis() as i64;

/// Points that come together are seldom further apart than an export interval.
const WRITTEN_MAX: usize = 24;

/// From the first to the last instant of the points that came. Nothing for a resource that
/// says no more than who it is, or not even that.
pub fn write(sender: &Sender<'_>, settings: &MetricSettings, (first, last): (i64, i64), rows: &mut Rows) {
    if sender.job.is_empty() && sender.instance.is_empty() {
        return;
    }
    let said = sender
        .attributes
        .iter()
        .filter(|attribute| settings.keeps_identifying || !IDENTIFYING.contains(&attribute.key.as_str()));
    let mut labels = joined(settings.names, said);
    if labels.is_empty() {
        return;
    }
    labels.extend([("job".to_owned(), sender.job.clone()), ("instance".to_owned(), sender.instance.clone())]);
    let labels = LabelSet::metric("target_info", labels);
    let start = first.max(last - EVERY_MS * WRITTEN_MAX as i64);
    let mut at_ms = start;
    while at_ms < last {
        rows.sample(labels.clone(), at_ms, 1.0);
        at_ms += EVERY_MS;
    }
    rows.sample(labels, last, 1.0);
}
