//! From a group of addresses to targets: what is scraped, under which labels.

use std::time::Duration;

use model::LabelSet;
use url::Url;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::config::{GroupFile, Job, Scheme, Span};
use super::relabel::relabel;

const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAMETER: &str = "__param_";
/// Labels of this kind end with relabelling.
const HIDDEN: &str = "__";

/// One endpoint of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub job: String,
    /// Before relabelling.
    pub discovered: LabelSet,
    /// What its samples get.
    pub labels: LabelSet,
    pub url: Url,
    pub interval: Duration,
    pub timeout: Duration,
}

/// What became of an address.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    Target(Box<Target>),
    /// The rules do not want it.
    Dropped(LabelSet),
    /// Nothing can be scraped like that.
    Refused {
        address: String,
        reason: String,
    },
}

impl Target {
    /// Equal for equal targets of equal jobs.
    pub fn key(&self) -> u128 {
        xxh3_128(format!("{}\0{:?}\0{}", self.job, self.labels, self.url).as_bytes())
    }

    /// Spreads targets over their interval, in the same way after each start.
    pub fn offset(&self) -> Duration {
        let nanos = u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX).max(1);
        Duration::from_nanos(xxh3_64(&self.key().to_le_bytes()) % nanos)
    }
}

/// The targets of a group. `source` is the file that named it.
pub fn targets(job: &Job, group: &GroupFile, source: Option<&str>) -> Vec<Found> {
    group.targets.iter().map(|address| found(job, group, address, source)).collect()
}

fn found(job: &Job, group: &GroupFile, address: &str, source: Option<&str>) -> Found {
    let discovered = discovered(job, group, address, source);
    let Some(labels) = relabel(&job.relabel, discovered.clone()) else { return Found::Dropped(discovered) };
    match target(job, discovered, &labels) {
        Ok(target) => Found::Target(Box::new(target)),
        Err(reason) => Found::Refused { address: address.to_owned(), reason },
    }
}

fn discovered(job: &Job, group: &GroupFile, address: &str, source: Option<&str>) -> LabelSet {
    let scheme = match job.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    let (interval, timeout) = (Span(job.interval).to_string(), Span(job.timeout).to_string());
    let mut pairs: Vec<(String, &str)> = vec![
        ("job".to_owned(), &job.name),
        (SCHEME.to_owned(), scheme),
        (PATH.to_owned(), &job.path),
        (INTERVAL.to_owned(), &interval),
        (TIMEOUT.to_owned(), &timeout),
    ];
    for (name, values) in &job.params {
        pairs.extend(values.first().map(|value| (format!("{PARAMETER}{name}"), value.as_str())));
    }
    pairs.extend(source.map(|file| ("__meta_filepath".to_owned(), file)));
    pairs.extend(group.labels.iter().map(|(name, value)| (name.clone(), value.as_str())));
    pairs.push((ADDRESS.to_owned(), address));
    LabelSet::new(pairs)
}

fn target(job: &Job, discovered: LabelSet, labels: &LabelSet) -> Result<Target, String> {
    let address = labels.value(ADDRESS);
    if address.is_empty() {
        return Err("it has no address".to_owned());
    }
    let span = |name: &str| {
        let text = labels.value(name);
        let span = Span::parse(text).filter(|span| !span.0.is_zero());
        span.map(|span| span.0).ok_or_else(|| format!("`{text}` in `{name}` is not a duration"))
    };
    let (interval, timeout) = (span(INTERVAL)?, span(TIMEOUT)?);
    if timeout > interval {
        return Err(format!("`{TIMEOUT}` is longer than `{INTERVAL}`"));
    }
    let url = url(job, labels, address)?;
    let shown = labels.iter().filter(|(name, _)| !name.starts_with(HIDDEN));
    let instance = std::iter::once(("instance", address));
    let labels = LabelSet::new(instance.chain(shown));
    Ok(Target { job: job.name.clone(), discovered, labels, url, interval, timeout })
}

