//! What the store has no table for is said, and costs nothing else.

use std::sync::Arc;

use disk::sim::SimDisk;
use model::{Batch, Histogram, HistogramSample, HistogramSeries, LabelSet, Timestamp};
use storage::Appender;

use crate::stand::{numbered, numbers, open};

#[tokio::test]
async fn native_histograms_are_refused_by_name_and_the_rest_is_kept() {
    let store = open(&SimDisk::new(1));
    let sample = HistogramSample { at: Timestamp::from_secs(1), histogram: Arc::new(Histogram::default()) };
    let series = HistogramSeries { labels: LabelSet::metric("rpc", [("job", "a")]), samples: vec![sample] };
    let appended = store.append(Batch { histograms: vec![series], ..numbered(0) }).await.unwrap();
    assert_eq!((appended.refused, appended.refused_histograms), (1, 1));
    assert!(appended.reasons[0].contains("native histograms"), "{:?}", appended.reasons);
    assert_eq!(numbers(&*store).await, [0]);
}
