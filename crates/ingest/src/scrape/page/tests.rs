//! Pages that follow one another.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use model::is_stale;

use super::*;
use crate::scrape::config::ScrapeConfig;

const START: Timestamp = Timestamp::from_secs(1000);

struct Story {
    job: Arc<Job>,
    cache: SeriesCache,
    at: Timestamp,
    noted: Vec<String>,
}

impl Story {
    fn of(job: &str) -> Self {
        let yaml = format!("scrape_configs:\n- {{job_name: j, {job}}}\n");
        let config = ScrapeConfig::parse(Path::new("p.yml"), &yaml).unwrap();
        Self { job: config.jobs[0].clone(), cache: SeriesCache::default(), at: START, noted: Vec::new() }
    }

    fn take(&mut self, format: Format, body: &str) -> Result<Scraped, PageRefused> {
        self.at = self.at + Duration::from_secs(1);
        let target = LabelSet::new([("job", "j"), ("instance", "i")]);
        let measure = Measure { job: &self.job, labels: &target, limits: &PageLimits::default() };
        let page = Page { format, body: body.as_bytes(), at: self.at };
        let noted = &mut self.noted;
        self.cache.take(&page, measure, |family, fact| noted.push(format!("{family} {fact:?}")))
    }

    /// The page's samples as text: labels without those of the target, `stale` for a marker.
    #[track_caller]
    fn page(&mut self, body: &str, expected: &[&str]) -> Scraped {
        let scraped = self.take(Format::Text, body).unwrap();
        assert_eq!(lines(&scraped.batch, self.at), expected);
        scraped
    }
}

fn lines(batch: &Batch, now: Timestamp) -> Vec<String> {
    let mut lines: Vec<String> = batch
        .series
        .iter()
        .map(|series| {
            let sample = series.samples[0];
            let value = if is_stale(sample.value) { "stale".to_owned() } else { sample.value.to_string() };
            let time = if sample.at == now { String::new() } else { format!(" @{}", sample.at.as_millis()) };
            format!("{} {value}{time}", series.labels.without(&["job", "instance"]))
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn a_series_that_vanishes_leaves_a_marker_once() {
    let mut story = Story::of("");
    let first = story.page("a 1\nb{x=\"y\"} 2\n", &["a 1", "b{x=\"y\"} 2"]);
    assert_eq!((first.samples, first.kept, first.added), (2, 2, 2));
    let second = story.page("a 3\n", &["a 3", "b{x=\"y\"} stale"]);
    assert_eq!((second.samples, second.added), (1, 0));
    story.page("a 4\n", &["a 4"]);
    story.page("a 4\nb{x=\"y\"} 2\n", &["a 4", "b{x=\"y\"} 2"]);
}

#[test]
fn a_target_that_does_not_answer_leaves_markers_for_all() {
    let mut story = Story::of("");
    story.page("a 1\nb 2\n", &["a 1", "b 2"]);
    assert_eq!(lines(&story.cache.lost(story.at), story.at), ["a stale", "b stale"]);
    assert!(story.cache.lost(story.at).is_empty(), "once is enough");
    let back = story.page("a 1\n", &["a 1"]);
    assert_eq!(back.added, 0, "it is the same series as before");
}

#[test]
fn a_page_that_is_refused_does_not_count_and_does_not_grow_the_cache() {
    let mut story = Story::of("");
    story.page("a 1\n", &["a 1"]);
    for round in 0..10 {
        let error = story.take(Format::Text, &format!("b{round} 1\na 2\n!\n")).unwrap_err();
        let PageRefused::Unreadable(error) = error else { panic!("{error}") };
        assert_eq!(error.line, 3);
        assert_eq!(lines(&story.cache.lost(story.at), story.at).is_empty(), round > 0);
    }
    assert!(story.cache.len() <= 1);
}

#[test]
fn a_fault_within_labels_names_its_line() {
    let mut story = Story::of("");
    let PageRefused::Unreadable(error) = story.take(Format::Text, "a 1\nb{c=\"1\",c=\"2\"} 1\n").unwrap_err()
    else {
        panic!()
    };
    assert_eq!(error.to_string(), "line 2: the label `c` is there twice");
}

#[test]
fn labels_of_the_target_win_unless_the_page_is_honoured() {
    let page = "a{job=\"theirs\",exported_instance=\"x\",instance=\"y\"} 1\n";
    let labels_of = |job: &str| {
        let scraped = Story::of(job).take(Format::Text, page).unwrap();
        scraped.batch.series[0].labels.to_string()
    };
    assert_eq!(
        labels_of(""),
        r#"a{exported_exported_instance="y", exported_instance="x", exported_job="theirs", instance="i", job="j"}"#
    );
    assert_eq!(labels_of("honor_labels: true"), r#"a{exported_instance="x", instance="y", job="theirs"}"#);
}

#[test]
fn rules_drop_and_rename() {
    let mut story = Story::of(
        "metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: go_.*}, \
         {action: labeldrop, regex: x}]",
    );
    let scraped = story.page("go_gc 1\nb{x=\"1\"} 2\n", &["b 2"]);
    assert_eq!((scraped.samples, scraped.kept, scraped.added), (2, 1, 1));
    // What is written differently and means the same is still here.
    story.page("b{x=\"2\"} 3\n", &["b 3"]);
}

#[test]
fn times_of_the_page_are_kept_and_not_marked_stale() {
    let mut story = Story::of("");
    story.page("a 1 500\n", &["a 1 @500"]);
    story.page("", &[]);
    let mut tracked = Story::of("track_timestamps_staleness: true");
    tracked.page("a 1 500\n", &["a 1 @500"]);
    tracked.page("", &["a stale"]);
    let mut ignored = Story::of("honor_timestamps: false");
    ignored.page("a 1 500\n", &["a 1"]);
    ignored.page("", &["a stale"]);
}

#[test]
fn a_page_beyond_its_limits_is_refused_whole() {
    let refused = |job: &str, page: &str| Story::of(job).take(Format::Text, page).unwrap_err().to_string();
    let limit = refused("sample_limit: 2", "a 1\nb 1\nc 1\n");
    assert_eq!(limit, "3 samples are more than `sample_limit` (2)");
    assert!(Story::of("sample_limit: 2").take(Format::Text, "a 1\nb 1\n").is_ok());
    assert_eq!(refused("label_limit: 3", "a{x=\"1\"} 1\n"), "a passes `label_limit` (3) with 4");
    assert!(
        refused("label_name_length_limit: 8", "a{longerthan8=\"1\"} 1\n").contains("label_name_length_limit")
    );
    assert!(refused("label_value_length_limit: 3", "a{x=\"1234\"} 1\n").contains("label_value_length_limit"));
    let nameless = refused("metric_relabel_configs: [{action: labeldrop, regex: __name__}]", "a 1\n");
    assert!(nameless.contains("without a name"), "{nameless}");
}

#[test]
fn an_exemplar_is_taken_once_and_facts_are_noted_once() {
    let mut story = Story::of("");
    let page = "# TYPE a counter\na_total 1 # {trace_id=\"x\"} 0.5\n# EOF\n";
    let first = story.take(Format::OpenMetrics, page).unwrap().batch.exemplars;
    assert_eq!((first.len(), first[0].exemplars[0].at), (1, story.at));
    assert!(story.take(Format::OpenMetrics, page).unwrap().batch.exemplars.is_empty());
    let other = page.replace("\"x\"", "\"y\"");
    assert_eq!(story.take(Format::OpenMetrics, &other).unwrap().batch.exemplars.len(), 1);
    assert_eq!(story.noted, ["a Kind(Counter)"]);
}