fn url(job: &Job, labels: &LabelSet, address: &str) -> Result<Url, String> {
    let scheme = labels.value(SCHEME);
    if !matches!(scheme, "http" | "https") {
        return Err(format!("`{scheme}` is not a scheme that can be scraped"));
    }
    if address.contains(['/', '?', '#', '@']) {
        return Err(format!("`{address}` is not an address: write `host:port`"));
    }
    let path = labels.value(PATH);
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut url = Url::parse(&format!("{scheme}://{address}{slash}{path}"))
        .map_err(|error| format!("`{address}` is not an address: {error}"))?;
    let parameters = parameters(job, labels);
    if !parameters.is_empty() {
        url.query_pairs_mut().extend_pairs(parameters);
    }
    Ok(url)
}

/// Those of the job; the first value of each is what relabelling left of it.
fn parameters(job: &Job, labels: &LabelSet) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, value) in labels.iter() {
        if let Some(name) = name.strip_prefix(PARAMETER) {
            pairs.push((name.to_owned(), value.to_owned()));
            let further = job.params.iter().filter(|(other, _)| other == name).flat_map(|(_, values)| values);
            pairs.extend(further.skip(1).map(|value| (name.to_owned(), value.clone())));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use super::*;
    use crate::scrape::config::ScrapeConfig;

    fn found(job: &str) -> Vec<Found> {
        let config =
            ScrapeConfig::parse(Path::new("p.yml"), &format!("scrape_configs:\n- {{{job}}}\n")).unwrap();
        let job = &config.jobs[0];
        job.groups.iter().flat_map(|group| targets(job, group, None)).collect()
    }

    fn one(job: &str) -> Target {
        match found(job).as_slice() {
            [Found::Target(target)] => target.as_ref().clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_target_has_an_instance_and_a_job() {
        let target = one("job_name: a, static_configs: [{targets: ['host:1'], labels: {rack: x}}]");
        assert_eq!(target.url.as_str(), "http://host:1/metrics");
        let labels = [("instance", "host:1"), ("job", "a"), ("rack", "x")];
        assert_eq!(target.labels, LabelSet::new(labels));
        assert!(target.offset() < target.interval);
        assert_eq!(target.discovered.get("__scrape_interval__"), Some("1m"));
    }

    #[test]
    fn relabelling_decides_where_and_how_often() {
        let target = one("job_name: probe, metrics_path: /probe, params: {module: [a, b]}, \
             static_configs: [{targets: ['https://x.test/?q=1']}], relabel_configs: [\
             {source_labels: [__address__], target_label: __param_target}, \
             {source_labels: [__param_target], target_label: instance}, \
             {target_label: __address__, replacement: 'prober:9115'}, \
             {target_label: __scrape_interval__, replacement: 90s}]");
        assert_eq!(
            target.url.as_str(),
            "http://prober:9115/probe?module=a&module=b&target=https%3A%2F%2Fx.test%2F%3Fq%3D1"
        );
        assert_eq!(target.labels.get("instance"), Some("https://x.test/?q=1"));
        assert_eq!(target.interval, Duration::from_secs(90));
    }

    #[test]
    fn what_is_dropped_or_cannot_be_scraped_is_said() {
        let job = |rule: &str| {
            format!("job_name: a, static_configs: [{{targets: [h]}}], relabel_configs: [{rule}]")
        };
        assert!(matches!(found(&job("{action: drop}"))[0], Found::Dropped(_)));
        for (rule, expected) in [
            ("{target_label: __address__, replacement: ''}", "no address"),
            ("{target_label: __address__, replacement: 'http://h/'}", "write `host:port`"),
            ("{target_label: __scheme__, replacement: ftp}", "`ftp`"),
            ("{target_label: __scrape_timeout__, replacement: 2h}", "longer"),
            ("{target_label: __scrape_interval__, replacement: soon}", "not a duration"),
        ] {
            match &found(&job(rule))[0] {
                Found::Refused { reason, .. } => assert!(reason.contains(expected), "{reason}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
