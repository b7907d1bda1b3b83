//! What the file says, and what is scraped because of it.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "the operator writes these files")]

use model::{Matcher, TimeRange, is_stale};
use storage::{QueryLimits, SampleReader};
use testkit::{FakeClock, MemoryStore};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::super::board::TargetHealth;
use super::*;

struct Installation {
    folder: tempfile::TempDir,
    clock: FakeClock,
    store: Arc<MemoryStore>,
    supervisor: Supervisor,
}

impl Installation {
    fn new(yaml: &str) -> Self {
        let clock = FakeClock::new();
        let installation = Self {
            folder: tempfile::tempdir().unwrap(),
            store: Arc::new(MemoryStore::new()),
            supervisor: Supervisor::new(Arc::new(clock.clone()), Shutdown::new()),
            clock,
        };
        installation.write("prometheus.yml", yaml);
        installation
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn start(&self) -> Result<Scraper, ConfigError> {
        self.start_with(100)
    }

    fn start_with(&self, targets_max: usize) -> Result<Scraper, ConfigError> {
        let settings = ScrapeSettings {
            config: self.folder.path().join("prometheus.yml"),
            body_bytes_max: 1 << 20,
            targets_max,
            samples_max: 1000,
        };
        let parts = ScrapeParts {
            disk: Arc::new(disk::RealDisk),
            store: self.store.clone(),
            clock: Arc::new(self.clock.clone()),
            supervisor: self.supervisor.clone(),
            metadata: Arc::default(),
        };
        Scraper::start(settings, parts)
    }

    /// Lets time pass, a little at once and with real pauses for files and sockets, until
    /// `is_so`.
    async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        for _ in 0..2000 {
            if is_so().await {
                return;
            }
            self.clock.advance(Duration::from_millis(500)).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("waited in vain for {what}");
    }

    async fn last(&self, name: &str, instance: &str) -> Option<f64> {
        let matchers = [Matcher::equal(model::METRIC_NAME, name), Matcher::equal("instance", instance)];
        let mut series = self.store.select(&matchers, TimeRange::ALL, QueryLimits::default()).await.unwrap();
        series.pop()?.samples.last().map(|sample| sample.value)
    }
}

fn names(scraper: &Scraper) -> Vec<String> {
    let mut names: Vec<String> = scraper
        .targets()
        .active
        .iter()
        .map(|active| active.target.labels.value("instance").to_owned())
        .collect();
    names.sort();
    names
}

const FILES: &str = "global: {scrape_interval: 5s, scrape_timeout: 4s}\nscrape_configs:\n\
    - {job_name: files, file_sd_configs: [{files: ['t*.yml']}]}\n";

#[tokio::test]
async fn targets_come_are_scraped_and_go() {
    let exporter = MockServer::start().await;
    let page = ResponseTemplate::new(200).set_body_raw("# TYPE a gauge\na 1\n", "text/plain");
    Mock::given(wiremock::matchers::any()).respond_with(page).mount(&exporter).await;
    let address = exporter.address().to_string();
    let installation = Installation::new(FILES);
    let scraper = installation.start().unwrap();
    installation.until("an empty board", async || scraper.targets().pools == ["files"]).await;
    installation.write("t.yml", &format!("- targets: ['{address}']\n"));
    installation.until("a sample", async || installation.last("a", &address).await == Some(1.0)).await;
    assert_eq!(installation.last("up", &address).await, Some(1.0));
    let targets = scraper.targets();
    assert_eq!(targets.active[0].status.health, TargetHealth::Up);
    assert_eq!(scraper.metadata().of_source(&targets.active[0].source).len(), 1);
    installation.write("t.yml", "[]");
    installation
        .until("its end", async || installation.last("a", &address).await.is_some_and(is_stale))
        .await;
    assert!(names(&scraper).is_empty());
    assert!(installation.supervisor.stop(Duration::from_secs(5)).await.is_empty());
}

#[tokio::test]
async fn a_reload_counts_when_it_is_right_and_changes_nothing_when_it_is_wrong() {
    let job = |target: &str| {
        format!(
            "scrape_configs:\n- {{job_name: a, static_configs: [{{targets: ['{target}', 'stays:1']}}]}}\n"
        )
    };
    let installation = Installation::new(&job("127.0.0.1:1"));
    let scraper = installation.start().unwrap();
    installation.until("targets", async || names(&scraper) == ["127.0.0.1:1", "stays:1"]).await;
    let source_of = |instance: &str| {
        let active = scraper.targets().active;
        active.into_iter().find(|one| one.target.labels.value("instance") == instance).unwrap().source
    };
    installation.write("prometheus.yml", "scrape_configs: [{job_nam: a}]\n");
    let error = scraper.reload().unwrap_err();
    assert!(matches!(error, ConfigError::Yaml { .. }), "{error}");
    assert_eq!(names(&scraper), ["127.0.0.1:1", "stays:1"]);
    installation.write("prometheus.yml", &format!("{}\n# only a comment\n", job("127.0.0.1:1")));
    let before = source_of("stays:1");
    scraper.reload().unwrap();
    installation.until("the look", async || names(&scraper).len() == 2).await;
    assert_eq!(source_of("stays:1"), before, "what did not change goes on");
    installation.write(
        "prometheus.yml",
        "scrape_configs:\n- {job_name: b, static_configs: [{targets: ['127.0.0.1:2']}]}\n",
    );
    scraper.reload().unwrap();
    installation.until("the new target", async || names(&scraper) == ["127.0.0.1:2"]).await;
    assert!(installation.supervisor.stop(Duration::from_secs(5)).await.is_empty());
}

#[tokio::test]
async fn a_start_without_its_file_names_it() {
    let installation = Installation::new("");
    std::fs::remove_file(installation.folder.path().join("prometheus.yml")).unwrap();
    let error = installation.start().unwrap_err().to_string();
    assert!(error.contains("prometheus.yml"), "{error}");
}

#[tokio::test]
async fn too_many_targets_are_refused_or_left_out() {
    let installation = Installation::new(
        "scrape_configs:\n- {job_name: a, target_limit: 1, static_configs: [{targets: ['a:1', 'b:1']}]}\n\
         - {job_name: b, static_configs: [{targets: ['c:1', 'd:1']}],\
         relabel_configs: [{action: drop, source_labels: [__address__], regex: 'd:1'}]}\n",
    );
    let scraper = installation.start_with(2).unwrap();
    installation.until("targets", async || names(&scraper) == ["a:1", "b:1"]).await;
    let is_down = async || {
        let active = scraper.targets().active;
        active.iter().all(|one| one.status.last_error == "2 targets are more than `target_limit` (1)")
    };
    installation.until("the refusal", is_down).await;
    let targets = scraper.targets();
    assert_eq!((targets.dropped.len(), targets.dropped_counts["b"]), (1, 1));
    assert!(installation.supervisor.stop(Duration::from_secs(5)).await.is_empty());
}
