//! One target, scrape by scrape, on a clock that obeys.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::path::Path;

use async_trait::async_trait;
use model::{Matcher, Sample, TimeRange, is_stale};
use parking_lot::Mutex;
use storage::{AppendError, Appended, QueryLimits, SampleReader};
use testkit::{FakeClock, MemoryStore};

use super::super::config::ScrapeConfig;
use super::super::fetch::Fetched;
use super::super::target::{Found, targets};
use super::*;
use crate::exposition::Format;

/// What the target answers, one after the other; afterwards nothing comes, ever.
#[derive(Default)]
struct Scripted(Mutex<VecDeque<Result<&'static str, u16>>>);

#[async_trait]
impl Fetch for Scripted {
    async fn fetch(&self, _: &Target) -> Result<Fetched, FetchError> {
        let next = self.0.lock().pop_front();
        match next {
            Some(Ok(body)) => Ok(Fetched { format: Format::Text, body: body.as_bytes().to_vec() }),
            Some(Err(status)) => Err(FetchError::Status(status)),
            None => std::future::pending().await,
        }
    }
}

struct Story {
    clock: FakeClock,
    store: Arc<MemoryStore>,
    status: SharedStatus,
    metadata: Arc<MetadataRegistry>,
    interval: Duration,
}

/// Runs a watch with these answers, while `story` tells what happens.
async fn tell(
    job: &str,
    answers: &[Result<&'static str, u16>],
    refused: Option<&str>,
    story: impl AsyncFnOnce(&Story, &Shutdown, &Shutdown),
) {
    let yaml = format!(
        "scrape_configs:\n- {{job_name: j, scrape_interval: 10s, static_configs: [{{targets: ['t:1']}}], {job}}}\n"
    );
    let config = ScrapeConfig::parse(Path::new("p.yml"), &yaml).unwrap();
    let job = config.jobs[0].clone();
    let Some(Found::Target(target)) = targets(&job, &job.groups[0], None).pop() else { panic!() };
    let told = Story {
        clock: FakeClock::new(),
        store: Arc::new(MemoryStore::new()),
        status: SharedStatus::default(),
        metadata: Arc::default(),
        interval: target.interval,
    };
    let (program, offset) = (Shutdown::new(), target.offset());
    let gone = program.child();
    let watch = Watch {
        job,
        target: Arc::new(*target),
        refused: refused.map(str::to_owned),
        source: "source".to_owned(),
        fetch: Arc::new(Scripted(Mutex::new(answers.iter().copied().collect()))),
        store: told.store.clone(),
        clock: Arc::new(told.clock.clone()),
        metadata: told.metadata.clone(),
        status: told.status.clone(),
        limits: PageLimits::default(),
    };
    let script = async {
        // The fake clock starts at a multiple of the interval.
        told.clock.advance(offset).await;
        story(&told, &gone, &program).await;
        program.begin();
    };
    tokio::join!(watch.run(gone.clone(), program.clone()), script);
}

impl Story {
    async fn samples(&self, name: &str) -> Vec<Sample> {
        let name = Matcher::equal(model::METRIC_NAME, name);
        let mut series = self.store.select(&[name], TimeRange::ALL, QueryLimits::default()).await.unwrap();
        series.pop().map_or(Vec::new(), |series| series.samples)
    }

    async fn values(&self, name: &str) -> Vec<String> {
        let shown = |sample: &Sample| {
            if is_stale(sample.value) { "stale".to_owned() } else { sample.value.to_string() }
        };
        self.samples(name).await.iter().map(shown).collect()
    }

    async fn turn(&self) {
        self.clock.advance(self.interval).await;
    }
}

#[tokio::test]
async fn each_interval_has_its_scrape_with_what_it_says_about_itself() {
    tell(
        "extra_scrape_metrics: true",
        &[Ok("# HELP a Why\na 1\nb 2\n"), Ok("a 3\n")],
        None,
        async |story, _, _| {
            assert_eq!(story.values("a").await, ["1"]);
            story.turn().await;
            assert_eq!(story.values("a").await, ["1", "3"]);
            assert_eq!(story.values("b").await, ["2", "stale"]);
            assert_eq!(story.values("up").await, ["1", "1"]);
            assert_eq!(story.values("scrape_samples_scraped").await, ["2", "1"]);
            assert_eq!(story.values("scrape_samples_post_metric_relabeling").await, ["2", "1"]);
            assert_eq!(story.values("scrape_series_added").await, ["2", "0"]);
            assert_eq!(story.values("scrape_timeout_seconds").await, ["10", "10"]);
            let times: Vec<_> = story.samples("up").await.iter().map(|sample| sample.at).collect();
            assert_eq!(times[1].since(times[0]), story.interval);
            assert_eq!(story.metadata.of_source("source").len(), 1);
            assert_eq!(story.status.lock().health, TargetHealth::Up);
        },
    )
    .await;
}

#[tokio::test]
async fn a_target_that_fails_is_down_and_its_series_end() {
    tell("", &[Ok("a 1\n"), Err(500), Ok("a 2\n!\n"), Ok("a 3\n")], None, async |story, _, _| {
        story.turn().await;
        assert_eq!(story.values("a").await, ["1", "stale"]);
        assert_eq!(story.status.lock().last_error, "it answered with status 500");
        story.turn().await;
        assert!(story.status.lock().last_error.contains("line 2"), "{:?}", story.status.lock());
        story.turn().await;
        assert_eq!(story.values("a").await, ["1", "stale", "3"]);
        assert_eq!(story.values("up").await, ["1", "0", "0", "1"]);
        assert_eq!(story.status.lock().last_error, "");
    })
    .await;
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_given_its_time_and_no_more() {
    tell("scrape_timeout: 4s", &[Ok("a 1\n")], None, async |story, _, _| {
        story.turn().await;
        assert_eq!(story.values("up").await, ["1"]);
        story.clock.advance(Duration::from_secs(4)).await;
        assert_eq!(story.values("up").await, ["1", "0"]);
        assert_eq!(story.values("a").await, ["1", "stale"]);
        assert_eq!(story.values("scrape_duration_seconds").await, ["0", "4"]);
        // The timeout does not move the next turn.
        story.clock.advance(Duration::from_secs(6 + 4)).await;
        let times: Vec<_> = story.samples("up").await.iter().map(|sample| sample.at).collect();
        assert_eq!(times[2].since(times[1]), story.interval);
    })
    .await;
}

#[tokio::test]
async fn a_target_that_goes_takes_its_series_along() {
    tell("", &[Ok("# TYPE a gauge\na 1\n")], None, async |story, gone, _| {
        story.clock.advance(Duration::from_secs(1)).await;
        gone.begin();
        story.clock.advance(Duration::from_secs(1)).await;
        for name in ["a", "up", "scrape_series_added"] {
            assert_eq!(story.values(name).await.last().unwrap(), "stale", "{name}");
        }
        assert!(story.metadata.of_source("source").is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_end_of_the_program_is_not_the_end_of_the_series() {
    tell("", &[Ok("a 1\n")], None, async |story, _, program| {
        program.begin();
        story.clock.advance(Duration::from_secs(1)).await;
        assert_eq!((story.values("a").await, story.values("up").await), (vec!["1".into()], vec!["1".into()]));
    })
    .await;
}

#[tokio::test]
async fn a_target_beyond_the_limit_is_down_and_not_asked() {
    tell("", &[Ok("a 1\n")], Some("too many"), async |story, _, _| {
        assert_eq!((story.values("up").await, story.values("a").await), (vec!["0".into()], vec![]));
        assert_eq!(story.status.lock().last_error, "too many");
    })
    .await;
}

#[tokio::test]
async fn a_page_beyond_its_limit_is_counted_and_not_kept() {
    tell("sample_limit: 1", &[Ok("a 1\n"), Ok("a 1\nb 1\nc 1\n")], None, async |story, _, _| {
        story.turn().await;
        assert_eq!(story.values("up").await, ["1", "0"]);
        assert_eq!(story.values("scrape_samples_scraped").await, ["1", "3"]);
        assert_eq!(story.values("a").await, ["1", "stale"]);
    })
    .await;
}

#[tokio::test]
async fn what_the_store_cannot_take_is_told() {
    struct Full;
    #[async_trait]
    impl Appender for Full {
        async fn append(&self, _: Batch) -> Result<Appended, AppendError> {
            Err(AppendError::Full("disk".to_owned()))
        }
    }
    let clock = FakeClock::new();
    let config = ScrapeConfig::parse(
        Path::new("p.yml"),
        "scrape_configs:\n- {job_name: j, static_configs: [{targets: ['t:1']}]}\n",
    )
    .unwrap();
    let job = config.jobs[0].clone();
    let Some(Found::Target(target)) = targets(&job, &job.groups[0], None).pop() else { panic!() };
    let status = SharedStatus::default();
    let watch = Watch {
        job,
        target: Arc::new(*target),
        refused: None,
        source: String::new(),
        fetch: Arc::new(Scripted(Mutex::new([Ok("a 1\n")].into()))),
        store: Arc::new(Full),
        clock: Arc::new(clock),
        metadata: Arc::default(),
        status: status.clone(),
        limits: PageLimits::default(),
    };
    watch.round(&mut SeriesCache::default()).await;
    assert!(status.lock().last_error.contains("the store is full: disk"), "{:?}", status.lock());
}

#[test]
fn turns_that_were_missed_are_not_made_up_for() {
    let seconds = Duration::from_secs;
    for (last, now, next) in [(10, 10, 20), (10, 19, 20), (10, 20, 30), (10, 45, 50)] {
        assert_eq!(following(seconds(last), seconds(10), seconds(now)), seconds(next), "{last} {now}");
    }
}
